#include "cluster/fabric_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/checked.hpp"

namespace gpuhours {
namespace {

int divided_up(int a, int b) { return (a + b - 1) / b; }

// Ports of a leaf that point down, where `oversubscription` downs share one up.
int down_ports(int ports, double oversubscription) {
  return ports - nearest_whole<int>(std::floor(ports / (1.0 + oversubscription)));
}

class Builder {
 public:
  Builder(const Fabric& fabric, const SourcePlace& place, Diagnostics& diagnostics)
      : fabric_(fabric), place_(place), diagnostics_(diagnostics) {}

  FabricLayout layout() {
    if (!plausible()) return {};
    switch (fabric_.kind) {
      case FabricKind::none:
        break;
      case FabricKind::fat_tree_two_layer:
      case FabricKind::multi_plane_fat_tree:
        for (int plane = 0; plane < fabric_.planes; ++plane) two_layers(plane, fabric_.endpoints / fabric_.planes);
        break;
      case FabricKind::fat_tree_three_layer:
        three_layers();
        break;
      case FabricKind::dragonfly:
        dragonfly();
        break;
      case FabricKind::slim_fly:
        error("a slim fly is counted only, its routes are not modelled");
        break;
    }
    check_ports();
    return diagnostics_.errors() > errors_before_ ? FabricLayout{} : std::move(layout_);
  }

 private:
  void error(std::string message, std::string hint = {}) {
    diagnostics_.error(place_, "fabric '" + fabric_.id + "': " + std::move(message), std::move(hint));
  }

  bool plausible() {
    if (fabric_.kind == FabricKind::none) return true;
    if (fabric_.switch_ports < 2) error(fmt::format("switch_ports is {}, at least 2 are needed", fabric_.switch_ports));
    if (fabric_.endpoints < 1) error("endpoints is 0");
    if (fabric_.port_per_direction <= BytesPerSecond{}) error("port_per_direction is 0");
    if (fabric_.oversubscription < 1.0) error("oversubscription is below 1");
    if (fabric_.leaf_oversubscription < 1.0) error("leaf_oversubscription is below 1");
    if (fabric_.planes < 1 || fabric_.endpoints % std::max(1, fabric_.planes) != 0) {
      error(fmt::format("{} endpoints do not divide over {} planes", fabric_.endpoints, fabric_.planes));
    }
    return diagnostics_.errors() == errors_before_;
  }

  int add_switch(SwitchKind kind, int plane, int pod) {
    layout_.switches.push_back({kind, plane, pod});
    const int id = static_cast<int>(layout_.switches.size()) - 1;
    if (kind == SwitchKind::leaf || kind == SwitchKind::router) layout_.leaves.push_back(id);
    return id;
  }

  // `ups` cables of each of `lower` over `upper` in turn, so that no two upper switches differ by more than one.
  void spread(const std::vector<int>& lower, const std::vector<int>& upper, int ups) {
    const auto width = static_cast<int>(upper.size());
    for (std::size_t i = 0; i < lower.size(); ++i) {
      const int first = static_cast<int>(i * static_cast<std::size_t>(ups) % upper.size());
      for (int u = 0; u < std::min(width, ups); ++u) {
        const int links = ups / width + (u < ups % width ? 1 : 0);
        layout_.links.push_back({lower[i], upper[static_cast<std::size_t>((first + u) % width)], links});
      }
    }
  }

  void two_layers(int plane, int endpoints) {
    const int ports = fabric_.switch_ports;
    const int down = down_ports(ports, fabric_.leaf_oversubscription);
    const int leaves = divided_up(endpoints, down);
    layout_.endpoints_per_leaf = down;
    layout_.leaves_per_plane = leaves;
    layout_.leaves_per_pod = leaves;
    std::vector<int> lower, upper;
    for (int i = 0; i < leaves; ++i) lower.push_back(add_switch(SwitchKind::leaf, plane, 0));
    if (leaves == 1) return;
    const int up = ports - down;
    if (leaves > ports) {
      error(fmt::format("{} endpoints a plane need {} leaf switches, a spine of {} ports reaches {}", endpoints, leaves,
                        ports, ports),
            "a three-layer fat tree, or more planes");
      return;
    }
    for (int i = divided_up(leaves * up, ports); i > 0; --i) upper.push_back(add_switch(SwitchKind::spine, plane, 0));
    spread(lower, upper, up);
  }

