#include "schedule/communication_time.hpp"

#include <algorithm>

#include "cluster/expert_visits.hpp"
#include "schedule/collective_law.hpp"

namespace gpuhours {
namespace {

CommunicationTime nothing() {
  CommunicationTime time;
  time.bottleneck = "none";
  time.measured = true;
  return time;
}

CollectiveOp collective_op(CommunicationKind kind) {
  switch (kind) {
    case CommunicationKind::all_reduce:
      return CollectiveOp::all_reduce;
    case CommunicationKind::all_gather:
      return CollectiveOp::all_gather;
    case CommunicationKind::reduce_scatter:
      return CollectiveOp::reduce_scatter;
    case CommunicationKind::send:
      return CollectiveOp::send;
    case CommunicationKind::all_to_all:
    case CommunicationKind::dispatch:
    case CommunicationKind::combine:
      break;
  }
  return CollectiveOp::all_to_all;
}

class AnalyticNetwork final : public CommunicationModel {
 public:
  AnalyticNetwork(const Scenario& scenario, std::shared_ptr<const NetworkLaws> laws)
      : scenario_(scenario), shared_laws_(std::move(laws)), laws_(*shared_laws_) {}

  [[nodiscard]] CommunicationTime time(const Communication& communication) const override {
    const GroupShape group = group_shape(scenario_, laws_, communication.group);
    if (group.size <= 1) return nothing();
    const bool expert =
        communication.kind == CommunicationKind::dispatch || communication.kind == CommunicationKind::combine;
    if (expert && sends_token_once(scenario_.stack.dispatcher)) {
      const Bytes all(static_cast<double>(communication.tokens) * communication.bytes_per_token);
      return node_limited(group, communication, all);
    }
    const CollectiveCall call = as_collective(scenario_, communication, group.size);
    return collective(group, call.op, call.bytes);
  }

 private:
  [[nodiscard]] CommunicationTime collective(const GroupShape& group, CollectiveOp op, Bytes bytes) const {
    const CollectiveEstimate estimate = collective_estimate(laws_, group, op, bytes);
    CommunicationTime time;
    time.alone = estimate.time;
    time.beside = estimate.time;
    time.bottleneck = estimate.bottleneck;
    time.nvlink_bytes = estimate.nvlink_bytes;
    time.nic_bytes = estimate.nic_bytes;
    time.measured = estimate.measured;
    time.relative_error = estimate.error;
    return time;
  }

  /// Each token once to every domain it visits over the NIC, then forwarded over NVLink (DeepEP, normal kernels).
  [[nodiscard]] CommunicationTime node_limited(const GroupShape& group, const Communication& communication,
                                               Bytes all) const {
    const ExpertLaws& laws = laws_of(laws_, scenario_.stack.dispatcher);
    const bool dispatches = communication.kind == CommunicationKind::dispatch;
    const ExpertPhaseLaw& law = dispatches ? laws.dispatch : laws.combine;
    const ExpertVisits visits = expert_visits(scenario_.model, group.size, group.domains);
    // The rank that a copy enters a domain at, and the sender itself, need no NVLink.
    const double forwarded = visits.ranks * (group.per_domain - 1) / group.per_domain;

    CommunicationTime time;
    time.nic_bytes = visits.remote_domains(group.domains) * all;
    time.nvlink_bytes = forwarded * all;
    const Seconds nvlink = time.nvlink_bytes / expert_nvlink_rate(law, group, scenario_.stack.communication_sms);
    const Seconds nic = time.nic_bytes / (law.nic_share * group.nic);
    const double slower = law.nic_share / law.nic_share_beside;
    time.bottleneck = nic >= nvlink ? "nic" : "nvlink";
    time.alone = law.base + std::max(nic, nvlink);
    time.beside = law.base + slower * std::max(nic, nvlink);
    if (communication.first_of_pair) time.beside += laws.layout_on_host;
    time.measured = scenario_.stack.dispatcher == Dispatcher::hybridep
                        ? group.generation == "blackwell" && group.domains == 1
                        : group.generation == "hopper" && group.transport == "infiniband";
    time.relative_error = law.error_beside;
    return time;
  }

  Scenario scenario_;
  std::shared_ptr<const NetworkLaws> shared_laws_;
  const NetworkLaws& laws_;
};

}  // namespace

CollectiveCall as_collective(const Scenario& scenario, const Communication& communication, int ranks) {
  const bool expert =
      communication.kind == CommunicationKind::dispatch || communication.kind == CommunicationKind::combine;
  if (!expert) return {collective_op(communication.kind), communication.bytes};
  const Bytes all(static_cast<double>(communication.tokens) * communication.bytes_per_token);
  if (scenario.stack.dispatcher == Dispatcher::allgather) {
    // Every rank gets every token; the way back reduces them.
    const bool dispatches = communication.kind == CommunicationKind::dispatch;
    return {dispatches ? CollectiveOp::all_gather : CollectiveOp::reduce_scatter, static_cast<double>(ranks) * all};
  }
  return {CollectiveOp::all_to_all, static_cast<double>(scenario.model.top_k) * all};
}

const ExpertLaws& laws_of(const NetworkLaws& laws, Dispatcher dispatcher) {
  return dispatcher == Dispatcher::hybridep ? laws.expert_hybrid : laws.expert;
}

BytesPerSecond expert_nvlink_rate(const ExpertPhaseLaw& law, const GroupShape& group, int sms) {
  const bool forwards = group.domains > 1;
  const BytesPerSecond link = (forwards ? law.forward_share : law.nvlink_share) * group.nvlink;
  if (sms <= 0) return link;
  return std::min(link, static_cast<double>(sms) * (forwards ? law.sm_forward : law.sm_rate));
}

GroupShape group_shape(const Scenario& scenario, const NetworkLaws& laws, GroupKind kind) {
  const Cluster& cluster = scenario.cluster;
  const GroupLayout layout = group_layout(scenario, kind);
  GroupShape group;
  group.size = layout.size;
  group.domains = layout.nvlink_domains;
  group.per_domain = layout.ranks_per_domain;
  group.nvlink = cluster.gpu.nvlink_per_direction;
  group.nic = cluster.node.nic_per_direction * (static_cast<double>(cluster.node.nics) / cluster.node.gpus);
  group.nvls = cluster.node.nvlink_sharp;
  group.generation = name(cluster.gpu.generation);
  group.transport = cluster.fabric.transport;
  const Seconds fitted_on = laws.nic_of(group.transport).reference_latency;
  if (cluster.fabric.latency_cross_leaf > Seconds{} && fitted_on > Seconds{}) {
    group.extra_latency = cluster.latency_factor * cluster.fabric.latency_cross_leaf - fitted_on;
  }
  return group;
}

std::shared_ptr<const CommunicationModel> analytic_network(const Scenario& scenario,
                                                           const std::string& calibration_directory,
                                                           Diagnostics& diagnostics) {
  const int before = diagnostics.errors();
  auto laws = std::make_shared<const NetworkLaws>(read_network_laws(calibration_directory, diagnostics));
  if (diagnostics.errors() > before) return nullptr;
  return analytic_network(scenario, std::move(laws));
}

std::shared_ptr<const CommunicationModel> analytic_network(const Scenario& scenario,
                                                           std::shared_ptr<const NetworkLaws> laws) {
  if (scenario.cluster.latency_factor != 1) {
    NetworkLaws scaled = *laws;
    scale_latencies(scaled, scenario.cluster.latency_factor);
    laws = std::make_shared<const NetworkLaws>(std::move(scaled));
  }
  return std::make_shared<AnalyticNetwork>(scenario, std::move(laws));
}

}  // namespace gpuhours
