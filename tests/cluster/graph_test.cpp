#include "cluster/graph.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "near.hpp"

using namespace gpuhours;

namespace {

const SourcePlace kPlace{"fabric.yaml", 3, 1, "id: test"};

Fabric fabric(FabricKind kind, int endpoints, int ports = 64) {
  Fabric f;
  f.id = "test";
  f.kind = kind;
  f.endpoints = endpoints;
  f.switch_ports = ports;
  f.port_per_direction = BytesPerSecond(50e9);
  f.latency_same_leaf = Seconds(2.8e-6);
  f.latency_cross_leaf = Seconds(3.7e-6);
  f.latency_nvlink = Seconds(3.33e-6);
  return f;
}

Cluster cluster(int gpus, Fabric f) {
  Cluster c;
  c.gpus = gpus;
  c.gpu.nvlink_per_direction = BytesPerSecond(450e9);
  c.gpu.pcie_per_direction = BytesPerSecond(63e9);
  c.node.nvswitches = 4;
  c.node.nic_per_direction = BytesPerSecond(50e9);
  c.fabric = std::move(f);
  return c;
}

FabricCounts counts(const Fabric& f) {
  Diagnostics diagnostics;
  const FabricCounts result = fabric_counts(f, kPlace, diagnostics);
  CHECK(text(diagnostics).empty());
  return result;
}

std::shared_ptr<const ClusterGraph> graph(const Cluster& c) {
  Diagnostics diagnostics;
  auto result = cluster_graph(c, kPlace, diagnostics);
  REQUIRE(text(diagnostics) == "");
  return result;
}

std::string problem(const Cluster& c) {
  Diagnostics diagnostics;
  CHECK(cluster_graph(c, kPlace, diagnostics) == nullptr);
  REQUIRE(diagnostics.errors() >= 1);
  CHECK(diagnostics.all()[0].place.line == 3);
  return diagnostics.all()[0].message;
}

}  // namespace

TEST_CASE("switches, links and costs of the ISCA 2025 table") {
  // arXiv 2505.09343, table 3: endpoints, switches, links between switches, cost in million USD.
  struct Row {
    Fabric fabric;
    int endpoints, switches, links;
    double cost;
  };
  Fabric planes = fabric(FabricKind::multi_plane_fat_tree, 16384);
  planes.planes = 8;
  Fabric slim = fabric(FabricKind::slim_fly, 32928);
  slim.slim_fly_q = 28;
  Fabric dragon = fabric(FabricKind::dragonfly, 261632);
  dragon.dragonfly_routers_per_group = 32;
  dragon.dragonfly_endpoints_per_router = 16;
  dragon.dragonfly_global_links_per_router = 16;
  const Row rows[] = {
      {fabric(FabricKind::fat_tree_two_layer, 2048), 2048, 96, 2048, 2048 * 4.39e-3},  // printed as 9
      {planes, 16384, 768, 16384, 16384 * 4.39e-3},                                    // printed as 72
      {fabric(FabricKind::fat_tree_three_layer, 65536), 65536, 5120, 131072, 491},
      {slim, 32928, 1568, 32928, 146},
      {dragon, 261632, 16352, 384272, 1522},
  };
  for (const Row& row : rows) {
    const FabricCounts got = counts(row.fabric);
    CHECK(got.endpoints == row.endpoints);
    CHECK(got.switches == row.switches);
    CHECK(got.links == row.links);
    CHECK(got.cost.value() / 1e6 == test::near(row.cost, 0.01));
  }
}

TEST_CASE("bisection of fat trees") {
  // A full tree of 2,048 endpoints: 1,024 x 50 GB/s.
  CHECK(counts(fabric(FabricKind::fat_tree_two_layer, 2048)).bisection.value() == test::near(51.2e12));
  // Leaves of 48 down and 16 up: 2,048 / 48 = 43 leaves x 16 / 2 = 344 links.
  Fabric thin = fabric(FabricKind::fat_tree_two_layer, 2048);
  thin.leaf_oversubscription = 3;
  CHECK(counts(thin).bisection.value() == test::near(344 * 50e9));
  // 4 pods of 1,024 with 32 leaves, 1:4 above: 32 aggregation switches x 8 ups x 4 pods / 2 = 512 links.
  Fabric pods = fabric(FabricKind::fat_tree_three_layer, 4096);
  pods.oversubscription = 4;
  CHECK(counts(pods).bisection.value() == test::near(512 * 50e9));
}

