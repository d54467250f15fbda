#include "schedule/communication_time.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>

#include "near.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

// Round laws, so that times are worked out by hand: NVLink reaches half, the NIC four fifths.
const char* const kLaws = R"(
nvlink:
  hopper:
    ring: {protocols: [{name: Simple, base_us: 10, step_us: 1, share: 0.5}], own_copy: 0, error: 0.1}
    nvls: {protocols: [{name: Simple, base_us: 20, step_us: 0, share: 0.5}], own_copy: 0, error: 0.1}
    point_to_point: {protocols: [{name: Simple, base_us: 5, step_us: 1, share: 0.5}], own_copy: 0, error: 0.1}
nvls_min_ranks: 8
nic:
 infiniband:
  reference_latency_us: 3
  ring: {protocols: [{name: Simple, base_us: 10, step_us: 2, share: 0.8}], own_copy: 0, error: 0.1}
  tree: {protocols: [{name: LL128, base_us: 30, step_us: 5, share: 0.4}], own_copy: 0, error: 0.1}
  all_to_all: {protocols: [{name: Simple, base_us: 10, step_us: 1, share: 0.8}], own_copy: 0, error: 0.1}
  send: {protocols: [{name: Simple, base_us: 8, step_us: 0, share: 0.8}], own_copy: 0, error: 0.1}
expert:
  layout_on_host_us: 900
  dispatch: {nic_share: 0.8, nic_share_beside: 0.6, nvlink_share: 0.6, forward_share: 0.5, sm_gbps: 10,
             sm_forward_gbps: 5, base_us: 100, error: 0.1, error_beside: 0.1}
  combine: {nic_share: 0.8, nic_share_beside: 0.64, nvlink_share: 0.6, forward_share: 0.5, sm_gbps: 10,
            sm_forward_gbps: 5, base_us: 100, error: 0.1, error_beside: 0.1}
)";

std::string law_directory(const std::string& text) {
  const auto directory = std::filesystem::temp_directory_path() / "gpuhours_network_laws_test";
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "network.yaml") << text;
  return directory.string();
}

Scenario cluster(int gpus, int tp) {
  Scenario s;
  s.cluster.gpus = gpus;
  s.cluster.gpu.generation = Generation::hopper;
  s.cluster.gpu.nvlink_per_direction = BytesPerSecond(200e9);
  s.cluster.node.nic_per_direction = BytesPerSecond(50e9);
  s.parallelism.tp = tp;
  return s;
}

std::shared_ptr<const CommunicationModel> model(const Scenario& s) {
  Diagnostics diagnostics;
  auto result = analytic_network(s, law_directory(kLaws), diagnostics);
  REQUIRE(text(diagnostics).empty());
  return result;
}

Communication ask(CommunicationKind kind, GroupKind group, double bytes) {
  Communication c;
  c.kind = kind;
  c.group = group;
  c.bytes = Bytes(bytes);
  return c;
}

double microseconds(Seconds time) { return time.value() * 1e6; }

}  // namespace

TEST_CASE("the data-parallel term vanishes with dp = 1") {
  const auto network = model(cluster(8, 8));
  const auto time = network->time(ask(CommunicationKind::all_reduce, GroupKind::data, 1e9));
  CHECK(time.alone == Seconds{});
  CHECK(time.beside == Seconds{});
  CHECK(time.bottleneck == "none");
}

