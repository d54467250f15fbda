#include "cluster/graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/connected_components.hpp>
#include <limits>

namespace gpuhours {

/// Puts devices and cables into a Boost graph, checks it, and freezes it into a ClusterGraph.
class GraphBuilder {
 public:
  GraphBuilder(const Cluster& cluster, const SourcePlace& place, Diagnostics& diagnostics)
      : cluster_(cluster), place_(place), diagnostics_(diagnostics), graph_(std::make_shared<ClusterGraph>()) {}

  std::shared_ptr<const ClusterGraph> built() {
    const int before = diagnostics_.errors();
    check_sizes();
    if (diagnostics_.errors() > before) return nullptr;
    if (crosses_nodes()) layout_ = fabric_layout(cluster_.fabric, place_, diagnostics_);
    if (diagnostics_.errors() > before) return nullptr;
    describe();
    add_gpus();
    for (int node = 0; node < nodes_; ++node) add_node(node);
    if (crosses_nodes()) add_fabric();
    check_reach();
    if (diagnostics_.errors() > before) return nullptr;
    freeze();
    if (crosses_nodes()) measure_distances();
    return graph_;
  }

 private:
  struct Cable {
    double bytes_per_second;
  };
  using Boost = boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS, Device, Cable>;

  void error(std::string message) { diagnostics_.error(place_, std::move(message)); }

  [[nodiscard]] bool crosses_nodes() const { return cluster_.gpus > cluster_.node.nvlink_domain; }

  void check_sizes() {
    const Node& node = cluster_.node;
    if (node.gpus < 1 || cluster_.gpus < 1) return error("a cluster needs GPUs");
    if (cluster_.gpus > node.gpus && cluster_.gpus % node.gpus != 0) {
      error(fmt::format("{} GPUs do not fill nodes of {}", cluster_.gpus, node.gpus));
    }
    if (cluster_.gpu.nvlink_per_direction <= BytesPerSecond{}) error("nvlink_per_direction is 0");
    if (!crosses_nodes()) return;
    if (cluster_.fabric.kind == FabricKind::none) error("GPUs of several NVLink domains need a fabric");
    if (node.nics < 1) error("a node without NICs cannot reach another");
    if (node.nic_per_direction <= BytesPerSecond{}) error("nic_per_direction is 0");
    if (cluster_.gpu.pcie_per_direction <= BytesPerSecond{}) error("pcie_per_direction is 0");
    const int nics = (cluster_.gpus + node.gpus - 1) / node.gpus * node.nics;
    if (nics > cluster_.fabric.endpoints) {
      error(fmt::format("{} GPUs have {} NICs, fabric '{}' has {} endpoints", cluster_.gpus, nics, cluster_.fabric.id,
                        cluster_.fabric.endpoints));
    }
    if (cluster_.fabric.planes > 1 && node.nics % cluster_.fabric.planes != 0) {
      error(fmt::format("{} NICs a node do not divide over {} planes", node.nics, cluster_.fabric.planes));
    }
  }

  void describe() {
    const Node& node = cluster_.node;
    ClusterGraph& g = *graph_;
    nodes_ = (cluster_.gpus + node.gpus - 1) / node.gpus;
    g.gpus_ = cluster_.gpus;
    g.gpus_per_node_ = node.gpus;
    g.nics_per_node_ = node.nics;
    g.domain_ = node.nvlink_domain;
    g.forwards_to_rail_ = cluster_.fabric.planes > 1 || cluster_.fabric.rail_optimised;
    g.latency_nvlink_ = cluster_.fabric.latency_nvlink;
    g.latency_same_leaf_ = cluster_.fabric.latency_same_leaf;
    g.latency_cross_leaf_ = cluster_.fabric.latency_cross_leaf;
  }

  std::uint32_t add(DeviceKind kind, int node, int index) {
    return static_cast<std::uint32_t>(boost::add_vertex(Device{kind, node, index}, boost_));
  }
  void cable(std::uint32_t a, std::uint32_t b, BytesPerSecond rate) { boost::add_edge(a, b, {rate.value()}, boost_); }

