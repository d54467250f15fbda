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

/// all-gather, an attention block of two kernels, reduce-scatter, an MLP block of one.
LayerWork layer() {
  const Communication gather{.name = "gather", .kind = CommunicationKind::all_gather, .group = GroupKind::tensor};
  const Communication scatter{.name = "scatter", .kind = CommunicationKind::reduce_scatter, .group = GroupKind::tensor};
  LayerWork work;
  work.forward = {gather, ComputeBlock{"attn", {Operator{}, Operator{}}}, scatter, ComputeBlock{"mlp", {Operator{}}}};
  return work;
}

SimTime forward_time(const Scenario& scenario) {
  const FixedLaws laws;
  const FixedNetwork network;
  TimedLayer timed = WorkTimer(scenario, laws, network).timed(layer(), false);
  const TimedStage stage{{&timed}, {&timed}};
  TaskGraph graph{.devices = 1};
  ChunkBuilder(graph, false).add(0, ChunkKind::forward, &stage, nullptr, 1.0, {});
  return simulate(graph).last_end;
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

TEST_CASE("tensor-parallel communication in 8 pieces: only the first is waited for") {
  // The first piece of the gather 1 us, then the block's 20 us beside its other 7; the scatter's first piece 1 us, then
  // the MLP's 10 us beside its other 7. Copy engines slow no kernel: 1 + 20 + 1 + 10.
  CHECK(forward_time(tensor_parallel(true)).ps == 32'000'000);
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
