#include "workload/workload.hpp"

#include <algorithm>

#include "workload/activations.hpp"
#include "workload/layers.hpp"
#include "workload/routing.hpp"
#include "workload/stages.hpp"

namespace gpuhours {

namespace {

bool holds(const std::vector<StageWork>& stages, LayerKind kind) {
  return std::any_of(stages.begin(), stages.end(), [kind](const StageWork& stage) {
    return std::find(stage.layers.begin(), stage.layers.end(), kind) != stage.layers.end();
  });
}

/// Under natural routing those of the busiest rank: what is kept sums as many layers and micro-batches as a pipeline
/// holds (about the model's layers), the workspace is one layer's.
ActivationBytes expert_activations(const Dimensions& d) {
  const RankLoads loads(d.scenario);
  if (loads.even()) return layer_activations(d, true);
  const double layers = d.model.layers - d.model.dense_layers;
  ActivationBytes kept = layer_activations(Dimensions(d.scenario, loads.high(layers)), true);
  kept.transient = layer_activations(Dimensions(d.scenario, loads.high(1)), true).transient;
  return kept;
}

void add_layer_works(Workload& w, const Dimensions& d) {
  const bool mtp_moe = holds(w.stages, LayerKind::mtp_moe);
  const bool mtp_dense = holds(w.stages, LayerKind::mtp_dense);
  if (holds(w.stages, LayerKind::dense)) w.dense = transformer_layer(d, false);
  if (holds(w.stages, LayerKind::moe)) w.moe = transformer_layer(d, true);
  if (mtp_moe || mtp_dense) w.mtp = mtp_layer(d, mtp_moe);
  if (holds(w.stages, LayerKind::dense) || mtp_dense) w.dense_activations = layer_activations(d, false);
  if (holds(w.stages, LayerKind::moe) || mtp_moe) w.moe_activations = expert_activations(d);
  w.embedding = embedding_layer(d);
  w.head = head_layer(d);
}

}  // namespace

Workload workload(const Scenario& scenario, double load) {
  const Dimensions d(scenario, load);
  Workload w;
  w.stages = stage_works(scenario);
  add_layer_works(w, d);
  w.boundary_bytes = Bytes(static_cast<double>(d.norm_tokens * d.hidden) * d.width);
  const bool scatters = scenario.stack.scatter_gather_sends && !scenario.parallelism.sequence_parallel;
  w.sent_bytes = scatters ? w.boundary_bytes / static_cast<double>(d.tp) : w.boundary_bytes;
  w.embedding_activations = embedding_activations(d);
  w.head_activations = head_activations(d);
  w.model_flops_per_step =
      scenario.training.global_batch * model_flops_per_sequence(scenario.model, scenario.training.sequence_length);
  return w;
}

const LayerWork& layer_work(const Workload& workload, LayerKind kind) {
  switch (kind) {
    case LayerKind::dense:
      return workload.dense;
    case LayerKind::moe:
      return workload.moe;
    case LayerKind::mtp_dense:
    case LayerKind::mtp_moe:
      return workload.mtp;
  }
  return workload.dense;
}

std::vector<int> stages_of_rank(const Parallelism& p, int rank) {
  if (p.schedule == Schedule::dualpipe && p.pp > 1) {
    const int mirror = p.pp - 1 - rank;
    return {std::min(rank, mirror), std::max(rank, mirror)};
  }
  const int stages = p.pp * p.vpp;
  if (v_shaped(p.schedule)) return {rank, stages - 1 - rank};
  std::vector<int> held;
  for (int stage = rank; stage < stages; stage += p.pp) held.push_back(stage);
  return held;
}

}  // namespace gpuhours