  void add_gpus() {
    for (int gpu = 0; gpu < cluster_.gpus; ++gpu) {
      add(DeviceKind::gpu, gpu / cluster_.node.gpus, gpu % cluster_.node.gpus);
    }
    std::uint32_t nvswitch = 0;
    for (int gpu = 0; gpu < cluster_.gpus; ++gpu) {
      if (gpu % cluster_.node.nvlink_domain == 0) {
        nvswitch = add(DeviceKind::nvswitch, gpu / cluster_.node.gpus, gpu / cluster_.node.nvlink_domain);
      }
      cable(static_cast<std::uint32_t>(gpu), nvswitch, cluster_.gpu.nvlink_per_direction);
      graph_->nvswitch_of_gpu_.push_back(nvswitch);
    }
  }

  // PCIe switches take two NICs each where the NICs come in pairs, with the GPUs next to them.
  void add_node(int node) {
    if (!crosses_nodes()) return;
    const Node& kind = cluster_.node;
    const int pcie = kind.nics % 2 == 0 ? kind.nics / 2 : kind.nics;
    std::vector<std::uint32_t> switches;
    for (int i = 0; i < pcie; ++i) switches.push_back(add(DeviceKind::pcie_switch, node, i));
    for (int gpu = 0; gpu < kind.gpus && node * kind.gpus + gpu < cluster_.gpus; ++gpu) {
      const std::uint32_t at = switches[static_cast<std::size_t>(gpu * pcie / kind.gpus)];
      cable(static_cast<std::uint32_t>(node * kind.gpus + gpu), at, cluster_.gpu.pcie_per_direction);
      graph_->pcie_of_gpu_.push_back(at);
    }
    for (int nic = 0; nic < kind.nics; ++nic) {
      const std::uint32_t at = switches[static_cast<std::size_t>(nic * pcie / kind.nics)];
      const std::uint32_t device = add(DeviceKind::nic, node, nic);
      // A PCIe slot is never slower than its NIC.
      cable(device, at, std::max(cluster_.gpu.pcie_per_direction, kind.nic_per_direction));
      graph_->nic_devices_.push_back(device);
      graph_->pcie_of_nic_.push_back(at);
    }
  }

  // The leaf (in layout order) of a node's NIC.
  [[nodiscard]] std::size_t leaf_of(int node, int nic) const {
    const Node& kind = cluster_.node;
    const int per_leaf = layout_.endpoints_per_leaf;
    if (cluster_.fabric.planes > 1) {
      const int plane = nic % cluster_.fabric.planes;
      const int per_node = kind.nics / cluster_.fabric.planes;
      return static_cast<std::size_t>(plane * layout_.leaves_per_plane +
                                      (node * per_node + nic / cluster_.fabric.planes) / per_leaf);
    }
    if (!cluster_.fabric.rail_optimised) {
      // Whole nodes on a leaf where they fit.
      const int nodes_per_leaf = std::max(1, per_leaf / kind.nics);
      return kind.nics <= per_leaf ? static_cast<std::size_t>(node / nodes_per_leaf)
                                   : static_cast<std::size_t>((node * kind.nics + nic) / per_leaf);
    }
    const int nodes_per_row = per_leaf;  // one NIC of each node a leaf, one leaf a rail
    const int row = node / nodes_per_row;
    const auto own = static_cast<std::size_t>(row * kind.nics + nic);
    if (static_cast<std::size_t>((row + 1) * kind.nics) <= layout_.leaves.size()) return own;
    // A last row of few nodes on a fabric of just the ports it needs: rails share leaves, NICs of one rail side by
    // side.
    const int nodes_in_row = nodes_ - row * nodes_per_row;
    return static_cast<std::size_t>(row * kind.nics + (nic * nodes_in_row + node % nodes_per_row) / per_leaf);
  }

  void add_fabric() {
    ClusterGraph& g = *graph_;
    g.first_switch_ = static_cast<std::uint32_t>(boost::num_vertices(boost_));
    g.switches_ = static_cast<std::uint32_t>(layout_.switches.size());
    for (std::size_t i = 0; i < layout_.switches.size(); ++i) {
      const SwitchKind kind = layout_.switches[i].kind;
      add(kind == SwitchKind::spine  ? DeviceKind::spine
          : kind == SwitchKind::core ? DeviceKind::core
                                     : DeviceKind::leaf,
          -1, static_cast<int>(i));
    }
    for (const SwitchLink& link : layout_.links) {
      cable(g.first_switch_ + static_cast<std::uint32_t>(link.a), g.first_switch_ + static_cast<std::uint32_t>(link.b),
            link.links * cluster_.fabric.port_per_direction);
    }
    std::vector<int> used(layout_.leaves.size(), 0);
    for (int node = 0; node < nodes_; ++node) {
      for (int nic = 0; nic < cluster_.node.nics; ++nic) {
        const std::size_t leaf = leaf_of(node, nic);
        if (leaf >= layout_.leaves.size() || ++used[leaf] > layout_.endpoints_per_leaf) {
          return error(
              fmt::format("NIC {} of node {} finds no free port on fabric '{}'", nic, node, cluster_.fabric.id));
        }
        const std::uint32_t device = g.first_switch_ + static_cast<std::uint32_t>(layout_.leaves[leaf]);
        cable(g.nic_devices_[static_cast<std::size_t>(node * cluster_.node.nics + nic)], device,
              std::min(cluster_.node.nic_per_direction, cluster_.fabric.port_per_direction));
        g.leaf_of_nic_.push_back(device);
      }
    }
  }

