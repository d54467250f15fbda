#include "calibrate/fill_layout.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "memory/remedy.hpp"
#include "scenario/enum_names.hpp"
#include "scenario/layout_problem.hpp"

namespace gpuhours {

namespace {

/// Largest micro-batch that is tried for a row that does not say.
constexpr int kLargestMicroBatch = 64;

void set_recompute(Training& training, Recompute recompute) {
  training.recompute = recompute;
  training.recompute_ops.clear();
  if (recompute == Recompute::selective) {
    training.recompute_ops = {RecomputeOp::norm, RecomputeOp::mla_up_projection, RecomputeOp::activation};
  }
}

void fill_recompute(RunScenario& run) {
  Training& training = run.scenario->training;
  for (const Recompute recompute : {Recompute::none, Recompute::selective, Recompute::full}) {
    set_recompute(training, recompute);
    if (layout_fits(*run.scenario)) break;
  }
  run.filled.push_back(fmt::format("recompute: {} (the least that fits)", enum_name(training.recompute)));
}

void fill_micro_batch(RunScenario& run) {
  Scenario& scenario = *run.scenario;
  const int per_rank = scenario.training.global_batch / scenario.parallelism.dp(scenario.cluster.gpus);
  for (int size = scenario.parallelism.pp > 1 ? 1 : kLargestMicroBatch; size >= 1; size /= 2) {
    if (per_rank % size != 0) continue;
    scenario.training.micro_batch = size;
    if (!layout_problem(scenario) && layout_fits(scenario)) break;
  }
  run.filled.push_back(fmt::format("mbs: {}", scenario.training.micro_batch));
}

}  // namespace

int layer_a_chunk(int layers, int pp) {
  if (pp < 1) return 1;  // refused where the scenario is read
  const bool ends = layers % pp != 0 && (layers + 2) % pp == 0;
  return std::max(1, (layers + (ends ? 2 : 0)) / pp);
}

void fill_open_layout(RunScenario& run) {
  if (run.recompute_open) fill_recompute(run);
  if (run.micro_batch_open) fill_micro_batch(run);
}

}  // namespace gpuhours