TEST_CASE("collectives inside one NVLink domain") {
  const auto network = model(cluster(8, 8));
  // All-gather of 80 MB on 8 ranks: 7 hops x 1 us + 10 us + 70 MB / 100 GB/s = 717 us.
  const auto gather = network->time(ask(CommunicationKind::all_gather, GroupKind::tensor, 80e6));
  CHECK(microseconds(gather.alone) == test::near(717));
  CHECK(gather.bottleneck == "nvlink");
  CHECK(gather.nvlink_bytes.value() == test::near(70e6));
  CHECK(gather.nic_bytes == Bytes{});
  // All-reduce: 14 hops + 10 us + 140 MB / 100 GB/s = 1,424 us.
  const auto reduce = network->time(ask(CommunicationKind::all_reduce, GroupKind::tensor, 80e6));
  CHECK(microseconds(reduce.alone) == test::near(1424));
  // All-to-all: 7 peers x 1 us + 5 us + 70 MB / 100 GB/s = 712 us.
  CHECK(microseconds(network->time(ask(CommunicationKind::all_to_all, GroupKind::tensor, 80e6)).alone) ==
        test::near(712));
  // With NVLS: 20 us + 80 MB / 100 GB/s = 820 us.
  Scenario sharp = cluster(8, 8);
  sharp.cluster.node.nvlink_sharp = true;
  CHECK(microseconds(model(sharp)->time(ask(CommunicationKind::all_reduce, GroupKind::tensor, 80e6)).alone) ==
        test::near(820));
}

TEST_CASE("collectives over NICs") {
  Scenario s = cluster(16, 1);
  const auto network = model(s);
  // Reduce-scatter of 1.6 GB on 2 nodes of 8: 15 hops x 2 us + 10 us = 40 us. Each NIC carries 1.5 GB / 8 at 40 GB/s =
  // 4,687.5 us; NVLink takes 7/8 of 1.5 GB at 100 GB/s = 13,125 us and binds.
  const auto scatter = network->time(ask(CommunicationKind::reduce_scatter, GroupKind::data, 1.6e9));
  CHECK(microseconds(scatter.alone) == test::near(13165));
  CHECK(scatter.bottleneck == "nvlink");
  s.cluster.gpu.nvlink_per_direction = BytesPerSecond(2000e9);
  const auto fast = model(s)->time(ask(CommunicationKind::reduce_scatter, GroupKind::data, 1.6e9));
  CHECK(microseconds(fast.alone) == test::near(4727.5));
  CHECK(fast.bottleneck == "nic");
  CHECK(fast.nic_bytes.value() == test::near(1.5e9 / 8));
  // All-to-all of 1.6 MB: half of it leaves the node: 8 peers there, 7 here, 10 us, 0.8 MB / 40 GB/s: 45 us.
  CHECK(microseconds(network->time(ask(CommunicationKind::all_to_all, GroupKind::data, 1.6e6)).alone) ==
        test::near(45));
  // RoCE's extra 2 us (5 against 3) count where the ring leaves a node, 2 x 15/16 times: 4,727.5 + 3.75.
  s.cluster.fabric.latency_cross_leaf = Seconds(5e-6);
  CHECK(microseconds(model(s)->time(ask(CommunicationKind::reduce_scatter, GroupKind::data, 1.6e9)).alone) ==
        test::near(4731.25));
}

TEST_CASE("a small all-reduce over many nodes takes the tree") {
  // 64 ranks on 8 nodes, 8 KB: ring 126 hops of 1 or 2 us; tree 30 us + 6 x 5 us over the network + 14 x 1 us in the
  // nodes + the NVLinks' 2 x 7/8 x 8 KB / 100 GB/s = 0.14 us (the NICs' 2 x 8 KB / 8 / 20 GB/s = 0.1 us is less).
  const auto time = model(cluster(64, 1))->time(ask(CommunicationKind::all_reduce, GroupKind::data, 8000));
  CHECK(microseconds(time.alone) == test::near(74.14));
}

TEST_CASE("pipeline sends bind on the NIC when neighbours lie in different nodes") {
  Scenario s = cluster(16, 1);
  s.parallelism.pp = 2;
  // 40 MB at 40 GB/s + 8 us.
  CHECK(microseconds(model(s)->time(ask(CommunicationKind::send, GroupKind::pipeline, 40e6)).alone) ==
        test::near(1008));
  s.cluster.gpus = 8;
  // 40 MB at 100 GB/s + 6 us over NVLink.
  CHECK(microseconds(model(s)->time(ask(CommunicationKind::send, GroupKind::pipeline, 40e6)).alone) == test::near(406));
}

