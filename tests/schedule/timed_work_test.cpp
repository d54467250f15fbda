#include "schedule/timed_work.hpp"

#include <doctest/doctest.h>

#include "engine/simulation.hpp"
#include "near.hpp"
#include "schedule/chunk_graph.hpp"

using namespace gpuhours;

namespace {

/// Every kernel takes 10 us alone and 12 beside communication.
class FixedLaws final : public KernelLaws {
 public:
  [[nodiscard]] KernelTime time(const Operator&, const KernelContext&) const override {
    return {.alone = Seconds(10e-6), .beside = Seconds(12e-6), .provenance = Provenance::measured, .energy_share = 0.5};
  }
  [[nodiscard]] double idle_power_share() const override { return 0.1; }
  [[nodiscard]] std::string source() const override { return "test"; }
};

/// Every communication takes 8 us alone and 9 beside compute.
class FixedNetwork final : public CommunicationModel {
 public:
  [[nodiscard]] CommunicationTime time(const Communication&) const override {
    return {.alone = Seconds(8e-6), .beside = Seconds(9e-6)};
  }
};

Scenario tensor_parallel(bool overlap) {
  Scenario s;
  s.parallelism.tp = 8;
  s.stack.overlap_tensor = overlap;
  return s;
}

/// all-gather, an attention block of two products, reduce-scatter, an MLP block of one.
LayerWork layer() {
  const Communication gather{.name = "gather", .kind = CommunicationKind::all_gather, .group = GroupKind::tensor};
  const Communication scatter{.name = "scatter", .kind = CommunicationKind::reduce_scatter, .group = GroupKind::tensor};
  LayerWork work;
  const Operator product{.kind = OperatorKind::gemm};
  work.forward = {gather, ComputeBlock{"attn", {product, product}}, scatter, ComputeBlock{"mlp", {product}}};
  return work;
}

SimTime chunk_time(ChunkKind kind, const TimedLayer& layer) {
  const TimedStage stage{{&layer}, {&layer}};
  TaskGraph graph{.devices = 1};
  const bool forward = kind == ChunkKind::forward;
  ChunkBuilder(graph, false).add(0, kind, forward ? &stage : nullptr, forward ? nullptr : &stage, 1.0, {});
  return simulate(graph).last_end;
}

SimTime forward_time(const Scenario& scenario) {
  const FixedLaws laws;
  const FixedNetwork network;
  return chunk_time(ChunkKind::forward, WorkTimer(scenario, laws, network).timed(layer(), false));
}

}  // namespace

TEST_CASE("a block's time is its kernels, the gaps between launches, and no less than the host needs") {
  const FixedLaws laws;
  const FixedNetwork network;
  Scenario s;
  const ComputeBlock block{"attn", {Operator{}, Operator{.kernels = 3}}};
  // Two operators of 10 us; four launches.
  CHECK(WorkTimer(s, laws, network).timed(block, false).alone.ps == 20'000'000);
  s.stack.launch_gap = Seconds(2e-6);
  CHECK(WorkTimer(s, laws, network).timed(block, false).alone.ps == 28'000'000);
  s.stack.launch_interval = Seconds(15e-6);  // 4 x 15 us of host time are longer
  const TimedSegment bound = WorkTimer(s, laws, network).timed(block, false);
  CHECK(bound.alone.ps == 60'000'000);
  CHECK(bound.account.launch_seconds == gpuhours::test::near(40e-6));
  s.stack.cuda_graphs = true;
  CHECK(WorkTimer(s, laws, network).timed(block, false).alone.ps == 20'000'000);
}

TEST_CASE("tensor-parallel communication in the open adds up") {
  // 8 + 20 + 8 + 10 us, nothing beside anything.
  CHECK(forward_time(tensor_parallel(false)).ps == 46'000'000);
}

TEST_CASE("tensor-parallel communication beside the products that read and write it") {
  // The gather (8 us) beside the first product (10 us), three quarters of the scatter (6 us) beside the second (10 us),
  // its last quarter in the open (2 us), the MLP's 10 us. Copy engines slow no kernel: 10 + 10 + 2 + 10.
  CHECK(forward_time(tensor_parallel(true)).ps == 32'000'000);
}

TEST_CASE("a gather longer than its product shows the rest") {
  const FixedLaws laws;
  const FixedNetwork network;
  LayerWork work = layer();
  auto& attention = std::get<ComputeBlock>(work.forward[1]);
  attention.operators.erase(attention.operators.begin());  // one product for both: the scatter cannot run beside it
  // max(8, 10) beside the gather, 8 in the open, 10.
  const Scenario s = tensor_parallel(true);
  CHECK(chunk_time(ChunkKind::forward, WorkTimer(s, laws, network).timed(work, false)).ps == 28'000'000);
}

TEST_CASE("backward's scatter runs beside the layer's weight gradients, in the open without them") {
  const FixedLaws laws;
  const FixedNetwork network;
  const Operator dgrad{.kind = OperatorKind::gemm, .pass = Pass::backward_input};
  const Operator wgrad{.kind = OperatorKind::gemm, .pass = Pass::backward_weight};
  const Communication scatter{.name = "scatter", .kind = CommunicationKind::reduce_scatter, .group = GroupKind::tensor};
  LayerWork work;
  work.backward_input = {ComputeBlock{"mlp", {dgrad}}, scatter, ComputeBlock{"attn", {dgrad}}, scatter};
  work.backward_weight = {ComputeBlock{"mlp", {wgrad}}, ComputeBlock{"attn", {wgrad}}};
  const Scenario s = tensor_parallel(true);
  const TimedLayer timed = WorkTimer(s, laws, network).timed(work, false);
  // dgrad 10, wgrad 10 beside the first scatter's 8, dgrad 10, wgrad 10 beside the second.
  CHECK(chunk_time(ChunkKind::backward, timed).ps == 40'000'000);
  // Weight gradients apart: 10 + 8 + 10 + 8.
  CHECK(chunk_time(ChunkKind::backward_input, timed).ps == 36'000'000);
}

TEST_CASE("a cast on the communication stream has few SMs beside compute") {
  const FixedLaws laws;
  const FixedNetwork network;
  Scenario s;
  s.cluster.gpu.sms = 132;
  s.stack.communication_sms = 20;
  Communication dispatch{.name = "dispatch", .kind = CommunicationKind::dispatch, .group = GroupKind::expert};
  dispatch.prologue = {Operator{}};
  const TimedSegment timed = WorkTimer(s, laws, network).timed(dispatch);
  CHECK(timed.alone.ps == 18'000'000);               // 8 + 10 us
  CHECK(timed.beside.ps == 9'000'000 + 66'000'000);  // 9 + 10 x 132 / 20
}
