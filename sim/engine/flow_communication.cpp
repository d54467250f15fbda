#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <tuple>

#include "cluster/expert_visits.hpp"
#include "engine/collective_run.hpp"

namespace gpuhours {
namespace {

// Groups beyond this many flows are left out; those that stay share nodes with the first. A fabric that is
// oversubscribed lets groups of other nodes contend too, so more of them are looked at.
constexpr std::size_t kMostFlows = 8000;
constexpr std::size_t kMostFlowsOversubscribed = 60000;

const char* tier(DeviceKind from, DeviceKind to) {
  const bool nvlink = from == DeviceKind::nvswitch || to == DeviceKind::nvswitch;
  const bool endpoint = from == DeviceKind::nic || to == DeviceKind::nic;
  return nvlink ? "nvlink" : endpoint ? "nic" : "fabric";
}

class FlowModel final : public FlowCommunicationModel {
 public:
  FlowModel(const Scenario& scenario, NetworkLaws laws, std::shared_ptr<const ClusterGraph> graph,
            std::shared_ptr<const CommunicationModel> analytic)
      : scenario_(scenario), laws_(std::move(laws)), graph_(std::move(graph)), analytic_(std::move(analytic)) {}

  [[nodiscard]] CommunicationTime time(const Communication& communication) const override {
    return simulated(communication, true);
  }

  [[nodiscard]] CommunicationTime time_of_one_group(const Communication& communication) const override {
    return simulated(communication, false);
  }

  [[nodiscard]] Contention contention(const std::vector<Communication>& communications) const override {
    Contention result;
    std::vector<FlowPlan> all;
    std::vector<std::size_t> owner;
    for (std::size_t i = 0; i < communications.size(); ++i) {
      const std::vector<FlowPlan> own = plans(communications[i]);
      result.alone.push_back(own.empty() ? Seconds{} : longest(run_together(*graph_, own).times));
      all.insert(all.end(), own.begin(), own.end());
      owner.insert(owner.end(), own.size(), i);
    }
    result.together.assign(communications.size(), Seconds{});
    const FlowRun run = run_together(*graph_, all);
    for (std::size_t p = 0; p < all.size(); ++p) {
      result.together[owner[p]] = std::max(result.together[owner[p]], run.times[p]);
    }
    return result;
  }

 private:
  using Key = std::tuple<CommunicationKind, GroupKind, double, std::int64_t, double, bool>;

  // Bytes, shares and the choice of the algorithm are the analytic model's; what the links give is simulated.
  [[nodiscard]] CommunicationTime simulated(const Communication& communication, bool all_groups) const {
    CommunicationTime time = analytic_->time(communication);
    if (time.bottleneck == "none") return time;
    const Key key{communication.kind,   communication.group,           communication.bytes.value(),
                  communication.tokens, communication.bytes_per_token, all_groups};
    const std::lock_guard lock(mutex_);
    auto known = cache_.find(key);
    if (known == cache_.end()) {
      std::vector<FlowPlan> run =
          all_groups ? plans(communication) : std::vector{plan(communication, first_group(communication))};
      known = cache_.emplace(key, run_together(*graph_, run)).first;
    }
    const FlowRun& run = known->second;
    // Compute beside it slows the transfer as much as it does in the analytic model.
    const double slower = time.beside / time.alone;
    time.alone = longest(run.times);
    time.beside = slower * time.alone;
    if (time.bottleneck != "latency" && !run.bottleneck.empty()) {
      time.bottleneck = tier(run.bottleneck_from, run.bottleneck_to);
    }
    return time;
  }

  static Seconds longest(const std::vector<Seconds>& times) { return *std::max_element(times.begin(), times.end()); }

