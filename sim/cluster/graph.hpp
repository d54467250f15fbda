#pragma once
// The cluster as a graph of devices and directed links, and routes through it. Input: GPU, node and fabric; output:
// flat arrays that the flow network takes as they are. Built and checked with Boost.Graph, then frozen. A node: GPUs on
// one NVSwitch (all of a domain's NVSwitches as one, GPUs stripe over them); pairs of NICs on PCIe switches with their
// GPUs. NIC i of a node hangs on plane i (multi-plane), on leaf i of its pod's row (rail-optimised) or with the whole
// node on one leaf.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cluster/fabric_layout.hpp"
#include "core/sim_time.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

enum class DeviceKind : std::uint8_t { gpu, nvswitch, pcie_switch, nic, leaf, spine, core };

struct Device {
  DeviceKind kind = DeviceKind::gpu;
  int node = -1;  ///< -1: a switch of the fabric
  int index = 0;  ///< within its node, or among the fabric's switches
};

/// One direction of a cable, or of parallel cables.
struct GraphLink {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  double bytes_per_second = 0;  ///< nominal
};

enum class Routing {
  static_by_destination,  ///< the up link is chosen by the destination NIC
  ecmp,                   ///< by a hash of source, destination and key
};

struct Route {
  std::vector<std::uint32_t> links;
  Seconds latency;  ///< end to end, of the fabric's figures
};

class ClusterGraph {
 public:
  /// GPU `rank` is device `rank`.
  [[nodiscard]] const std::vector<Device>& devices() const { return devices_; }
  [[nodiscard]] const std::vector<GraphLink>& links() const { return links_; }
  /// Links that leave a device.
  [[nodiscard]] std::span<const std::uint32_t> out_links(std::uint32_t device) const {
    return {out_.data() + first_out_[device], out_.data() + first_out_[device + 1]};
  }
  [[nodiscard]] std::vector<double> capacities() const;
  [[nodiscard]] int gpus() const { return gpus_; }

  /// From GPU to GPU: over NVLink inside a domain, else by NIC. Where the NICs of the two are on different planes or
  /// rails, the sender first hands the data over NVLink to the GPU on the receiver's rail (PXN).
  [[nodiscard]] Route route(int from, int to, Routing routing = Routing::static_by_destination,
                            std::uint64_t key = 0) const;

  /// "gpu 3", "nic 3.2 -> leaf 5": for reports.
  [[nodiscard]] std::string link_name(std::uint32_t link) const;
  [[nodiscard]] std::string device_name(std::uint32_t device) const;

 private:
  friend class GraphBuilder;

  [[nodiscard]] int nic_of(int gpu) const;
  void append(Route& route, std::uint32_t from, std::uint32_t to) const;
  void through_fabric(Route& route, int from_nic, int to_nic, Routing routing, std::uint64_t key) const;

  std::vector<Device> devices_;
  std::vector<GraphLink> links_;
  std::vector<std::uint32_t> first_out_, out_;
  int gpus_ = 0, gpus_per_node_ = 8, nics_per_node_ = 8, domain_ = 8;
  bool forwards_to_rail_ = false;
  Seconds latency_nvlink_, latency_same_leaf_, latency_cross_leaf_;
  std::vector<std::uint32_t> nvswitch_of_gpu_, pcie_of_gpu_, pcie_of_nic_, nic_devices_, leaf_of_nic_;
  std::uint32_t first_switch_ = 0;
  std::uint32_t switches_ = 0;
  std::vector<std::uint32_t> row_of_switch_;  // of a leaf in distance_
  std::vector<std::uint8_t> distance_;        // hops from each switch to each leaf
};

/// The graph of `cluster.gpus` GPUs. Errors (ports that do not add up, more NICs than endpoints, zero bandwidth, a pair
/// that cannot reach each other) at `place`; null then.
std::shared_ptr<const ClusterGraph> cluster_graph(const Cluster& cluster, const SourcePlace& place,
                                                  Diagnostics& diagnostics);

/// Graphviz text of the first `max_nodes` nodes and the switches they hang on.
std::string dot(const ClusterGraph& graph, int max_nodes = 4);
/// The same as a picture, layer by layer.
std::string svg(const ClusterGraph& graph, int max_nodes = 4);

}  // namespace gpuhours