TEST_CASE("one HGX node is a star of NVLinks") {
  const auto g = graph(cluster(8, fabric(FabricKind::none, 0)));
  CHECK(g->gpus() == 8);
  CHECK(g->devices().size() == 9);
  CHECK(g->links().size() == 16);
  const Route r = g->route(2, 5);
  REQUIRE(r.links.size() == 2);
  CHECK(g->link_name(r.links[0]) == "gpu 2 -> nvswitch 0");
  CHECK(g->link_name(r.links[1]) == "nvswitch 0 -> gpu 5");
  CHECK(r.latency.value() == test::near(3.33e-6));
  CHECK(g->route(3, 3).links.empty());
}

TEST_CASE("an NVL72 rack is one NVLink domain of 18 trays") {
  Cluster c = cluster(72, fabric(FabricKind::none, 0));
  c.node.gpus = 4;
  c.node.nvlink_domain = 72;
  const auto g = graph(c);
  CHECK(g->devices().size() == 73);
  CHECK(g->route(0, 71).links.size() == 2);
}

TEST_CASE("rail-optimised: same rail over one leaf, another rail through the node first") {
  const auto g = graph(cluster(64, fabric(FabricKind::fat_tree_two_layer, 2048)));
  const Route same = g->route(0, 8);  // GPU 0 of nodes 0 and 1
  std::vector<std::string> names;
  for (const auto link : same.links) names.push_back(g->link_name(link));
  CHECK(names == std::vector<std::string>{"gpu 0 -> pcie 0.0", "pcie 0.0 -> nic 0.0", "nic 0.0 -> leaf 0",
                                          "leaf 0 -> nic 1.0", "nic 1.0 -> pcie 1.0", "pcie 1.0 -> gpu 8"});
  CHECK(same.latency.value() == test::near(2.8e-6));
  const Route other = g->route(0, 9);  // to rail 1: over NVLink to GPU 1, then leaf 1
  CHECK(other.links.size() == 8);
  CHECK(g->link_name(other.links[1]) == "nvswitch 0 -> gpu 1");
  CHECK(g->link_name(other.links[4]) == "nic 0.1 -> leaf 1");
  CHECK(other.latency.value() == test::near(3.33e-6 + 2.8e-6));
}

TEST_CASE("a fabric of just the ports that a small cluster needs: rails share leaves") {
  // 8 nodes x 8 NICs = 64 endpoints on two leaves of 32: rails 0 to 3 on one, 4 to 7 on the other.
  const auto g = graph(cluster(64, fabric(FabricKind::fat_tree_two_layer, 64)));
  CHECK(g->link_name(g->route(3, 11).links[2]) == "nic 0.3 -> leaf 0");
  CHECK(g->link_name(g->route(4, 12).links[2]) == "nic 0.4 -> leaf 1");
  CHECK(g->route(4, 60).links.size() == 6);  // node 7: the same rail, the same leaf
  // 40 nodes on 320 endpoints: a full row of 8 leaves, and 8 nodes more on 2.
  const auto two_rows = graph(cluster(320, fabric(FabricKind::fat_tree_two_layer, 320)));
  CHECK(two_rows->link_name(two_rows->route(319, 7).links[2]) == "nic 39.7 -> leaf 9");
}

TEST_CASE("without rails a node's NICs share a leaf and other nodes are reached through spines") {
  Fabric f = fabric(FabricKind::fat_tree_two_layer, 2048);
  f.rail_optimised = false;
  const auto g = graph(cluster(64, f));
  // Leaves hold 4 nodes of 8 NICs: nodes 0 and 4 are on different leaves.
  CHECK(g->route(0, 9).links.size() == 6);
  const Route far = g->route(0, 33);
  CHECK(far.links.size() == 8);
  CHECK(far.latency.value() == test::near(3.7e-6));
  // Static routing gives each of the 32 destinations of a leaf an up link of its own.
  std::set<std::uint32_t> ups;
  for (int to = 32; to < 64; ++to) ups.insert(g->route(0, to).links[3]);
  CHECK(ups.size() == 32);
}

TEST_CASE("multi-plane: NIC i on plane i") {
  Fabric f = fabric(FabricKind::multi_plane_fat_tree, 16384);
  f.planes = 8;
  const auto g = graph(cluster(2048, f));
  CHECK(g->devices().size() == 2048 + 256 * (1 + 4 + 8) + 768);
  // A plane is 64 leaves and 32 spines: NIC 3 of a node hangs on plane 3, whose first switch is 3 x 96 = 288.
  const Route near = g->route(3, 11);
  CHECK(g->link_name(near.links[2]) == "nic 0.3 -> leaf 288");
  const Route far = g->route(3, 2043);
  CHECK(far.links.size() == 8);
  CHECK(g->devices()[g->links()[far.links[3]].to].kind == DeviceKind::spine);
}

