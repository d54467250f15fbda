#include "schedule/step_work.hpp"

#include <algorithm>
#include <array>

#include "schedule/load_growth.hpp"
#include "workload/stages.hpp"

namespace gpuhours {
namespace {

/// ZeRO from stage 2 and fully sharded data parallelism, layer by layer (Rajbhandari et al. 2020, arXiv 1910.02054;
/// Zhao et al. 2023, arXiv 2304.11277). Weights are gathered before a layer's forward and, from stage 3 on, again
/// before its backward, each while layers before it run; gradients are scattered after its backward, of every
/// micro-batch, while the next layer runs. Hybrid: inside a group of ranks, after which the holders of a shard add up
/// their gradients.
class LayerSharding {
 public:
  LayerSharding(const Scenario& scenario, const WorkTimer& timer) : scenario_(scenario), timer_(timer) {}

  void apply(const RankParameters& parameters, TimedLayer& layer) const {
    const Parallelism& p = scenario_.parallelism;
    const bool fsdp = p.fsdp != Fsdp::none;
    if (!fsdp && p.zero_stage < 2) return;
    if (p.fsdp == Fsdp::hybrid) {  // all ranks hold all experts
      shard(GroupKind::shard, parameters.total(), layer);
      add_replicas(parameters.total() / shard_ranks(p, scenario_.cluster), layer);
      return;
    }
    shard(GroupKind::data, parameters.dense, layer);
    shard(GroupKind::expert_data, parameters.expert, layer);
  }

 private:
  void shard(GroupKind group, double parameters, TimedLayer& layer) const {
    if (parameters <= 0 || group_layout(scenario_, group).size <= 1) return;
    const Parallelism& p = scenario_.parallelism;
    const PrecisionRecipe& recipe = scenario_.precision;
    if (p.fsdp != Fsdp::none || p.zero_stage >= 3) {
      TimedSegment gather =
          collective("gather weights", CommunicationKind::all_gather, group, parameters, recipe.weights);
      gather.ahead = p.fsdp_prefetch;
      gather.needed = p.fsdp_prefetch > 0 ? Needed::prefetched : Needed::at_once;
      std::vector<TimedSegment> gathers;
      timer_.append(gather, gathers);
      layer.forward.first.insert(layer.forward.first.begin(), gathers.begin(), gathers.end());
      if (p.zero_stage >= 3) {
        layer.backward_input.first.insert(layer.backward_input.first.begin(), gathers.begin(), gathers.end());
      }
    }
    timer_.append(behind_backward(collective("scatter gradients", CommunicationKind::reduce_scatter, group, parameters,
                                             recipe.gradient_sync)),
                  layer.backward_weight.second);
  }

  void add_replicas(double shard, TimedLayer& layer) const {
    if (group_layout(scenario_, GroupKind::replica).size <= 1 || shard <= 0) return;
    timer_.append(behind_backward(collective("add up gradients", CommunicationKind::all_reduce, GroupKind::replica, shard,
                                             scenario_.precision.gradient_sync)),
                  layer.backward_weight.second);
  }

  [[nodiscard]] TimedSegment collective(const char* name, CommunicationKind kind, GroupKind group, double parameters,
                                        Format format) const {
    TimedSegment segment = timer_.timed(
        Communication{.kind = kind, .group = group, .bytes = Bytes(parameters * bytes_per_element(format))});
    segment.name = name;
    return segment;
  }

  /// FSDP always reduces on a stream of its own; ZeRO where the stack says so.
  [[nodiscard]] TimedSegment behind_backward(TimedSegment segment) const {
    const bool hidden = scenario_.parallelism.fsdp != Fsdp::none || scenario_.stack.overlap_gradients;
    segment.needed = hidden ? Needed::at_end : Needed::at_once;
    return segment;
  }

  const Scenario& scenario_;
  const WorkTimer& timer_;
};

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

void number_labels(TimedModel& out) {
  const auto number = [&](std::vector<TimedSegment>& segments) {
    for (TimedSegment& segment : segments) {
      segment.label = static_cast<std::int32_t>(out.labels.size());
      out.labels.push_back(&segment);
    }
  };
  for (TimedLayer& layer : out.layers) {
    for (TimedPass* pass : {&layer.forward, &layer.backward_input, &layer.backward_weight}) {
      number(pass->first);
      number(pass->second);
    }
  }
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
  const LayerSharding sharding(scenario, timer);
  const LoadGrowth growth(scenario, loads, timer, network);
  const auto add = [&](std::size_t slot, const LayerWork& work, const RankParameters& parameters,
                       LayerWork Workload::*member = nullptr) {
    if (work.forward.empty()) return;
    for (const bool shares_sms : {false, true}) {
      TimedLayer& layer = out.layers.emplace_back(timer.timed(work, shares_sms));
      growth.apply(work, member, shares_sms, layer);
      sharding.apply(parameters, layer);
      (shares_sms ? out.shared : out.whole)[slot] = &layer;
    }
  };
  const ParameterCounts counts = parameter_counts(scenario.model);
  const RankParameters dense_layer = layer_rank_parameters(scenario, counts, false);
  const RankParameters moe_layer =
      scenario.model.is_moe() ? layer_rank_parameters(scenario, counts, true) : RankParameters{};
  const double tp = scenario.parallelism.tp;
  const auto mtp_moe = static_cast<std::size_t>(LayerKind::mtp_moe);
  const auto mtp_dense = static_cast<std::size_t>(LayerKind::mtp_dense);
  add(static_cast<std::size_t>(LayerKind::dense), workload.dense, dense_layer);
  add(static_cast<std::size_t>(LayerKind::moe), workload.moe, moe_layer, &Workload::moe);
  add(mtp_moe, workload.mtp, scenario.model.is_moe() ? moe_layer : dense_layer,
      scenario.model.is_moe() ? &Workload::mtp : nullptr);
  out.whole[mtp_dense] = out.whole[mtp_moe];
  out.shared[mtp_dense] = out.shared[mtp_moe];
  add(TimedModel::kEmbedding, workload.embedding, {counts.embedding / tp, 0});
  add(TimedModel::kHead, workload.head, {counts.head / tp, 0});
  number_labels(out);
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
    if (workload.scatters_sends) {  // Narayanan et al. 2021 (arXiv 2104.04473), section 4.1
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