TEST_CASE("expert dispatch sends a token once a node and forwards it over NVLink") {
  Scenario s = cluster(16, 1);
  s.parallelism.ep = 16;
  s.model.experts = 16;
  s.model.top_k = 16;  // every token to every expert: 16 ranks, 2 nodes
  s.stack.dispatcher = Dispatcher::deepep;
  Communication c;
  c.kind = CommunicationKind::dispatch;
  c.group = GroupKind::expert;
  c.tokens = 1000;
  c.bytes_per_token = 8000;
  // NIC: 2 x 1/2 nodes x 8 MB / 40 GB/s = 200 us; NVLink: 16 x 7/8 x 8 MB / 100 GB/s = 1,120 us binds.
  const auto time = model(s)->time(c);
  CHECK(time.nic_bytes.value() == test::near(8e6));
  CHECK(time.nvlink_bytes.value() == test::near(112e6));
  CHECK(time.bottleneck == "nvlink");
  CHECK(microseconds(time.alone) == test::near(1220));
  CHECK(microseconds(time.beside) == test::near(100 + 1120 * 0.8 / 0.6));
  c.first_of_pair = true;
  CHECK(microseconds(model(s)->time(c).beside) == test::near(1000 + 1120 * 0.8 / 0.6));
  // Ten SMs forward 50 GB/s, half of what the link gives.
  s.stack.communication_sms = 10;
  CHECK(microseconds(model(s)->time(c).alone) == test::near(2340));
  // Plain all-to-all sends each of the 16 copies: 128 MB, half of it over the NIC: 10 + 8 + 7 + 64 MB / 40 GB/s.
  s.stack.dispatcher = Dispatcher::alltoall;
  CHECK(microseconds(model(s)->time(c).alone) == test::near(1625));
}

TEST_CASE("missing laws are named with their place") {
  Diagnostics diagnostics;
  CHECK(analytic_network(cluster(8, 1), "/nowhere", diagnostics) == nullptr);
  CHECK(text(diagnostics) == "/nowhere/network.yaml: error: cannot be read\n");
  Diagnostics empty;
  CHECK(analytic_network(cluster(8, 1), law_directory("nvlink: {}\n"), empty) == nullptr);
  CHECK(empty.errors() == 4);  // nvlink.hopper, nic, nvls_min_ranks, expert
  CHECK(empty.all()[0].message == "'hopper' is missing");
}

TEST_CASE("H800's NVLink is predicted from H100's laws and the cut link") {
  Diagnostics diagnostics;
  const NetworkLaws laws = read_network_laws(test::repository_path("calibration"), diagnostics);
  REQUIRE(text(diagnostics).empty());
  GroupShape h800;
  h800.size = h800.per_domain = 8;
  h800.nvlink = BytesPerSecond(200e9);
  h800.nvls = true;
  // 215 GB/s bus bandwidth at 16 GiB (NVIDIA/nccl issue 1374; SimAI's constant), within 5 %.
  const Bytes bytes(17179869184.0);
  const auto reduce = collective_estimate(laws, h800, CollectiveOp::all_reduce, bytes);
  CHECK(reduce.algorithm == "nvls/large");
  CHECK(1.75 * bytes.value() / reduce.time.value() == test::near(215e9, 0.05));

  // DeepEP, 4,096 tokens, EP8: 153 and 158 GB/s counting every received copy, the local one too, within 10 %.
  Scenario s = cluster(8, 1);
  s.parallelism.ep = 8;
  s.model.experts = 256;
  s.model.top_k = 8;
  s.stack.dispatcher = Dispatcher::deepep;
  s.stack.communication_sms = 24;
  const auto network = analytic_network(s, test::repository_path("calibration"), diagnostics);
  Communication c;
  c.kind = CommunicationKind::dispatch;
  c.group = GroupKind::expert;
  c.tokens = 4096;
  c.bytes_per_token = 7392;
  // 8 x (1 - C(224,8)/C(256,8)) = 5.28 ranks a token.
  const auto logical = [&] { return 5.28 * 4096 * c.bytes_per_token / network->time(c).alone.value(); };
  CHECK(logical() == test::near(153e9, 0.10));
  c.kind = CommunicationKind::combine;
  c.bytes_per_token = 14376;
  CHECK(logical() == test::near(158e9, 0.10));
}