TEST_CASE("routes run through neighbours, end where they should and meet no link twice") {
  Fabric dragon = fabric(FabricKind::dragonfly, 72, 16);
  dragon.rail_optimised = false;
  dragon.dragonfly_routers_per_group = 4;
  dragon.dragonfly_endpoints_per_router = 2;
  dragon.dragonfly_global_links_per_router = 2;
  Fabric three = fabric(FabricKind::fat_tree_three_layer, 128, 8);
  three.rail_optimised = false;
  Fabric two = fabric(FabricKind::fat_tree_two_layer, 128, 16);
  for (const Fabric& f : {dragon, three, two}) {
    const int gpus = f.endpoints / 8 * 8;
    const auto g = graph(cluster(gpus, f));
    for (const Routing routing : {Routing::static_by_destination, Routing::ecmp}) {
      for (int from = 0; from < gpus; from += 3) {
        for (int to = 0; to < gpus; ++to) {
          const Route r = g->route(from, to, routing, 7);
          auto at = static_cast<std::uint32_t>(from);
          for (const auto link : r.links) {
            REQUIRE(g->links()[link].from == at);
            at = g->links()[link].to;
          }
          REQUIRE(at == static_cast<std::uint32_t>(to));
          std::set<std::uint32_t> unique(r.links.begin(), r.links.end());
          REQUIRE(unique.size() == r.links.size());
        }
      }
    }
  }
}

TEST_CASE("a dragonfly joins every two groups") {
  Fabric f = fabric(FabricKind::dragonfly, 72, 16);
  f.dragonfly_routers_per_group = 4;
  f.dragonfly_endpoints_per_router = 2;
  f.dragonfly_global_links_per_router = 2;
  Diagnostics diagnostics;
  const FabricLayout layout = fabric_layout(f, kPlace, diagnostics);
  REQUIRE(text(diagnostics).empty());
  std::set<std::pair<int, int>> joined;  // 9 groups of 8 global links: each pair exactly once
  for (const SwitchLink& link : layout.links) {
    const int a = layout.switches[static_cast<std::size_t>(link.a)].pod;
    const int b = layout.switches[static_cast<std::size_t>(link.b)].pod;
    if (a != b) CHECK(joined.insert({std::min(a, b), std::max(a, b)}).second);
  }
  CHECK(joined.size() == 36);
}

TEST_CASE("bad fabrics are refused with their place") {
  CHECK(problem(cluster(2048, fabric(FabricKind::fat_tree_two_layer, 1024))) ==
        "2048 GPUs have 2048 NICs, fabric 'test' has 1024 endpoints");
  CHECK(problem(cluster(64, fabric(FabricKind::fat_tree_two_layer, 4096))) ==
        "fabric 'test': 4096 endpoints a plane need 128 leaf switches, a spine of 64 ports reaches 64");
  Fabric silent = fabric(FabricKind::fat_tree_two_layer, 2048);
  silent.port_per_direction = BytesPerSecond(0);
  CHECK(problem(cluster(64, silent)) == "fabric 'test': port_per_direction is 0");
  CHECK(problem(cluster(64, fabric(FabricKind::none, 0))) == "GPUs of several NVLink domains need a fabric");
  CHECK(problem(cluster(12, fabric(FabricKind::fat_tree_two_layer, 2048))) == "12 GPUs do not fill nodes of 8");
  Fabric pod = fabric(FabricKind::fat_tree_three_layer, 24576);
  pod.pod_endpoints = 3072;
  pod.oversubscription = 7;
  CHECK(problem(cluster(64, pod)) ==
        "fabric 'test': an aggregation switch needs 96 ports to its leaves and 13 to cores, it has 64");
  Fabric dragon = fabric(FabricKind::dragonfly, 1000, 16);
  dragon.dragonfly_routers_per_group = 4;
  dragon.dragonfly_endpoints_per_router = 2;
  dragon.dragonfly_global_links_per_router = 2;
  CHECK(problem(cluster(64, dragon)) == "fabric 'test': 125 groups, 8 global links a group reach 9");
  CHECK(problem(cluster(64, fabric(FabricKind::slim_fly, 2048))) ==
        "fabric 'test': a slim fly is counted only, its routes are not modelled");
}

TEST_CASE("drawings name the devices") {
  const auto g = graph(cluster(8, fabric(FabricKind::none, 0)));
  const std::string graphviz = dot(*g);
  CHECK(graphviz.rfind("graph cluster {", 0) == 0);
  CHECK(graphviz.find("d0 -- d8 [label=\"450 GB/s\"];") != std::string::npos);
  CHECK(svg(*g).find(">gpu 7</text>") != std::string::npos);
}
