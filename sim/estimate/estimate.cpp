#include "estimate/estimate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "engine/step_range.hpp"
#include "estimate/checks.hpp"
#include "estimate/node_power.hpp"
#include "estimate/step_model.hpp"
#include "scenario/formats.hpp"

namespace gpuhours {
namespace {

Seconds seconds(SimTime time) { return time.seconds(); }

StepBreakdown breakdown(const RankStep& rank) {
  const auto compute = [&](ChunkKind kind) { return seconds(rank.chunk_compute[static_cast<std::size_t>(kind)]); };
  const auto exposed = [&](Exposed kind) { return seconds(rank.use.exposed[static_cast<std::size_t>(kind)]); };
  return {.forward = compute(ChunkKind::forward),
          .backward = compute(ChunkKind::backward) + compute(ChunkKind::backward_input),
          .weight = compute(ChunkKind::backward_weight),
          .forward_backward = compute(ChunkKind::forward_backward),
          .bubble = seconds(rank.bubble),
          .optimizer = seconds(rank.optimizer),
          .exposed_tp = exposed(Exposed::tensor),
          .exposed_ep = exposed(Exposed::expert),
          .exposed_dp = exposed(Exposed::data),
          .exposed_pp = exposed(Exposed::pipeline),
          .exposed_cp = exposed(Exposed::context)};
}

ChunkTimes chunk_times(const RankStep& rank) {
  ChunkTimes out;
  for (std::size_t i = 0; i < kChunkKinds; ++i) {
    out.time[i] = seconds(rank.chunk_time[i]);
    out.count[i] = rank.chunk_count[i];
  }
  out.bubble = seconds(rank.bubble);
  out.optimizer = seconds(rank.optimizer);
  return out;
}

/// The peak that mfu_native is counted by: of the formats that the recipe's products run in, the fastest one's.
FlopsPerSecond native_peak(const Scenario& scenario) {
  const Gpu& gpu = scenario.cluster.gpu;
  const PrecisionRecipe& r = scenario.precision;
  return std::max({matrix_peak(gpu, r.gemm), matrix_peak(gpu, r.attention), matrix_peak(gpu, r.head)});
}

StepEstimate step_estimate(const StepModel& model, int global_batch, StepResult result) {
  const Scenario& scenario = model.scenario();
  const double gpus = scenario.cluster.gpus;
  StepEstimate out;
  out.time = seconds(result.length);
  out.tokens_per_s_per_gpu =
      static_cast<double>(global_batch) * scenario.training.sequence_length / out.time.value() / gpus;
  out.model_flops_per_gpu = model_flops_per_sequence(scenario.model, scenario.training.sequence_length) *
                            static_cast<double>(global_batch) / out.time / gpus;
  out.mfu = out.model_flops_per_gpu / mfu_peak(scenario.cluster.gpu);
  out.mfu_native = out.model_flops_per_gpu / native_peak(scenario);
  for (const RankStep& rank : result.ranks) out.by_rank.push_back(breakdown(rank));
  const RankStep& shown = result.ranks[static_cast<std::size_t>(out.breakdown_rank)];
  out.breakdown = out.by_rank[static_cast<std::size_t>(out.breakdown_rank)];
  out.chunks = chunk_times(shown);
  out.exposed_communication = seconds(shown.use.all_exposed());
  if (shown.use.communication.ps > 0) {
    out.communication_hidden_share =
        static_cast<double>(shown.use.hidden.ps) / static_cast<double>(shown.use.communication.ps);
  }
  const PlanShape shape = model.shape(global_batch);
  out.schedule_run = shape.schedule_run();
  out.micro_batches = shape.micro_batches;
  out.mean_power_share = node_power_share(scenario.cluster, mean_gpu_power(model, result));
  out.timeline = std::move(result.timeline);
  return out;
}

/// Step models by phase, made when first asked for.
class PhaseModels {
 public:
  PhaseModels(const Scenario& scenario, const Calibration& calibration, Diagnostics& diagnostics)
      : scenario_(scenario), calibration_(calibration), diagnostics_(diagnostics) {}

  const StepModel* at(int phase) {
    auto it = models_.find(phase);
    if (it == models_.end()) {
      it = models_.emplace(phase, StepModel::make(phase_scenario(scenario_, phase), calibration_, diagnostics_)).first;
    }
    return it->second.get();
  }