  void check_reach() {
    std::vector<int> component(boost::num_vertices(boost_));
    boost::connected_components(boost_, component.data());
    for (int gpu = 1; gpu < cluster_.gpus; ++gpu) {
      if (component[static_cast<std::size_t>(gpu)] == component[0]) continue;
      return error(fmt::format("GPU {} cannot reach GPU 0", gpu));
    }
  }

  void freeze() {
    ClusterGraph& g = *graph_;
    const std::size_t vertices = boost::num_vertices(boost_);
    g.devices_.reserve(vertices);
    for (std::size_t v = 0; v < vertices; ++v) g.devices_.push_back(boost_[v]);
    g.links_.reserve(2 * boost::num_edges(boost_));
    for (const auto edge : boost::make_iterator_range(boost::edges(boost_))) {
      const auto a = static_cast<std::uint32_t>(boost::source(edge, boost_));
      const auto b = static_cast<std::uint32_t>(boost::target(edge, boost_));
      g.links_.push_back({a, b, boost_[edge].bytes_per_second});
      g.links_.push_back({b, a, boost_[edge].bytes_per_second});
    }
    g.first_out_.assign(vertices + 1, 0);
    for (const GraphLink& link : g.links_) ++g.first_out_[link.from + 1];
    for (std::size_t v = 0; v < vertices; ++v) g.first_out_[v + 1] += g.first_out_[v];
    g.out_.resize(g.links_.size());
    std::vector<std::uint32_t> next(g.first_out_.begin(), g.first_out_.end() - 1);
    for (std::uint32_t i = 0; i < g.links_.size(); ++i) g.out_[next[g.links_[i].from]++] = i;
  }

  // Breadth-first from every leaf that holds NICs, over switches only.
  void measure_distances() {
    ClusterGraph& g = *graph_;
    constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
    g.row_of_switch_.assign(g.switches_, kNone);
    std::vector<std::uint32_t> queue;
    std::uint32_t rows = 0;
    for (const std::uint32_t leaf : g.leaf_of_nic_) {
      if (g.row_of_switch_[leaf - g.first_switch_] != kNone) continue;
      g.row_of_switch_[leaf - g.first_switch_] = rows++;
      g.distance_.resize(static_cast<std::size_t>(rows) * g.switches_, std::numeric_limits<std::uint8_t>::max());
      std::uint8_t* const row = g.distance_.data() + static_cast<std::size_t>(rows - 1) * g.switches_;
      queue.assign(1, leaf);
      row[leaf - g.first_switch_] = 0;
      for (std::size_t i = 0; i < queue.size(); ++i) {
        for (const std::uint32_t link : g.out_links(queue[i])) {
          const std::uint32_t to = g.links_[link].to;
          if (to < g.first_switch_ || row[to - g.first_switch_] != std::numeric_limits<std::uint8_t>::max()) continue;
          row[to - g.first_switch_] = static_cast<std::uint8_t>(row[queue[i] - g.first_switch_] + 1);
          queue.push_back(to);
        }
      }
    }
  }

  const Cluster& cluster_;
  const SourcePlace& place_;
  Diagnostics& diagnostics_;
  std::shared_ptr<ClusterGraph> graph_;
  Boost boost_;
  FabricLayout layout_;
  int nodes_ = 0;
};

std::shared_ptr<const ClusterGraph> cluster_graph(const Cluster& cluster, const SourcePlace& place,
                                                  Diagnostics& diagnostics) {
  return GraphBuilder(cluster, place, diagnostics).built();
}

}  // namespace gpuhours
