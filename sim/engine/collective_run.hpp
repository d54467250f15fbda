#pragma once
// Collectives run as flows on the cluster graph: the timing of `gpuhours collective`, of several groups at once, and of
// `engine.network: flow`. Routes are static by destination, or ECMP by option.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/graph.hpp"
#include "schedule/collective_flows.hpp"
#include "schedule/communication_time.hpp"

namespace gpuhours {

struct FlowRun {
  std::vector<Seconds> times;  ///< of each plan, its latency included
  std::string bottleneck;      ///< the link that was busy longest, by name; empty without flows
  DeviceKind bottleneck_from = DeviceKind::gpu;
  DeviceKind bottleneck_to = DeviceKind::gpu;
};

/// Runs `plans` from one moment on, sharing the links of `graph`.
FlowRun run_together(const ClusterGraph& graph, const std::vector<FlowPlan>& plans,
                     Routing routing = Routing::static_by_destination);

/// What `gpuhours collective` prints.
struct CollectiveResult {
  Bytes bytes;
  Seconds time;
  BytesPerSecond busbw;
  BytesPerSecond algbw;
  std::string algorithm;
  std::string bottleneck;  ///< a link's name, or "latency" where no link takes half of the time
  double error = 0;        ///< of the fitted laws
};

struct CollectiveOptions {
  Routing routing = Routing::static_by_destination;
  std::string algorithm;  ///< "ring", "tree", "nvls", "nvls tree", "pairwise"; empty: the fastest
};

/// A system with the laws that hold on it. Throws nothing; errors of `system_for` are its diagnostics.
class CollectiveSystem {
 public:
  /// `cluster.gpus` is the number of ranks; null after errors (bad fabric, missing calibration).
  static std::shared_ptr<const CollectiveSystem> built(const Cluster& cluster, const std::string& calibration_directory,
                                                       const SourcePlace& place, Diagnostics& diagnostics);

  /// `bytes` as nccl-tests counts them (the whole gathered output, the whole input). Empty for an algorithm that does
  /// not exist here.
  [[nodiscard]] std::optional<CollectiveResult> time(CollectiveOp op, Bytes bytes,
                                                     const CollectiveOptions& options = {}) const;

  /// Sizes `from`, `from` x `factor`, ... up to `to`.
  [[nodiscard]] std::vector<CollectiveResult> sweep(CollectiveOp op, Bytes from, Bytes to, double factor = 2.0,
                                                    const CollectiveOptions& options = {}) const;

  [[nodiscard]] const ClusterGraph& graph() const { return *graph_; }
  [[nodiscard]] const GroupShape& group() const { return group_; }

 private:
  Cluster cluster_;
  NetworkLaws laws_;
  GroupShape group_;
  std::shared_ptr<const ClusterGraph> graph_;
};

/// Communication from the flow network (`engine.network: flow`): all groups of the kind that can share links run at
/// once. Null with errors in `diagnostics`.
class FlowCommunicationModel : public CommunicationModel {
 public:
  /// The times of `communications` when all start together, and of each alone: what contention costs.
  struct Contention {
    std::vector<Seconds> alone;
    std::vector<Seconds> together;
  };
  [[nodiscard]] virtual Contention contention(const std::vector<Communication>& communications) const = 0;
  /// One group with the network to itself.
  [[nodiscard]] virtual CommunicationTime time_of_one_group(const Communication& communication) const = 0;
};

std::shared_ptr<const FlowCommunicationModel> flow_network_model(const Scenario& scenario,
                                                                 const std::string& calibration_directory,
                                                                 const SourcePlace& place, Diagnostics& diagnostics);
/// The same from laws that have been read.
std::shared_ptr<const FlowCommunicationModel> flow_network_model(const Scenario& scenario,
                                                                 std::shared_ptr<const NetworkLaws> laws,
                                                                 const SourcePlace& place, Diagnostics& diagnostics);

}  // namespace gpuhours