  void three_layers() {
    const int ports = fabric_.switch_ports;
    const int down = down_ports(ports, fabric_.leaf_oversubscription);
    const int up = ports - down;
    const int pod_endpoints = fabric_.pod_endpoints > 0 ? fabric_.pod_endpoints : down * (ports / 2);
    const int leaves = divided_up(pod_endpoints, down);
    const int pods = divided_up(fabric_.endpoints, pod_endpoints);
    const int core_ups = std::max(1, nearest_whole<int>(std::floor(leaves / fabric_.oversubscription)));
    layout_.endpoints_per_leaf = down;
    layout_.leaves_per_pod = leaves;
    layout_.leaves_per_plane = pods * leaves;
    if (leaves + (pods > 1 ? core_ups : 0) > ports) {
      error(fmt::format("an aggregation switch needs {} ports to its leaves and {} to cores, it has {}", leaves,
                        core_ups, ports));
      return;
    }
    std::vector<int> aggregation;
    for (int pod = 0; pod < pods; ++pod) {
      std::vector<int> lower, upper;
      for (int i = 0; i < leaves; ++i) lower.push_back(add_switch(SwitchKind::leaf, 0, pod));
      for (int i = 0; i < up; ++i) upper.push_back(add_switch(SwitchKind::spine, 0, pod));
      spread(lower, upper, up);
      aggregation.insert(aggregation.end(), upper.begin(), upper.end());
    }
    if (pods > 1) connect_cores(aggregation, pods, up, core_ups);
  }

  // Aggregation switch i of every pod hangs on the same group of cores, so that any two pods meet.
  void connect_cores(const std::vector<int>& aggregation, int pods, int per_pod, int ups) {
    const int per_group = divided_up(pods * ups, fabric_.switch_ports);
    for (int i = 0; i < per_pod; ++i) {
      std::vector<int> cores, lower;
      for (int c = 0; c < per_group; ++c) cores.push_back(add_switch(SwitchKind::core, 0, 0));
      for (int pod = 0; pod < pods; ++pod) lower.push_back(aggregation[static_cast<std::size_t>(pod * per_pod + i)]);
      spread(lower, cores, ups);
    }
  }

  void dragonfly() {
    const int a = fabric_.dragonfly_routers_per_group;
    const int p = fabric_.dragonfly_endpoints_per_router;
    const int h = fabric_.dragonfly_global_links_per_router;
    if (a < 2 || p < 1 || h < 1) {
      error("a dragonfly needs routers per group, endpoints per router and global links per router");
      return;
    }
    const int groups = divided_up(fabric_.endpoints, a * p);
    if (groups > a * h + 1) {
      error(fmt::format("{} groups, {} global links a group reach {}", groups, a * h, a * h + 1));
      return;
    }
    layout_.endpoints_per_leaf = p;
    layout_.leaves_per_plane = groups * a;
    layout_.leaves_per_pod = a;
    for (int g = 0; g < groups; ++g) {
      for (int r = 0; r < a; ++r) add_switch(SwitchKind::router, 0, g);
      for (int r = 0; r < a; ++r) {
        for (int s = r + 1; s < a; ++s) layout_.links.push_back({g * a + r, g * a + s, 1});
      }
    }
    if (groups > 1) connect_groups(groups, a, h);
  }

  // Global ports in turn lead to the groups 1, 2, ... further on and back, round again while ports are left.
  void connect_groups(int groups, int a, int h) {
    std::vector<int> used(static_cast<std::size_t>(groups), 0);
    const auto router = [&](int group) { return group * a + used[static_cast<std::size_t>(group)]++ / h; };
    const int far = groups / 2;
    for (int free = a * h, distance = 1; free > 0; distance = distance % far + 1) {
      const bool half = groups % 2 == 0 && distance == far;  // the opposite group: one port serves both ways
      if (!half && free < 2) break;
      for (int g = 0; g < (half ? far : groups); ++g) {
        const int other = (g + distance) % groups;
        const int from = router(g);
        layout_.links.push_back({from, router(other), 1});
      }
      free -= half ? 1 : 2;
    }
  }

