#include "run/run.hpp"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <limits>

#include "run/ramp.hpp"

namespace gpuhours {
namespace {

/// The main phase in the words of the others.
Phase main_phase(const Training& training) {
  Phase phase;
  phase.name = "main";
  phase.tokens = training.tokens;
  phase.ramp = training.ramp;
  return phase;
}

PhaseEstimate given_phase(const Phase& phase, int gpus) {
  PhaseEstimate out;
  out.name = phase.name;
  out.tokens = phase.tokens;
  out.simulated = false;
  out.gpu_hours = *phase.given_gpu_hours;
  out.wall_time = out.gpu_hours / gpus * kHour;
  return out;
}

/// The smallest batch that the schedule runs as it is, 0 when it runs all.
int smallest_batch(const Parallelism& parallelism, int gpus, int micro_batch) {
  const bool dual = parallelism.schedule == Schedule::dualpipe || parallelism.schedule == Schedule::dualpipe_v;
  if (!dual) return 0;
  const std::int64_t batch = std::int64_t{2} * parallelism.pp * parallelism.dp(gpus) * micro_batch;
  return static_cast<int>(std::min<std::int64_t>(batch, std::numeric_limits<int>::max()));
}

PhaseEstimate simulated_phase(const Scenario& scenario, const Phase& phase, int index, double productive_share,
                              const StepTimes& steps) {
  const Training& training = scenario.training;
  const Parallelism& parallelism = phase.parallelism ? *phase.parallelism : scenario.parallelism;
  const int gpus = scenario.cluster.gpus;
  const int length = phase.sequence_length > 0 ? phase.sequence_length : training.sequence_length;
  const int batch = phase.global_batch > 0 ? phase.global_batch : training.global_batch;
  const std::vector<BatchPiece> pieces =
      batch_pieces(phase.ramp, batch, batch_unit(parallelism, gpus, training.micro_batch), phase.tokens);
  const std::vector<StepAtBatch> times = step_times(
      pieces, [&](int at) { return steps(index, at); }, smallest_batch(parallelism, gpus, training.micro_batch));

  PhaseEstimate out;
  out.name = phase.name;
  out.tokens = phase.tokens;
  out.step_time = pieces.back().batch == batch ? times.back().time : steps(index, batch).time;
  double fall_back_tokens = 0;
  Seconds productive;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const double count = pieces[i].tokens / (static_cast<double>(pieces[i].batch) * length);
    out.steps += count;
    productive += count * times[i].time;
    if (times[i].fell_back) fall_back_tokens += pieces[i].tokens;
  }
  out.given_gpu_hours = phase.given_gpu_hours.value_or(0);
  out.fall_back_token_share = phase.tokens > 0 ? fall_back_tokens / phase.tokens : 0;
  out.wall_time = productive / productive_share;
  out.gpu_hours = gpus * (out.wall_time / kHour);
  return out;
}

}  // namespace

RunEstimate run_estimate(const Scenario& scenario, const StepTimes& steps) {
  const int gpus = scenario.cluster.gpus;
  const ClusterSize size{static_cast<double>(gpus) / scenario.cluster.node.gpus, static_cast<double>(gpus)};
  std::vector<Phase> phases{main_phase(scenario.training)};
  phases.insert(phases.end(), scenario.training.phases.begin(), scenario.training.phases.end());

  RunEstimate run;
  run.parts = goodput(scenario.reliability, size);
  run.goodput = run.parts.productive;
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const PhaseEstimate phase = phases[i].is_given()
                                    ? given_phase(phases[i], gpus)
                                    : simulated_phase(scenario, phases[i], static_cast<int>(i), run.goodput, steps);
    run.tokens += phase.tokens;
    run.steps += phase.steps;
    run.wall_time += phase.wall_time;
    run.gpu_hours += phase.gpu_hours;
    run.phases.push_back(phase);
  }
  return run;
}

}  // namespace gpuhours
