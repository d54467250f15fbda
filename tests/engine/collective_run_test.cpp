#include "engine/collective_run.hpp"

#include <doctest/doctest.h>

#include "engine/nccl_tests.hpp"
#include "near.hpp"
#include "schedule/double_tree.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

const SourcePlace kPlace{"scenario.yaml", 1, 1, "cluster:"};

Cluster system(int gpus, double nvlink = 450e9, FabricKind kind = FabricKind::fat_tree_two_layer) {
  Cluster c;
  c.gpus = gpus;
  c.gpu.generation = Generation::hopper;
  c.gpu.nvlink_per_direction = BytesPerSecond(nvlink);
  c.gpu.pcie_per_direction = BytesPerSecond(63e9);
  c.node.nvlink_sharp = true;
  c.node.nic_per_direction = BytesPerSecond(50e9);
  c.fabric.id = "test";
  c.fabric.kind = kind;
  c.fabric.planes = kind == FabricKind::multi_plane_fat_tree ? 8 : 1;
  c.fabric.endpoints = kind == FabricKind::multi_plane_fat_tree ? 16384 : 2048;
  c.fabric.port_per_direction = BytesPerSecond(50e9);
  return c;
}

std::shared_ptr<const CollectiveSystem> built(const Cluster& cluster) {
  Diagnostics diagnostics;
  auto result = CollectiveSystem::built(cluster, test::repository_path("calibration"), kPlace, diagnostics);
  REQUIRE(text(diagnostics) == "");
  return result;
}

NetworkLaws laws() {
  Diagnostics diagnostics;
  return read_network_laws(test::repository_path("calibration"), diagnostics);
}

// DeepSeek-V3's layout on 2,048 H800.
Scenario deepseek(FabricKind kind = FabricKind::multi_plane_fat_tree) {
  Scenario s;
  s.cluster = system(2048, 200e9, kind);
  s.parallelism.pp = 16;
  s.parallelism.ep = 64;
  s.parallelism.schedule = Schedule::dualpipe;
  s.model.experts = 256;
  s.model.top_k = 8;
  s.model.expert_groups = 8;
  s.model.groups_per_token = 4;
  s.stack.dispatcher = Dispatcher::deepep;
  s.stack.communication_sms = 20;
  return s;
}

Communication ask(CommunicationKind kind, GroupKind group, double bytes) {
  Communication c;
  c.kind = kind;
  c.group = group;
  c.bytes = Bytes(bytes);
  c.tokens = 4096;
  c.bytes_per_token = kind == CommunicationKind::dispatch ? 7392 : 14376;
  return c;
}

std::shared_ptr<const FlowCommunicationModel> flow_model(const Scenario& s) {
  Diagnostics diagnostics;
  auto result = flow_network_model(s, test::repository_path("calibration"), kPlace, diagnostics);
  REQUIRE(text(diagnostics) == "");
  return result;
}

}  // namespace

TEST_CASE("the double binary tree: every place has a parent, no place sends more than twice the data") {
  CHECK(tree_parents(4) == std::vector<int>{-1, 2, 0, 2});
  CHECK(tree_parents(6) == std::vector<int>{-1, 2, 4, 2, 0, 4});
  CHECK(double_tree_traffic(2) == 1.0);  // two places swap halves up and down: 2 ends x 1/2
  for (int count = 3; count <= 64; ++count) {
    CHECK(double_tree_edges(count).size() == static_cast<std::size_t>(2 * (count - 1)));
    CHECK(double_tree_traffic(count) <= 2.0);
  }
}

TEST_CASE("a ring inside one node takes its latency and the bytes over the achieved link speed") {
  const auto h100 = built(system(8));
  const Bytes bytes(1 << 30);
  const auto result = h100->time(CollectiveOp::all_gather, bytes);
  REQUIRE(result);
  const AlgorithmLaw ring = laws().nvlink.at("hopper").ring;
  const ProtocolLaw& p = ring.protocols.back();
  // (n - 1 + own copy) / n of the bytes over each NVLink, 7 hops.
  const double expected =
      p.base.value() + 7 * p.per_step.value() + (7 + ring.own_copy) / 8 * bytes.value() / (p.share * 450e9);
  CHECK(result->time.value() == test::near(expected, 1e-6));
  CHECK(result->algorithm == "ring/Simple");
  CHECK(result->algbw.value() == test::near(bytes.value() / expected, 1e-6));
  CHECK(result->busbw.value() == test::near(0.875 * bytes.value() / expected, 1e-6));
}

TEST_CASE("algorithms by name; unknown ones give nothing") {
  const auto pair = built(system(16));
  const Bytes bytes(1 << 26);
  CHECK(pair->time(CollectiveOp::all_reduce, bytes, {Routing::ecmp, "ring"})->algorithm.rfind("ring/", 0) == 0);
  CHECK(pair->time(CollectiveOp::all_reduce, bytes, {Routing::ecmp, "nvls tree"}).has_value());
  CHECK_FALSE(pair->time(CollectiveOp::all_reduce, bytes, {Routing::ecmp, "nvls"}).has_value());
  CHECK(built(system(8))->time(CollectiveOp::all_reduce, Bytes(8), {})->bottleneck == "latency");
  CHECK(pair->sweep(CollectiveOp::all_gather, Bytes(1024), Bytes(8192)).size() == 4);
}