TEST_CASE("HybridEP meets the bandwidths that its README publishes") {
  // GB200, 4,096 tokens of 7,168 in BF16, top 8 of 8 experts a rank, 16 SMs, Torch API: GB/s of every received copy,
  // the local one too (deepseek-ai/DeepEP@41cad944, docs/README_Hybrid-EP.md).
  struct Row {
    int ranks;
    double dispatch;
    double combine;
  };
  const std::vector<Row> rows{
      {8, 550.10, 538.44}, {16, 472.84, 474.48}, {24, 441.89, 444.40}, {32, 485.50, 423.19}, {36, 469.96, 418.27}};
  Diagnostics diagnostics;
  std::map<CommunicationKind, double> error;
  for (const Row& row : rows) {
    Scenario s = cluster(row.ranks, 1);
    s.cluster.gpu.generation = Generation::blackwell;
    s.cluster.gpu.nvlink_per_direction = BytesPerSecond(900e9);
    s.cluster.node.nvlink_domain = row.ranks;
    s.parallelism.ep = row.ranks;
    s.model.experts = 8 * row.ranks;
    s.model.top_k = 8;
    s.stack.dispatcher = Dispatcher::hybridep;
    s.stack.communication_sms = 16;
    const auto network = analytic_network(s, test::repository_path("calibration"), diagnostics);
    REQUIRE(text(diagnostics).empty());
    // A token misses a rank when none of its 8 experts is one of the rank's 8.
    double misses = 1;
    for (int i = 0; i < 8; ++i) misses *= (s.model.experts - 8.0 - i) / (s.model.experts - i);
    for (const auto kind : {CommunicationKind::dispatch, CommunicationKind::combine}) {
      Communication c;
      c.kind = kind;
      c.group = GroupKind::expert;
      c.tokens = 4096;
      c.bytes_per_token = 14336;
      const double copies = row.ranks * (1 - misses) * 4096 * 14336;
      const double published = 1e9 * (kind == CommunicationKind::dispatch ? row.dispatch : row.combine);
      const double ratio = network->time(c).alone.value() / (copies / published);
      CAPTURE(row.ranks);
      CHECK(ratio == test::near(1, 0.16));
      error[kind] += std::abs(ratio - 1) / static_cast<double>(rows.size());
    }
  }
  CHECK(error[CommunicationKind::dispatch] < 0.08);
  CHECK(error[CommunicationKind::combine] < 0.10);
}

TEST_CASE("the shipped calibration reads and gives the trace's dispatch time") {
  Scenario s = cluster(2048, 1);
  s.parallelism.pp = 16;
  s.parallelism.ep = 64;
  s.model.experts = 256;
  s.model.top_k = 8;
  s.model.expert_groups = 8;
  s.model.groups_per_token = 4;
  s.stack.dispatcher = Dispatcher::deepep;
  Diagnostics diagnostics;
  const auto network = analytic_network(s, test::repository_path("calibration"), diagnostics);
  REQUIRE(text(diagnostics).empty());
  Communication c;
  c.kind = CommunicationKind::dispatch;
  c.group = GroupKind::expert;
  c.tokens = 4096;
  c.bytes_per_token = 7392;
  const auto known = network->time(c);
  CHECK(known.nic_bytes.value() == test::near(105.0e6, 0.003));  // 3.469 x 4,096 x 7,392
  CHECK(known.beside.value() == test::near(3.41e-3, 0.05));      // trace: 3.41 ms
  c.first_of_pair = true;
  CHECK(network->time(c).beside.value() == test::near(4.35e-3, 0.05));
  c.kind = CommunicationKind::combine;
  c.first_of_pair = false;
  c.bytes_per_token = 14376;
  CHECK(network->time(c).beside.value() == test::near(6.18e-3, 0.05));  // 5.99 and 6.37 ms
}