  // The groups of `kind` that the first one can meet: all of them while they are few, else those on its nodes.
  [[nodiscard]] std::vector<std::vector<int>> groups(GroupKind kind, std::size_t flows_a_group) const {
    const int gpus = scenario_.cluster.gpus;
    const std::vector<int> first = group_ranks(scenario_, kind, 0);
    const Fabric& fabric = scenario_.cluster.fabric;
    const bool thin = fabric.oversubscription > 1.0 || fabric.leaf_oversubscription > 1.0;
    const std::size_t most = thin ? kMostFlowsOversubscribed : kMostFlows;
    const bool all = flows_a_group * static_cast<std::size_t>(gpus) / first.size() <= most;
    const int node = scenario_.cluster.node.gpus;
    std::set<int> nodes;
    for (const int rank : first) nodes.insert(rank / node);
    std::vector<char> taken(static_cast<std::size_t>(gpus), 0);
    std::vector<std::vector<int>> result;
    for (int rank = 0; rank < gpus; ++rank) {
      if (taken[static_cast<std::size_t>(rank)] != 0 || (!all && nodes.count(rank / node) == 0)) continue;
      result.push_back(group_ranks(scenario_, kind, rank));
      for (const int member : result.back()) taken[static_cast<std::size_t>(member)] = 1;
    }
    return result;
  }

  [[nodiscard]] FlowPlan plan(const Communication& communication, const std::vector<int>& ranks) const {
    const GroupShape shape = group_shape(scenario_, laws_, communication.group);
    const int domain = scenario_.cluster.node.nvlink_domain;
    const bool expert =
        communication.kind == CommunicationKind::dispatch || communication.kind == CommunicationKind::combine;
    if (!expert || !sends_token_once(scenario_.stack.dispatcher)) {
      const auto [op, bytes] = as_collective(scenario_, communication, shape.size);
      return collective_flows(collective_estimate(laws_, shape, op, bytes), op, bytes, ranks, domain);
    }
    const ExpertLaws& expert_laws = laws_of(laws_, scenario_.stack.dispatcher);
    const ExpertPhaseLaw& law =
        communication.kind == CommunicationKind::dispatch ? expert_laws.dispatch : expert_laws.combine;
    const ExpertVisits visits = expert_visits(scenario_.model, shape.size, shape.domains);
    const Bytes bytes(static_cast<double>(communication.tokens) * communication.bytes_per_token);
    return expert_flows(visits, bytes, law.nic_share,
                        expert_nvlink_rate(law, shape, scenario_.stack.communication_sms) / shape.nvlink, law.base,
                        ranks, domain);
  }

  [[nodiscard]] std::vector<int> first_group(const Communication& communication) const {
    return group_ranks(scenario_, communication.group, 0);
  }

  [[nodiscard]] std::vector<FlowPlan> plans(const Communication& communication) const {
    const std::vector<int> first = first_group(communication);
    if (first.size() < 2) return {};
    const std::size_t flows = plan(communication, first).flows.size();
    std::vector<FlowPlan> result;
    for (const std::vector<int>& ranks : groups(communication.group, flows)) {
      result.push_back(plan(communication, ranks));
    }
    return result;
  }

  Scenario scenario_;
  NetworkLaws laws_;
  std::shared_ptr<const ClusterGraph> graph_;
  std::shared_ptr<const CommunicationModel> analytic_;
  mutable std::mutex mutex_;
  mutable std::map<Key, FlowRun> cache_;  // identical groups and repeated questions are solved once
};

}  // namespace

std::shared_ptr<const FlowCommunicationModel> flow_network_model(const Scenario& scenario,
                                                                 const std::string& calibration_directory,
                                                                 const SourcePlace& place, Diagnostics& diagnostics) {
  const int before = diagnostics.errors();
  auto laws = std::make_shared<const NetworkLaws>(read_network_laws(calibration_directory, diagnostics));
  if (diagnostics.errors() > before) return nullptr;
  return flow_network_model(scenario, std::move(laws), place, diagnostics);
}

std::shared_ptr<const FlowCommunicationModel> flow_network_model(const Scenario& scenario,
                                                                 std::shared_ptr<const NetworkLaws> shared_laws,
                                                                 const SourcePlace& place, Diagnostics& diagnostics) {
  const int before = diagnostics.errors();
  NetworkLaws laws = *shared_laws;
  if (scenario.cluster.latency_factor != 1) scale_latencies(laws, scenario.cluster.latency_factor);
  auto analytic = analytic_network(scenario, std::move(shared_laws));
  auto graph = cluster_graph(scenario.cluster, place, diagnostics);
  if (diagnostics.errors() > before) return nullptr;
  return std::make_shared<FlowModel>(scenario, std::move(laws), std::move(graph), std::move(analytic));
}

}  // namespace gpuhours
