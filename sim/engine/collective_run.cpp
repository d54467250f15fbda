#include "engine/collective_run.hpp"

#include <algorithm>
#include <numeric>

#include "engine/flow_network.hpp"

namespace gpuhours {
namespace {

// The links of a flow; half paths end at, or begin from, the GPU's NVSwitch.
std::vector<LinkId> links_of(const ClusterGraph& graph, const PlannedFlow& flow, Routing routing, Seconds& latency) {
  if (flow.path == FlowPath::whole) {
    Route route = graph.route(flow.from, flow.to, routing);
    latency = route.latency;
    return std::move(route.links);
  }
  const auto gpu = static_cast<std::uint32_t>(flow.from);
  for (const std::uint32_t link : graph.out_links(gpu)) {
    if (graph.devices()[graph.links()[link].to].kind != DeviceKind::nvswitch) continue;
    // Cables are stored as a pair of directions.
    return {flow.path == FlowPath::to_switch ? link : link ^ 1U};
  }
  return {};
}

std::string family(const std::string& algorithm) { return algorithm.substr(0, algorithm.find('/')); }

// The link that is busy longest; among equals one at a NIC, since what follows behind it only keeps up with it.
void name_bottleneck(const ClusterGraph& graph, const std::vector<double>& moved, FlowRun& run) {
  double busiest = 0;
  for (LinkId link = 0; link < moved.size(); ++link) {
    busiest = std::max(busiest, moved[link] / graph.links()[link].bytes_per_second);
  }
  for (LinkId link = 0; link < moved.size() && busiest > 0; ++link) {
    const GraphLink& at = graph.links()[link];
    if (moved[link] / at.bytes_per_second < 0.99 * busiest) continue;
    const DeviceKind from = graph.devices()[at.from].kind, to = graph.devices()[at.to].kind;
    const bool at_nic = from == DeviceKind::nic || to == DeviceKind::nic;
    if (!run.bottleneck.empty() && !at_nic) continue;
    run.bottleneck = graph.link_name(link);
    run.bottleneck_from = from;
    run.bottleneck_to = to;
    if (at_nic) return;
  }
}

GroupShape shape_of(const Cluster& cluster, const NetworkLaws& laws) {
  Scenario whole;  // one group over all GPUs, the data-parallel group of a bare layout
  whole.cluster = cluster;
  return group_shape(whole, laws, GroupKind::data);
}

}  // namespace

FlowRun run_together(const ClusterGraph& graph, const std::vector<FlowPlan>& plans, Routing routing) {
  FlowNetwork network(graph.capacities());
  std::vector<double> moved(graph.links().size(), 0.0);
  for (const FlowPlan& plan : plans) {
    for (const PlannedFlow& flow : plan.flows) {
      if (flow.bytes <= 0) continue;
      Seconds latency;
      const std::vector<LinkId> links = links_of(graph, flow, routing, latency);
      for (const LinkId link : links) moved[link] += flow.bytes;
      network.add({links, flow.bytes, 1, {}, {}});
    }
  }
  network.run();
  FlowRun run;
  FlowNetwork::Id next = 0;
  for (const FlowPlan& plan : plans) {
    SimTime last;
    for (const PlannedFlow& flow : plan.flows) {
      if (flow.bytes > 0) last = std::max(last, network.end(next++));
    }
    run.times.push_back(plan.latency + last.seconds());
  }
  name_bottleneck(graph, moved, run);
  return run;
}

std::shared_ptr<const CollectiveSystem> CollectiveSystem::built(const Cluster& cluster,
                                                                const std::string& calibration_directory,
                                                                const SourcePlace& place, Diagnostics& diagnostics) {
  const int before = diagnostics.errors();
  auto system = std::make_shared<CollectiveSystem>();
  system->cluster_ = cluster;
  system->laws_ = read_network_laws(calibration_directory, diagnostics);
  system->graph_ = cluster_graph(cluster, place, diagnostics);
  if (diagnostics.errors() > before) return nullptr;
  system->group_ = shape_of(cluster, system->laws_);
  return system;
}

std::optional<CollectiveResult> CollectiveSystem::time(CollectiveOp op, Bytes bytes,
                                                       const CollectiveOptions& options) const {
  std::optional<CollectiveEstimate> chosen;
  for (CollectiveEstimate& candidate : collective_candidates(laws_, group_, op, bytes)) {
    if (!options.algorithm.empty() && family(candidate.algorithm) != options.algorithm) continue;
    if (!chosen || candidate.time < chosen->time) chosen = std::move(candidate);
  }
  if (!chosen) return std::nullopt;
  std::vector<int> ranks(static_cast<std::size_t>(cluster_.gpus));
  std::iota(ranks.begin(), ranks.end(), 0);
  const std::vector<FlowPlan> plans{collective_flows(*chosen, op, bytes, ranks, cluster_.node.nvlink_domain)};
  const FlowRun run = run_together(*graph_, plans, options.routing);
  CollectiveResult result;
  result.bytes = bytes;
  result.time = run.times[0];
  if (result.time > Seconds{}) {
    result.algbw = bytes / result.time;
    result.busbw = bus_factor(op, cluster_.gpus) * result.algbw;
  }
  result.algorithm = chosen->algorithm;
  result.bottleneck = chosen->latency > 0.5 * result.time ? "latency" : run.bottleneck;
  if (result.bottleneck.empty()) result.bottleneck = "none";
  result.error = chosen->error;
  return result;
}

std::vector<CollectiveResult> CollectiveSystem::sweep(CollectiveOp op, Bytes from, Bytes to, double factor,
                                                      const CollectiveOptions& options) const {
  std::vector<CollectiveResult> results;
  for (Bytes bytes = from; bytes <= to && factor > 1.0; bytes *= factor) {
    if (auto result = time(op, bytes, options)) results.push_back(*std::move(result));
  }
  return results;
}

}  // namespace gpuhours
