#include "schedule/layer_sharding.hpp"

#include <array>

#include "schedule/load_growth.hpp"
#include "workload/stages.hpp"

namespace gpuhours {
namespace {

constexpr auto kDense = static_cast<std::size_t>(LayerKind::dense);
constexpr auto kMoe = static_cast<std::size_t>(LayerKind::moe);
constexpr auto kMtpMoe = static_cast<std::size_t>(LayerKind::mtp_moe);
constexpr auto kMtpDense = static_cast<std::size_t>(LayerKind::mtp_dense);
/// In the order in which a TimedModel holds them; a model's MTP modules are of one kind.
constexpr std::array<std::size_t, 5> kSlots{kDense, kMoe, kMtpMoe, TimedModel::kEmbedding, TimedModel::kHead};

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
    if (!shards_layers(p)) return;
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
    timer_.append(behind_backward(collective("add up gradients", CommunicationKind::all_reduce, GroupKind::replica,
                                             shard, scenario_.precision.gradient_sync)),
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

/// Of each slot's layer on one rank.
std::array<RankParameters, 6> slot_parameters(const Scenario& scenario) {
  const ParameterCounts counts = parameter_counts(scenario.model);
  const bool moe = scenario.model.is_moe();
  const double tp = scenario.parallelism.tp;
  std::array<RankParameters, 6> out;
  out[kDense] = layer_rank_parameters(scenario, counts, false);
  if (moe) out[kMoe] = layer_rank_parameters(scenario, counts, true);
  out[kMtpMoe] = out[moe ? kMoe : kDense];
  out[TimedModel::kEmbedding] = {counts.embedding / tp, 0};
  out[TimedModel::kHead] = {counts.head / tp, 0};
  return out;
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

/// What both fillings end with.
void finish(TimedModel& out) {
  out.whole[kMtpDense] = out.whole[kMtpMoe];
  out.shared[kMtpDense] = out.shared[kMtpMoe];
  number_labels(out);
}

}  // namespace

bool shards_layers(const Parallelism& p) { return p.fsdp != Fsdp::none || p.zero_stage >= 2; }

void fill_bare_model(const Scenario& scenario, const Workload& workload, const WorkTimer& timer,
                     const CommunicationModel& network, const RankLoads& loads, TimedModel& out) {
  const LoadGrowth growth(scenario, loads, timer, network);
  const auto add = [&](std::size_t slot, const LayerWork& work, LayerWork Workload::*member = nullptr) {
    if (work.forward.empty()) return;
    for (const bool shares_sms : {false, true}) {
      TimedLayer& layer = out.layers.emplace_back(timer.timed(work, shares_sms));
      growth.apply(work, member, shares_sms, layer);
      (shares_sms ? out.shared : out.whole)[slot] = &layer;
    }
  };
  add(kDense, workload.dense);
  add(kMoe, workload.moe, &Workload::moe);
  add(kMtpMoe, workload.mtp, scenario.model.is_moe() ? &Workload::mtp : nullptr);
  add(TimedModel::kEmbedding, workload.embedding);
  add(TimedModel::kHead, workload.head);
  finish(out);
}

void fill_sharded_model(const Scenario& scenario, const WorkTimer& timer, const TimedModel& bare, TimedModel& out) {
  const LayerSharding sharding(scenario, timer);
  const std::array<RankParameters, 6> parameters = slot_parameters(scenario);
  for (const std::size_t slot : kSlots) {
    if (bare.whole[slot] == nullptr) continue;
    for (const bool shares_sms : {false, true}) {
      TimedLayer& layer = out.layers.emplace_back(*(shares_sms ? bare.shared : bare.whole)[slot]);
      sharding.apply(parameters[slot], layer);
      (shares_sms ? out.shared : out.whole)[slot] = &layer;
    }
  }
  finish(out);
}

}  // namespace gpuhours
