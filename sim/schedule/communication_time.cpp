#include "schedule/communication_time.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "cluster/expert_visits.hpp"
#include "schedule/network_laws.hpp"

namespace gpuhours {
namespace {

// One group on one cluster, with the speeds that its collectives bind on.
struct Reach {
  GroupLayout layout;
  BytesPerSecond nvlink;  // per GPU and direction
  BytesPerSecond nic;     // per GPU and direction
  Seconds extra_latency;  // of a network hop over the fabric that the laws were fitted on
  [[nodiscard]] bool single_domain() const { return layout.nvlink_domains == 1; }
  [[nodiscard]] double peers_share() const { return (layout.size - 1.0) / layout.size; }
};

CommunicationTime nothing() {
  CommunicationTime time;
  time.bottleneck = "none";
  time.measured = true;
  return time;
}

class AnalyticNetwork final : public CommunicationModel {
 public:
  AnalyticNetwork(const Scenario& scenario, NetworkLaws laws) : scenario_(scenario), laws_(std::move(laws)) {
    nvlink_laws_ = laws_.nvlink_of(scenario_.cluster.gpu.generation, &generation_measured_);
  }

  [[nodiscard]] CommunicationTime time(const Communication& communication) const override {
    const Reach reach = reach_of(communication.group);
    if (reach.layout.size <= 1) return nothing();
    switch (communication.kind) {
      case CommunicationKind::all_reduce:
        return all_reduce(reach, communication.bytes);
      case CommunicationKind::all_gather:
      case CommunicationKind::reduce_scatter:
        return ring(reach, communication.bytes, 1.0);
      case CommunicationKind::all_to_all:
        return all_to_all(reach, communication.bytes);
      case CommunicationKind::send:
        return send(reach, communication.bytes);
      case CommunicationKind::dispatch:
      case CommunicationKind::combine:
        return expert(reach, communication);
    }
    return nothing();
  }

 private:
  [[nodiscard]] Reach reach_of(GroupKind kind) const {
    const Cluster& cluster = scenario_.cluster;
    Reach reach;
    reach.layout = group_layout(scenario_, kind);
    reach.nvlink = cluster.gpu.nvlink_per_direction;
    reach.nic = cluster.node.nic_per_direction * (static_cast<double>(cluster.node.nics) / cluster.node.gpus);
    if (cluster.fabric.latency_cross_leaf > Seconds{}) {
      reach.extra_latency = cluster.latency_factor * cluster.fabric.latency_cross_leaf - laws_.nic.reference_latency;
    }
    return reach;
  }

  /// `passes` times round the ring: 1 for all-gather and reduce-scatter, 2 for all-reduce.
  [[nodiscard]] CommunicationTime ring(const Reach& reach, Bytes bytes, double passes) const {
    const GroupLayout& layout = reach.layout;
    const double hops = passes * (layout.size - 1);
    const Bytes sent = passes * reach.peers_share() * bytes;
    if (reach.single_domain()) {
      const AlgorithmLaw& law = nvlink_laws_.ring;
      const Bytes moved = passes * (layout.size - 1 + law.own_copy) / layout.size * bytes;
      return finished(fastest(law, hops, moved, reach.nvlink), "nvlink", sent, Bytes{}, law.error);
    }
    const AlgorithmLaw& law = laws_.nic.ring;
    const Bytes through_nic = sent / static_cast<double>(layout.ranks_per_domain);
    const Seconds network = fastest(law, hops, through_nic, reach.nic) + hops_over_network(reach, passes);
    const Seconds inside = layout.ranks_per_domain > 1 ? bulk(nvlink_laws_.ring, sent, reach.nvlink) : Seconds{};
    return finished(std::max(network, inside), network >= inside ? "nic" : "nvlink",
                    layout.ranks_per_domain > 1 ? sent : Bytes{}, through_nic, law.error);
  }

  [[nodiscard]] CommunicationTime all_reduce(const Reach& reach, Bytes bytes) const {
    CommunicationTime best = ring(reach, bytes, 2.0);
    const GroupLayout& layout = reach.layout;
    if (reach.single_domain()) {
      if (nvlink_laws_.nvls.protocols.empty() || !scenario_.cluster.node.nvlink_sharp) return best;
      const Seconds nvls = fastest(nvlink_laws_.nvls, 1.0, bytes, reach.nvlink);
      if (nvls < best.alone) best = finished(nvls, "nvlink", bytes, Bytes{}, nvlink_laws_.nvls.error);
      return best;
    }
    const double depth = std::ceil(std::log2(layout.nvlink_domains));
    const Bytes through_nic = 2.0 * bytes / static_cast<double>(layout.ranks_per_domain) *
                              ((layout.nvlink_domains - 1.0) / layout.nvlink_domains);
    const Seconds tree = fastest(laws_.nic.tree, 2.0 * depth, through_nic, reach.nic) +
                         2.0 * depth * std::max(Seconds{}, reach.extra_latency);
    if (tree < best.alone) best = finished(tree, "nic", best.nvlink_bytes, through_nic, laws_.nic.tree.error);
    return best;
  }