  void check_ports() {
    std::vector<int> ports(layout_.switches.size(), 0);
    for (const int leaf : layout_.leaves) ports[static_cast<std::size_t>(leaf)] += layout_.endpoints_per_leaf;
    for (const SwitchLink& link : layout_.links) {
      ports[static_cast<std::size_t>(link.a)] += link.links;
      ports[static_cast<std::size_t>(link.b)] += link.links;
    }
    const auto most = std::max_element(ports.begin(), ports.end());
    if (most != ports.end() && *most > fabric_.switch_ports) {
      error(fmt::format("a switch would need {} ports, it has {}", *most, fabric_.switch_ports));
    }
  }

  const Fabric& fabric_;
  const SourcePlace& place_;
  Diagnostics& diagnostics_;
  int errors_before_ = diagnostics_.errors();
  FabricLayout layout_;
};

// Cables that cross the middle, the layout being cut between two halves of its leaves, pods or groups.
double crossing_links(const Fabric& fabric, const FabricLayout& layout) {
  double up = 0;
  const bool cores = std::any_of(layout.switches.begin(), layout.switches.end(),
                                 [](const FabricSwitch& s) { return s.kind == SwitchKind::core; });
  for (const SwitchLink& link : layout.links) {
    const SwitchKind a = layout.switches[static_cast<std::size_t>(link.a)].kind;
    const SwitchKind b = layout.switches[static_cast<std::size_t>(link.b)].kind;
    const bool global =
        layout.switches[static_cast<std::size_t>(link.a)].pod != layout.switches[static_cast<std::size_t>(link.b)].pod;
    if (fabric.kind == FabricKind::dragonfly ? global : cores ? b == SwitchKind::core : a == SwitchKind::leaf) {
      up += link.links;
    }
  }
  if (fabric.kind != FabricKind::dragonfly) return up / 2;
  const double groups = static_cast<double>(layout.leaves.size()) / layout.leaves_per_pod;
  return groups > 1 ? up * groups / (2 * (groups - 1)) : 0;
}

void add_cost(FabricCounts& counts) {
  counts.cost = static_cast<double>(counts.switches) * kSwitchPrice +
                static_cast<double>(counts.links) * kSwitchLinkPrice +
                static_cast<double>(counts.endpoints) * kEndpointLinkPrice;
  counts.cost_per_endpoint = counts.cost / static_cast<double>(std::max<std::int64_t>(1, counts.endpoints));
}

FabricCounts slim_fly_counts(const Fabric& fabric, const SourcePlace& place, Diagnostics& diagnostics) {
  const std::int64_t q = fabric.slim_fly_q;
  const std::int64_t delta = q % 4 == 3 ? -1 : q % 4;  // q = 4w + delta
  const std::int64_t degree = (3 * q - delta) / 2;
  const std::int64_t endpoints_per_router = (degree + 1) / 2;
  FabricCounts counts;
  if (q < 2 || degree + endpoints_per_router > fabric.switch_ports) {
    diagnostics.error(place, fmt::format("fabric '{}': a slim fly of q = {} needs {} ports, a switch has {}", fabric.id,
                                         q, degree + endpoints_per_router, fabric.switch_ports));
    return counts;
  }
  counts.switches = 2 * q * q;
  counts.links = q * q * degree;
  counts.endpoints = counts.switches * endpoints_per_router;
  add_cost(counts);
  return counts;
}

}  // namespace

FabricLayout fabric_layout(const Fabric& fabric, const SourcePlace& place, Diagnostics& diagnostics) {
  return Builder(fabric, place, diagnostics).layout();
}

FabricCounts fabric_counts(const Fabric& fabric, const SourcePlace& place, Diagnostics& diagnostics) {
  if (fabric.kind == FabricKind::slim_fly) return slim_fly_counts(fabric, place, diagnostics);
  const FabricLayout layout = fabric_layout(fabric, place, diagnostics);
  FabricCounts counts;
  if (layout.switches.empty()) return counts;
  counts.endpoints = fabric.endpoints;
  counts.switches = static_cast<std::int64_t>(layout.switches.size());
  for (const SwitchLink& link : layout.links) counts.links += link.links;
  const double through_switches = crossing_links(fabric, layout);
  const double of_endpoints = fabric.endpoints / 2.0;
  counts.bisection =
      (layout.links.empty() ? of_endpoints : std::min(through_switches, of_endpoints)) * fabric.port_per_direction;
  add_cost(counts);
  return counts;
}

}  // namespace gpuhours
