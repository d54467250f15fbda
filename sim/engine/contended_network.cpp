#include "engine/contended_network.hpp"

#include <algorithm>

namespace gpuhours {
namespace {

bool is_expert(CommunicationKind kind) {
  return kind == CommunicationKind::dispatch || kind == CommunicationKind::combine;
}

bool same_traffic(const Communication& a, const Communication& b) {
  return a.kind == b.kind && a.group == b.group && a.tokens == b.tokens && a.bytes_per_token == b.bytes_per_token;
}

/// Dispatches and combines that follow one send: two an MoE layer of a stage, in the mean.
double expert_calls_a_send(const Workload& workload) {
  double layers = 0;
  for (const StageWork& stage : workload.stages) {
    layers += static_cast<double>(std::count_if(stage.layers.begin(), stage.layers.end(), [](LayerKind kind) {
      return kind == LayerKind::moe || kind == LayerKind::mtp_moe;
    }));
  }
  return std::max(1.0, 2.0 * layers / static_cast<double>(workload.stages.size()));
}

class ContendedNetwork final : public CommunicationModel {
 public:
  ContendedNetwork(std::shared_ptr<const FlowCommunicationModel> network, const Workload& workload)
      : network_(std::move(network)) {
    const double calls = expert_calls_a_send(workload);
    double slower_send = 0;
    for (const Communication& expert : expert_traffic(workload)) {
      const auto met = network_->contention({expert, pipeline_send(workload)});
      slower_send += met.together[1] / met.alone[1];
      delays_.push_back({expert, (met.together[0] / met.alone[0] - 1.0) / calls});
    }
    if (!delays_.empty()) send_ = slower_send / static_cast<double>(delays_.size());
  }

  [[nodiscard]] CommunicationTime time(const Communication& communication) const override {
    CommunicationTime time = network_->time(communication);
    const double slower = 1.0 + share_of_delay(communication);
    time.alone = slower * time.alone;
    time.beside = slower * time.beside;
    return time;
  }

 private:
  struct Delay {
    Communication expert;
    double share;  // of its time alone
  };

  [[nodiscard]] double share_of_delay(const Communication& communication) const {
    if (communication.kind == CommunicationKind::send && communication.group == GroupKind::pipeline) return send_ - 1.0;
    // By kind: a busier rank's traffic has more bytes and is delayed alike.
    for (const Delay& delay : delays_) {
      const Communication& expert = delay.expert;
      if (expert.kind == communication.kind && expert.group == communication.group) return delay.share;
    }
    return 0;
  }

  std::shared_ptr<const FlowCommunicationModel> network_;
  double send_ = 1;  // its time beside expert traffic over its time alone, mean of dispatches and combines
  std::vector<Delay> delays_;
};

class LoneGroups final : public CommunicationModel {
 public:
  explicit LoneGroups(std::shared_ptr<const FlowCommunicationModel> network) : network_(std::move(network)) {}
  [[nodiscard]] CommunicationTime time(const Communication& communication) const override {
    return network_->time_of_one_group(communication);
  }

 private:
  std::shared_ptr<const FlowCommunicationModel> network_;
};

}  // namespace

Communication pipeline_send(const Workload& workload) {
  return {.name = "pipeline send",
          .kind = CommunicationKind::send,
          .group = GroupKind::pipeline,
          .bytes = workload.sent_bytes};
}

std::vector<Communication> expert_traffic(const Workload& workload) {
  std::vector<Communication> found;
  for (const LayerWork* layer : {&workload.moe, &workload.mtp}) {
    for (const LayerPass* pass : {&layer->forward, &layer->backward_input, &layer->backward_weight}) {
      for (const Segment& segment : *pass) {
        const auto* communication = std::get_if<Communication>(&segment);
        if (communication == nullptr || !is_expert(communication->kind)) continue;
        const bool known = std::any_of(found.begin(), found.end(),
                                       [&](const Communication& other) { return same_traffic(other, *communication); });
        if (!known) found.push_back(*communication);
      }
    }
  }
  return found;
}

std::shared_ptr<const CommunicationModel> contended_network(std::shared_ptr<const FlowCommunicationModel> network,
                                                            const Scenario& scenario, const Workload& workload) {
  const bool sends = scenario.parallelism.pp > 1 && workload.boundary_bytes > Bytes{};
  if (!sends || scenario.parallelism.ep <= 1) return network;
  return std::make_shared<ContendedNetwork>(std::move(network), workload);
}

std::shared_ptr<const CommunicationModel> lone_groups(std::shared_ptr<const FlowCommunicationModel> network) {
  return std::make_shared<LoneGroups>(std::move(network));
}

}  // namespace gpuhours