  /// `bytes` is the whole buffer of a rank; its own 1/n stays.
  [[nodiscard]] CommunicationTime all_to_all(const Reach& reach, Bytes bytes) const {
    const double size = reach.layout.size;
    const double near = reach.layout.ranks_per_domain;
    const Bytes over_nvlink = (near - 1) / size * bytes;
    const Bytes over_nic = (size - near) / size * bytes;
    const AlgorithmLaw& local = nvlink_laws_.point_to_point;
    const Bytes moved = over_nvlink + local.own_copy / size * bytes;
    const Seconds inside = fastest(local, near - 1, moved, reach.nvlink);
    if (reach.single_domain()) return finished(inside, "nvlink", over_nvlink, Bytes{}, local.error);
    const AlgorithmLaw& far = laws_.nic.all_to_all;
    const Seconds outside = fastest(far, size - near, over_nic, reach.nic);
    return finished(std::max(inside, outside), outside >= inside ? "nic" : "nvlink", over_nvlink, over_nic, far.error);
  }

  /// To the next rank of the group; the slowest pair binds, so one pair over the NIC makes all wait.
  [[nodiscard]] CommunicationTime send(const Reach& reach, Bytes bytes) const {
    if (reach.single_domain()) {
      const AlgorithmLaw& law = nvlink_laws_.point_to_point;
      return finished(fastest(law, 1, bytes, reach.nvlink), "nvlink", bytes, Bytes{}, law.error);
    }
    const AlgorithmLaw& law = laws_.nic.send;
    return finished(fastest(law, 1, bytes, reach.nic) + std::max(Seconds{}, reach.extra_latency), "nic", Bytes{}, bytes,
                    law.error);
  }

  [[nodiscard]] CommunicationTime expert(const Reach& reach, const Communication& communication) const {
    const Bytes all(static_cast<double>(communication.tokens) * communication.bytes_per_token);
    if (scenario_.stack.dispatcher == Dispatcher::allgather) {
      return ring(reach, static_cast<double>(reach.layout.size) * all, 1.0);
    }
    if (scenario_.stack.dispatcher == Dispatcher::alltoall) {
      return all_to_all(reach, static_cast<double>(scenario_.model.top_k) * all);
    }
    return node_limited(reach, communication, all);
  }

  /// Each token once to every domain it visits over the NIC, then forwarded over NVLink (DeepEP, normal kernels).
  [[nodiscard]] CommunicationTime node_limited(const Reach& reach, const Communication& communication,
                                               Bytes all) const {
    const GroupLayout& layout = reach.layout;
    const ExpertLaws& laws = laws_.expert;
    const bool dispatches = communication.kind == CommunicationKind::dispatch;
    const ExpertPhaseLaw& law = dispatches ? laws.dispatch : laws.combine;
    const ExpertVisits visits = expert_visits(scenario_.model, layout.size, layout.nvlink_domains);
    // The rank that a copy enters a domain at, and the sender itself, need no NVLink.
    const double forwarded = visits.ranks * (layout.ranks_per_domain - 1) / layout.ranks_per_domain;

    CommunicationTime time;
    time.nic_bytes = visits.remote_domains(layout.nvlink_domains) * all;
    time.nvlink_bytes = forwarded * all;
    const Seconds nvlink = time.nvlink_bytes / (law.nvlink_share * reach.nvlink);
    const Seconds nic = time.nic_bytes / (law.nic_share * reach.nic);
    const double slower = law.nic_share / law.nic_share_beside;
    time.bottleneck = nic >= nvlink ? "nic" : "nvlink";
    time.alone = laws.base + std::max(nic, nvlink);
    time.beside = laws.base + slower * std::max(nic, nvlink);
    if (communication.first_of_pair) time.beside += laws.layout_on_host;
    time.measured = generation_measured_ && scenario_.cluster.gpu.generation == "hopper";
    time.relative_error = law.error_beside;
    return time;
  }

  [[nodiscard]] static Seconds bulk(const AlgorithmLaw& law, Bytes bytes, BytesPerSecond link) {
    return bytes / (law.protocols.back().share * link);
  }

  [[nodiscard]] static Seconds hops_over_network(const Reach& reach, double passes) {
    return passes * reach.layout.nvlink_domains * std::max(Seconds{}, reach.extra_latency);
  }

  [[nodiscard]] CommunicationTime finished(Seconds time, std::string bottleneck, Bytes nvlink, Bytes nic,
                                           double error) const {
    CommunicationTime result;
    result.alone = time;
    result.beside = time;
    result.bottleneck = std::move(bottleneck);
    result.nvlink_bytes = nvlink;
    result.nic_bytes = nic;
    result.measured = generation_measured_;
    result.relative_error = error;
    return result;
  }

  Scenario scenario_;
  NetworkLaws laws_;
  NvlinkLaws nvlink_laws_;
  bool generation_measured_ = false;
};

}  // namespace

std::shared_ptr<const CommunicationModel> analytic_network(const Scenario& scenario,
                                                           const std::string& calibration_directory,
                                                           Diagnostics& diagnostics) {
  const int before = diagnostics.errors();
  NetworkLaws laws = read_network_laws(calibration_directory, diagnostics);
  if (diagnostics.errors() > before) return nullptr;
  scale_latencies(laws, scenario.cluster.latency_factor);
  return std::make_shared<AnalyticNetwork>(scenario, std::move(laws));
}

}  // namespace gpuhours
