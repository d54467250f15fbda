#include "schedule/step_work.hpp"

#include <algorithm>
#include <array>

#include "schedule/layer_sharding.hpp"
#include "workload/stages.hpp"

namespace gpuhours {
namespace {

void add_layer(const TimedModel& table, std::size_t slot, TimedStage& stage) {
  stage.layers.push_back(table.whole[slot]);
  stage.layers_shared.push_back(table.shared[slot]);
}

bool is_mtp(LayerKind kind) { return kind == LayerKind::mtp_dense || kind == LayerKind::mtp_moe; }

/// Embedding, layers, head; then each MTP module with its own pass through the head.
TimedStage timed_stage(const StageWork& work, const TimedModel& table) {
  TimedStage stage;
  if (work.embedding) add_layer(table, TimedModel::kEmbedding, stage);
  for (const LayerKind kind : work.layers) {
    if (!is_mtp(kind)) add_layer(table, static_cast<std::size_t>(kind), stage);
  }
  if (work.head) add_layer(table, TimedModel::kHead, stage);
  for (const LayerKind kind : work.layers) {
    if (!is_mtp(kind)) continue;
    add_layer(table, static_cast<std::size_t>(kind), stage);
    add_layer(table, TimedModel::kHead, stage);
  }
  return stage;
}

void classify_stages(StepWork& out) {
  for (std::size_t i = 0; i < out.stages.size(); ++i) {
    int found = static_cast<int>(i);
    for (std::size_t j = 0; j < i && found == static_cast<int>(i); ++j) {
      if (out.stages[j].layers == out.stages[i].layers) found = out.stage_class[j];
    }
    out.stage_class.push_back(found);
  }
}

/// Time of a collective, 0 when there is nobody to talk to.
SimTime collective(const CommunicationModel& network, const Scenario& scenario, const Communication& communication) {
  if (communication.bytes <= Bytes{} || group_layout(scenario, communication.group).size <= 1) return {};
  return SimTime::from(network.time(communication).alone);
}

RankEnd rank_end(const Scenario& scenario, const RankParameters& held, const WorkTimer& timer,
                 const CommunicationModel& network) {
  const Stack& stack = scenario.stack;
  RankEnd end;
  const double gradient_bytes = bytes_per_element(scenario.precision.gradient_sync);
  for (const Communication& communication : data_collectives(scenario, held)) {
    const bool gathers = communication.kind == CommunicationKind::all_gather;
    SimTime& part = gathers ? end.gather : end.reduce;
    part = part + collective(network, scenario, communication);
  }
  // All but the last bucket can run beside compute.
  const double buckets = stack.gradient_bucket.value() > 0
                             ? std::max(1.0, held.total() * gradient_bytes / stack.gradient_bucket.value())
                             : 1.0;
  const double beside = (1.0 - 1.0 / buckets) * (1.0 - stack.exposed_share);
  const auto early = [&](SimTime whole) { return SimTime::from(whole.seconds() * beside); };
  if (stack.overlap_gradients) end.reduce_early = early(end.reduce);
  if (stack.overlap_parameters) end.gather_early = early(end.gather);
  const TimedSegment optimizer = timer.timed(optimizer_work(scenario, held), false);
  end.optimizer = optimizer.alone + SimTime::from(stack.step_overhead);
  end.account = optimizer.account;
  return end;
}

}  // namespace

std::vector<Communication> data_collectives(const Scenario& scenario, const RankParameters& held) {
  const int stage = scenario.parallelism.zero_stage;
  if (scenario.parallelism.fsdp != Fsdp::none || stage >= 3) return {};  // done layer by layer
  const bool sharded = stage >= 1;
  const double gradient = bytes_per_element(scenario.precision.gradient_sync);
  const double weight = bytes_per_element(scenario.precision.weights);
  const auto reduce = sharded ? CommunicationKind::reduce_scatter : CommunicationKind::all_reduce;
  std::vector<Communication> out;
  const auto add = [&](const char* name, CommunicationKind kind, GroupKind group, double bytes) {
    if (bytes > 0) out.push_back({.name = name, .kind = kind, .group = group, .bytes = Bytes(bytes)});
  };
  if (stage < 2) {  // from stage 2 on scattered layer by layer
    add("gradients", reduce, GroupKind::data, held.dense * gradient);
    add("expert gradients", reduce, GroupKind::expert_data, held.expert * gradient);
  }
  if (!sharded) return out;
  add("parameters", CommunicationKind::all_gather, GroupKind::data, held.dense * weight);
  add("expert parameters", CommunicationKind::all_gather, GroupKind::expert_data, held.expert * weight);
  return out;
}

RankParameters held_parameters(const Workload& workload, const StepWork& work, int rank) {
  RankParameters held;
  for (const int stage : work.stages_of_rank[static_cast<std::size_t>(rank)]) {
    const RankParameters& of_stage = workload.stages[static_cast<std::size_t>(stage)].parameters;
    held.dense += of_stage.dense;
    held.expert += of_stage.expert;
  }
  return held;
}

void fill_timed_model(const Scenario& scenario, const Workload& workload, const WorkTimer& timer,
                      const CommunicationModel& network, const RankLoads& loads, TimedModel& out) {
  TimedModel bare;
  fill_bare_model(scenario, workload, timer, network, loads, bare);
  fill_sharded_model(scenario, timer, bare, out);
}

void fill_step_work(const Scenario& scenario, const Workload& workload, const KernelLaws& laws,
                    const CommunicationModel& network, StepWork& out) {
  const WorkTimer timer(scenario, laws, network);
  auto model = std::make_unique<TimedModel>();
  out.loads = RankLoads(scenario);
  fill_timed_model(scenario, workload, timer, network, out.loads, *model);
  fill_step_work(scenario, workload, timer, network, *model, out);
  out.model = std::move(model);
}

void fill_step_work(const Scenario& scenario, const Workload& workload, const WorkTimer& timer,
                    const CommunicationModel& network, const TimedModel& model, StepWork& out) {
  for (const StageWork& stage : workload.stages) out.stages.push_back(timed_stage(stage, model));
  out.labels = model.labels;
  classify_stages(out);
  out.split_overlap = scenario.stack.overlap_expert && scenario.stack.delay_weight_gradients;
  out.overlap_sends = scenario.stack.overlap_pipeline;
  out.mirrored = scenario.parallelism.schedule == Schedule::dualpipe && scenario.parallelism.pp > 1;
  if (scenario.parallelism.pp > 1) {
    out.hop = timer
                  .timed(Communication{
                      .kind = CommunicationKind::send, .group = GroupKind::pipeline, .bytes = workload.sent_bytes})
                  .alone;
    if (workload.sent_bytes < workload.boundary_bytes) {  // Narayanan et al. 2021 (arXiv 2104.04473), section 4.1
      out.hop = out.hop + timer
                              .timed(Communication{.kind = CommunicationKind::all_gather,
                                                   .group = GroupKind::tensor,
                                                   .bytes = workload.boundary_bytes})
                              .alone;
    }
  }
  out.norm_reduce = collective(network, scenario,
                               {.kind = CommunicationKind::all_reduce, .group = GroupKind::data, .bytes = Bytes(4)});
  for (int rank = 0; rank < scenario.parallelism.pp; ++rank) {
    out.stages_of_rank.push_back(stages_of_rank(scenario.parallelism, rank));
  }
  std::vector<RankParameters> held;
  for (int rank = 0; rank < static_cast<int>(out.stages_of_rank.size()); ++rank) {
    held.push_back(held_parameters(workload, out, rank));
    const auto like = std::find_if(held.begin(), held.end(), [&](const RankParameters& other) {
      return other.dense == held.back().dense && other.expert == held.back().expert;
    });
    const auto at = static_cast<std::size_t>(like - held.begin());  // most ranks hold the same
    out.ends.push_back(at < out.ends.size() ? out.ends[at] : rank_end(scenario, held.back(), timer, network));
  }
}

}  // namespace gpuhours