  /// A step of a phase; empty after an error.
  std::optional<StepResult> step(int phase, int global_batch, bool timeline) {
    const StepModel* model = at(phase);
    if (model == nullptr) return std::nullopt;
    if (const auto name = negative_time(model->timed())) {
      diagnostics_.fault(fmt::format("'{}' takes a time below 0", *name));
      return std::nullopt;
    }
    std::optional<std::string> refusal = model->refusal(global_batch, timeline);
    StepResult result;
    if (!refusal) result = model->step(global_batch, timeline);
    if (!result.settled) refusal = unsettled_step(model->shape(global_batch));
    if (!refusal) {
      const std::vector<std::string> broken = broken_laws(*model, global_batch, result.length.seconds());
      for (const std::string& sentence : broken) diagnostics_.fault(sentence);
      return broken.empty() ? std::optional(std::move(result)) : std::nullopt;
    }
    diagnostics_.error({}, fmt::format("a step of phase '{}' with {} sequences is not simulated: {}", name_of(phase),
                                       global_batch, *refusal));
    return std::nullopt;
  }

 private:
  [[nodiscard]] std::string name_of(int phase) const {
    return phase == 0 ? "main" : scenario_.training.phases[static_cast<std::size_t>(phase - 1)].name;
  }

  const Scenario& scenario_;
  const Calibration& calibration_;
  Diagnostics& diagnostics_;
  std::map<int, std::unique_ptr<StepModel>> models_;
};

bool fell_back(const StepModel& model, int global_batch) {
  const PlanShape shape = model.shape(global_batch);
  return shape.schedule_run() != shape.schedule;
}

/// No result is below 0, infinite or no number.
std::vector<std::string> broken_results(const Estimate& found) {
  std::vector<std::string> broken;
  const auto check = [&](const char* what, double value) {
    if (!(value >= 0) || std::isinf(value)) broken.push_back(fmt::format("the {} is {}", what, value));
  };
  check("step time in seconds", found.step.time.value() > 0 ? found.step.time.value() : -1);
  check("wall time in seconds", found.run.wall_time.value());
  check("sum of GPU hours", found.run.gpu_hours);
  check("sum of dollars", found.cost.usd.value());
  check("energy in joules", found.cost.energy.value());
  check("memory in bytes", found.memory.peak.value());
  return broken;
}

/// Hours and rent follow the simulated steps; phases whose hours are given have no error.
void add_intervals(Estimate& out) {
  const double error = total_error(out.errors);
  out.step_time_interval = interval_80(out.step.time.value(), error);
  double given = 0;
  for (const PhaseEstimate& phase : out.run.phases) given += phase.simulated ? 0 : phase.gpu_hours;
  const Interval simulated = interval_80(out.run.gpu_hours - given, error);
  out.gpu_hours_interval = Interval{given + simulated.p10, given + simulated.p90};
  const double per_hour = out.run.gpu_hours > 0 ? out.cost.usd.value() / out.run.gpu_hours : 0;
  out.usd_interval = Interval{out.gpu_hours_interval->p10 * per_hour, out.gpu_hours_interval->p90 * per_hour};
}

void note_fall_back(const Scenario& scenario, const Estimate& estimate, std::vector<std::string>& notes) {
  for (const PhaseEstimate& phase : estimate.run.phases) {
    if (phase.fall_back_token_share <= 0) continue;
    const bool v = scenario.parallelism.schedule == Schedule::dualpipe_v;
    notes.push_back(
        fmt::format("{}: {:.1f} % of the tokens are trained with 1F1B, since {} at least {} a pipeline", phase.name,
                    100 * phase.fall_back_token_share,
                    v ? "DualPipeV wants micro-batches," : "DualPipe wants an even number of micro-batches,",
                    2 * scenario.parallelism.pp));
  }
}

void note_given_phases(const Estimate& estimate, std::vector<std::string>& notes) {
  for (const PhaseEstimate& phase : estimate.run.phases) {
    if (!phase.simulated || phase.given_gpu_hours <= 0) continue;
    notes.push_back(fmt::format("{}: simulated {:.4g} GPU hours, given {:.4g}", phase.name, phase.gpu_hours,
                                phase.given_gpu_hours));
  }
}

void note_routing(const Scenario& scenario, const RankLoads& loads, std::vector<std::string>& notes) {
  if (!loads.even()) {
    notes.push_back(
        fmt::format("natural routing: an expert's tokens vary by {:.1f} % from one micro-batch to the next, a rank's "
                    "rows by {:.1f} "
                    "%; the slowest of {} expert ranks gets {:.3f} times the mean",
                    100 * loads.expert_deviation(), 100 * loads.deviation(), loads.ranks(), loads.slowest()));
  }
  if (scenario.model.is_moe() && scenario.training.capacity_factor > 0) {
    notes.push_back(fmt::format("capacity factor {}: {:.1f} % of the token-expert pairs are dropped",
                                scenario.training.capacity_factor, 100 * dropped_share(scenario)));
  }
}

/// What the GPU does not have, and what is asked of its node.
void note_gpu(const Scenario& scenario, std::vector<std::string>& notes) {
  for (std::string& sentence : emulated_formats(scenario)) notes.push_back(std::move(sentence));
  const Cluster& c = scenario.cluster;
  const bool modelled = c.node.max_power.value() > 0 && c.node.training_power_share > 0;
  const Watts most = other_parts_power(c.node) + c.gpu.tdp * static_cast<double>(c.node.gpus);
  if (!modelled || most <= c.node.max_power) return;
  notes.push_back(
      fmt::format("{} GPUs of {:.0f} W beside the node's other parts may draw {:.1f} kW, above its max_power "
                  "of {:.1f} kW: energy counts what they draw",
                  c.node.gpus, c.gpu.tdp.value(), most.value() * 1e-3, c.node.max_power.value() * 1e-3));
}

/// A price of another GPU is used as it is, and said.
void note_price(const Scenario& scenario, std::vector<std::string>& notes) {
  const Pricing& pricing = scenario.pricing;
  const bool rented = pricing.method == PricingMethod::rent;
  const std::string& gpu = rented ? pricing.gpu : pricing.capital.gpu;
  if (gpu.empty() || gpu == scenario.cluster.gpu.id) return;
  notes.push_back(fmt::format("the price is that of {} ({}), the cluster has {}", gpu,
                              rented ? pricing.id : pricing.capital.id, scenario.cluster.gpu.id));
}

}  // namespace

std::optional<Estimate> estimate(const Scenario& scenario, const DataPaths& paths, const EstimateOptions& options,
                                 Diagnostics& diagnostics) {
  return estimate(scenario, Calibration(paths), options, diagnostics);
}

std::optional<Estimate> estimate(const Scenario& scenario, const Calibration& calibration,
                                 const EstimateOptions& options, Diagnostics& diagnostics) {
  PhaseModels models(scenario, calibration, diagnostics);
  const StepModel* main = models.at(0);
  if (main == nullptr) return std::nullopt;
  const int batch = scenario.training.global_batch;

  Estimate out;
  std::optional<StepResult> simulated = models.step(0, batch, options.timeline);
  if (!simulated) return std::nullopt;
  StepResult step = std::move(*simulated);
  if (diagnostics.has_errors()) return std::nullopt;

  out.provenance = provenance_report(*main, step);
  out.errors = error_factors(*main, batch, step);
  out.network = network_report(*main, batch, step.length.seconds());
  out.step = step_estimate(*main, batch, std::move(step));
  out.memory = memory_ledger(scenario, main->work(), main->warmed_up_plan(batch));
  out.run = run_estimate(scenario, [&](int phase, int global_batch) -> StepAtBatch {
    if (phase == 0 && global_batch == batch) return {out.step.time, fell_back(*main, batch)};
    if (diagnostics.has_errors()) return {};
    const auto result = models.step(phase, global_batch, false);
    if (!result) return {};
    return {result->length.seconds(), fell_back(*models.at(phase), global_batch)};
  });
  if (!(out.run.goodput > 0)) diagnostics.error({}, "the interruptions of 'reliability' leave no time to train");
  if (diagnostics.has_errors()) return std::nullopt;
  out.cost = cost_estimate(scenario, out.run, scenario.cluster.node.training_power_share * out.step.mean_power_share);
  add_intervals(out);
  note_fall_back(scenario, out, out.notes);
  note_price(scenario, out.notes);
  note_gpu(scenario, out.notes);
  note_given_phases(out, out.notes);
  note_routing(scenario, main->timed().loads, out.notes);
  for (const std::string& sentence : broken_results(out)) diagnostics.fault(sentence);
  if (diagnostics.has_errors()) return std::nullopt;
  return out;
}

}  // namespace gpuhours