TEST_CASE("flows and the analytic model agree within 5 % where nothing contends") {
  const NetworkLaws known = laws();
  for (const int gpus : {2, 8, 16, 64, 128}) {
    const auto cluster = built(system(gpus));
    for (const CollectiveOp op : {CollectiveOp::all_reduce, CollectiveOp::all_gather, CollectiveOp::reduce_scatter,
                                  CollectiveOp::broadcast, CollectiveOp::all_to_all, CollectiveOp::send}) {
      for (const double bytes : {1e4, 1e6, 1e8, 4e9}) {
        const auto estimate = collective_estimate(known, cluster->group(), op, Bytes(bytes));
        const auto result = cluster->time(op, Bytes(bytes));
        REQUIRE(result);
        INFO("op ", static_cast<int>(op), " gpus ", gpus, " bytes ", bytes, " ", estimate.algorithm);
        CHECK(result->time.value() == test::near(estimate.time.value(), 0.05));
      }
    }
  }
}

TEST_CASE("DeepSeek's layout: flows and the analytic model agree within 5 %") {
  const Scenario s = deepseek();
  const auto flow = flow_model(s);
  Diagnostics diagnostics;
  const auto analytic = analytic_network(s, test::repository_path("calibration"), diagnostics);
  for (const Communication& c :
       {ask(CommunicationKind::dispatch, GroupKind::expert, 0), ask(CommunicationKind::combine, GroupKind::expert, 0),
        ask(CommunicationKind::send, GroupKind::pipeline, 58.7e6),
        ask(CommunicationKind::reduce_scatter, GroupKind::data, 1e9),
        ask(CommunicationKind::all_gather, GroupKind::expert_data, 1e9)}) {
    const CommunicationTime a = analytic->time(c), f = flow->time(c);
    CHECK(f.alone.value() == test::near(a.alone.value(), 0.05));
    CHECK(f.beside.value() == test::near(a.beside.value(), 0.05));
    CHECK(f.bottleneck == a.bottleneck);
  }
}

TEST_CASE("multi-plane and multi-rail differ by less than 1 %") {
  const auto planes = flow_model(deepseek());
  const auto rails = flow_model(deepseek(FabricKind::fat_tree_two_layer));
  const auto c = ask(CommunicationKind::dispatch, GroupKind::expert, 0);
  CHECK(planes->time(c).alone.value() == test::near(rails->time(c).alone.value(), 0.01));
}

TEST_CASE("a dispatch beside pipeline sends shares the NICs with them") {
  const auto flow = flow_model(deepseek());
  const auto dispatch = ask(CommunicationKind::dispatch, GroupKind::expert, 0);
  const auto send = ask(CommunicationKind::send, GroupKind::pipeline, 58.7e6);
  const auto cost = flow->contention({dispatch, send});
  // A NIC of a middle stage sends 105.05 MB / 0.817 = 128.6 MB in seven flows of the dispatch and 58.7 MB / 0.61 = 96.2
  // MB in one flow to the next stage. Alone 2.572 and 1.925 ms at 50 GB/s, and 0.038 and 0.017 ms of latency. Together
  // the dispatch's seven flows get 7/8 of the NIC: 2.939 ms; the send has the NIC to itself then: 224.8 MB in 4.496 ms.
  CHECK(cost.alone[0].value() == test::near(2.610e-3, 0.005));
  CHECK(cost.alone[1].value() == test::near(1.942e-3, 0.005));
  CHECK(cost.together[0].value() == test::near(2.977e-3, 0.005));
  CHECK(cost.together[1].value() == test::near(4.513e-3, 0.005));
}

TEST_CASE("eight rails: the data groups of tp = 8 keep to their own NICs") {
  Scenario s;
  s.cluster = system(128);
  s.parallelism.tp = 8;
  const auto flow = flow_model(s);
  Diagnostics diagnostics;
  const auto analytic = analytic_network(s, test::repository_path("calibration"), diagnostics);
  const auto c = ask(CommunicationKind::all_reduce, GroupKind::data, 1e9);
  CHECK(flow->time(c).alone.value() == test::near(analytic->time(c).alone.value(), 0.01));
}

TEST_CASE("oversubscription is seen by flows only") {
  Scenario s;
  s.cluster = system(512);
  s.cluster.fabric.rail_optimised = false;
  s.cluster.fabric.leaf_oversubscription = 3;  // 48 down, 16 up: six nodes a leaf share 16 up links
  const Communication c = ask(CommunicationKind::all_to_all, GroupKind::data, 1e9);
  const auto thin = flow_model(s)->time(c);
  s.cluster.fabric.leaf_oversubscription = 1;
  const auto full = flow_model(s)->time(c);
  CHECK(thin.alone.value() > 2.0 * full.alone.value());
  CHECK(thin.bottleneck == "fabric");
}

TEST_CASE("nccl-tests output is read, wrong lines are placed") {
  Diagnostics diagnostics;
  const auto rows = nccl_test_rows(
      "# nThread 1 nGpus 8\n"
      "#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw "
      "#wrong\n"
      "     1048576        262144     float     sum      -1    25.40   41.28   72.24      0    25.10   41.78   73.11   "
      "   0\n"
      "     2097152        524288     float    none      -1    38.20   54.90   96.07      0    38.00   55.19   96.58   "
      "   0\n"
      "# Avg bus bandwidth    : 84.1\n",
      "out.txt", diagnostics);
  CHECK(text(diagnostics).empty());
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].bytes.value() == 1048576);
  CHECK(rows[0].time.value() == test::near(25.4e-6));
  CHECK(rows[1].busbw.value() == test::near(96.07e9));
  nccl_test_rows("1048576 oops\n", "out.txt", diagnostics);
  CHECK(
      text(diagnostics) ==
      "out.txt:1:1: error: not a row of nccl-tests\n  | 1048576 oops\n  | ^\n  = size count type redop root time algbw "
      "busbw #wrong\n");
}
