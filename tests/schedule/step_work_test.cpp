#include "schedule/step_work.hpp"

#include <doctest/doctest.h>

#include "engine/simulation.hpp"
#include "workload/fixtures.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

namespace {

class NoTimeLaws final : public KernelLaws {
 public:
  [[nodiscard]] KernelTime time(const Operator&, const KernelContext&) const override { return {}; }
  [[nodiscard]] double idle_power_share() const override { return 0; }
  [[nodiscard]] std::string source() const override { return "test"; }
};

/// A byte takes a picosecond.
class ByteNetwork final : public CommunicationModel {
 public:
  [[nodiscard]] CommunicationTime time(const Communication& c) const override {
    return {.alone = Seconds(c.bytes.value() * 1e-12), .beside = Seconds(c.bytes.value() * 1e-12)};
  }
};

/// "gather weights shard 1184 prefetched", a line for every communication of a pass.
std::string lines(const TimedPass& pass) {
  constexpr std::array kNeededNames{"at once", "after next", "prefetched", "beside weight", "at end"};
  std::string out;
  for (const auto* part : {&pass.first, &pass.second}) {
    for (const TimedSegment& s : *part) {
      if (s.compute) continue;
      out += s.name + " " + std::string(name(s.group)) + " " + std::to_string(s.alone.ps) + " " +
             kNeededNames[static_cast<std::size_t>(s.needed)] + "\n";
    }
  }
  return out;
}

struct Work {
  explicit Work(const Scenario& s) { fill_step_work(s, workload(s), NoTimeLaws(), ByteNetwork(), work); }
  [[nodiscard]] const TimedLayer& layer() const { return *work.stages[0].layers[1]; }  // behind the embedding
  StepWork work;
};

std::string collectives(const Scenario& s) {
  std::string out;
  for (const Communication& c : data_collectives(s, {100, 10})) {
    out += c.name + " " + std::string(name(c.kind)) + " " + std::to_string(c.bytes.value()).substr(0, 3) + "\n";
  }
  return out;
}

/// The tiny dense model, 592 parameters a layer (1704 less two tables of 256 and a norm of 8, halved), on four ranks.
Scenario four_ranks() {
  Scenario s = tiny_run(tiny_dense());
  s.cluster.gpus = 4;
  s.training.global_batch = 4;
  return s;
}

}  // namespace

TEST_CASE("FSDP gathers BF16 weights of a layer and scatters its FP32 gradients") {
  Scenario s = four_ranks();
  s.parallelism.fsdp = Fsdp::full;
  s.parallelism.zero_stage = 3;
  const Work w(s);
  CHECK(lines(w.layer().forward) == "gather weights data 1184 prefetched\n");
  CHECK(lines(w.layer().backward_input) == "gather weights data 1184 prefetched\n");
  CHECK(lines(w.layer().backward_weight) == "scatter gradients data 2368 at end\n");
  CHECK(collectives(s) == "");
  // Stage 2: weights stay gathered until backward.
  s.parallelism.zero_stage = 2;
  CHECK(lines(Work(s).layer().backward_input) == "");
  // Without prefetch the layer waits for its weights.
  s.parallelism.fsdp_prefetch = 0;
  CHECK(lines(Work(s).layer().forward) == "gather weights data 1184 at once\n");
}

TEST_CASE("hybrid FSDP: in groups of two, whose copies add up their shards' gradients") {
  Scenario s = four_ranks();
  s.parallelism.fsdp = Fsdp::hybrid;
  s.parallelism.fsdp_group = 2;
  s.parallelism.zero_stage = 3;
  const Work w(s);
  CHECK(lines(w.layer().forward) == "gather weights shard 1184 prefetched\n");
  // All-reduce of half the gradients: 592 / 2 x 4 B.
  CHECK(lines(w.layer().backward_weight) ==
        "scatter gradients shard 2368 at end\nadd up gradients replica 1184 at end\n");
  // One group is FSDP full.
  s.parallelism.fsdp_group = 4;
  CHECK(lines(Work(s).layer().backward_weight) == "scatter gradients shard 2368 at end\n");
}

TEST_CASE("ZeRO without FSDP: stage 2 scatters gradients of every micro-batch, stage 3 gathers weights too") {
  Scenario s = four_ranks();
  s.parallelism.zero_stage = 1;
  CHECK(lines(Work(s).layer().backward_weight) == "");
  CHECK(collectives(s) ==
        "gradients reduce-scatter 400\nexpert gradients reduce-scatter 40.\nparameters all-gather 200\n"
        "expert parameters all-gather 20.\n");
  s.parallelism.zero_stage = 2;
  CHECK(lines(Work(s).layer().forward) == "");
  CHECK(lines(Work(s).layer().backward_weight) == "scatter gradients data 2368 at once\n");
  CHECK(collectives(s) == "parameters all-gather 200\nexpert parameters all-gather 20.\n");
  s.stack.overlap_gradients = true;
  CHECK(lines(Work(s).layer().backward_weight) == "scatter gradients data 2368 at end\n");
  s.parallelism.zero_stage = 3;
  CHECK(lines(Work(s).layer().backward_input) == "gather weights data 1184 prefetched\n");
  CHECK(collectives(s) == "");
}

TEST_CASE("FSDP of experts: dense parameters over all ranks, experts over those that hold the same") {
  // 8 experts of 96 parameters in a layer: 192 of 768 on a rank of ep 4, held by 8 / 4 ranks; 2 B each.
  Scenario s = tiny_run(tiny_moe());
  s.cluster.gpus = 8;
  s.training.global_batch = 8;
  s.parallelism.ep = 4;
  s.parallelism.fsdp = Fsdp::full;
  s.parallelism.zero_stage = 3;
  const RankParameters layer = [&] {
    const StageWork stage = workload(s).stages[0];
    return RankParameters{(stage.parameters.dense - 2 * 256 - 8) / 2, stage.parameters.expert / 2};
  }();
  CHECK(layer.expert == 192);
  const std::string dense = std::to_string(static_cast<int>(2 * layer.dense));
  const std::string lines_of_backward = lines(Work(s).layer().backward_input);
  CHECK(lines_of_backward.find("gather weights data " + dense + " prefetched\n") != std::string::npos);
  CHECK(lines_of_backward.find("gather weights expert-data 384 prefetched\n") != std::string::npos);
}

namespace {

/// Three layers of 10 ps behind gathers of 2, 2 and 15 ps.
SimTime three_layers(Needed needed, int ahead) {
  std::array<TimedLayer, 3> layers;
  constexpr std::array<std::int64_t, 3> kGathers{2, 2, 15};
  TimedStage stage;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    layers[i].forward.first = {{.name = "gather",
                                .compute = false,
                                .alone = {kGathers[i]},
                                .beside = {kGathers[i]},
                                .needed = needed,
                                .ahead = ahead},
                               {.name = "mlp", .alone = {10}, .beside = {10}}};
    stage.layers.push_back(&layers[i]);
  }
  TaskGraph graph{.devices = 1};
  ChunkBuilder(graph, false).add(0, ChunkKind::forward, &stage, nullptr, 1.0, {});
  return simulate(graph).last_end;
}

}  // namespace

TEST_CASE("weights are gathered as many layers ahead as is asked for") {
  // Waited for: 2 + 10 + 2 + 10 + 15 + 10. One ahead: gathers 0-2, 2-4 and, from the start of layer 2, 12-27; layers
  // 2-12, 12-22, 27-37. Two ahead the last is gathered 4-19 and runs 22-32.
  CHECK(three_layers(Needed::at_once, 0).ps == 49);
  CHECK(three_layers(Needed::prefetched, 1).ps == 37);
  CHECK(three_layers(Needed::prefetched, 2).ps == 32);
}

TEST_CASE("a ring: each step computes beside the transfer for the next") {
  // 10 ps before it, three steps of 3 ps, transfers of 4: sent 10-14 and 14-18; steps 10-13, 14-17, 18-21.
  const auto kernel = [](std::int64_t ps) { return TimedSegment{.name = "attn", .alone = {ps}, .beside = {ps}}; };
  const TimedSegment send{.name = "keys and values",
                          .compute = false,
                          .group = GroupKind::context,
                          .alone = {4},
                          .beside = {4},
                          .needed = Needed::after_next};
  TimedLayer layer;
  layer.forward.first = {kernel(10), send, kernel(3), send, kernel(3), kernel(3)};
  const TimedStage stage{{&layer}, {&layer}};
  TaskGraph graph{.devices = 1};
  ChunkBuilder(graph, false).add(0, ChunkKind::forward, &stage, nullptr, 1.0, {});
  CHECK(simulate(graph).last_end.ps == 21);
}

TEST_CASE("tensor ranks share a send and gather it over NVLink") {
  Scenario s = tiny_run(tiny_dense());
  s.parallelism.tp = 2;
  s.parallelism.pp = 2;
  s.parallelism.sequence_parallel = false;
  s.cluster.gpus = 4;
  // 16 tokens x hidden 8 x 2 B = 256 B at 1 B/ps; shared: 128 B sent and 256 B gathered.
  CHECK(Work(s).work.hop.ps == 256);
  s.stack.scatter_gather_sends = true;
  CHECK(Work(s).work.hop.ps == 128 + 256);
}

TEST_CASE("a tensor collective does not queue behind an expert exchange of the other half") {
  const auto exchange = [](GroupKind group, std::int64_t ps) {
    return TimedSegment{.compute = false, .group = group, .alone = {ps}, .beside = {ps}};
  };
  const auto kernel = [](std::int64_t ps) { return TimedSegment{.alone = {ps}, .beside = {ps}}; };
  TimedLayer layer;
  layer.forward.first = {exchange(GroupKind::tensor, 10), kernel(1000), exchange(GroupKind::expert, 300)};
  layer.backward_input.first = {exchange(GroupKind::expert, 5000), kernel(100)};
  const TimedStage stage{{&layer}, {&layer}};
  TaskGraph graph{.devices = 1};
  ChunkBuilder(graph, false).add(0, ChunkKind::forward_backward, &stage, &stage, 1.0, {});
  const TaskTimes times = simulate(graph);
  // The backward's exchange 0-5000; beside it the gather 0-10 and the forward's kernel 10-1010; the forward's exchange
  // is queued behind the other, 5000-5300.
  const auto end_of = [&](Stream stream, std::int64_t length) {
    for (TaskId id = 0; id < graph.tasks.size(); ++id) {
      if (graph.tasks[id].stream == stream && graph.tasks[id].alone.ps == length) return times.end[id].ps;
    }
    return std::int64_t{-1};
  };
  CHECK(end_of(Stream::tensor, 10) == 10);
  CHECK(end_of(Stream::compute, 1000) == 1010);
  CHECK(end_of(Stream::communication, 5000) == 5000);
  CHECK(end_of(Stream::communication, 300) == 5300);
  CHECK(end_of(Stream::compute, 100) == 5100);
}

TEST_CASE("kernels at the far side of an exchange hide with it where halves are merged") {
  const auto exchange = [](std::int64_t ps) {
    return TimedSegment{.compute = false, .group = GroupKind::expert, .alone = {ps}, .beside = {ps}};
  };
  const auto kernel = [](std::int64_t ps) { return TimedSegment{.alone = {ps}, .beside = {ps}}; };
  TimedSegment permute = kernel(200);
  permute.with_exchange = true;
  permute.group = GroupKind::expert;
  TimedLayer layer;
  layer.forward.first = {kernel(1000)};
  layer.backward_input.first = {permute, exchange(5000), kernel(100)};
  const TimedStage stage{{&layer}, {&layer}};
  TaskGraph merged{.devices = 1};
  ChunkBuilder(merged, false).add(0, ChunkKind::forward_backward, &stage, &stage, 1.0, {});
  // Permutation 0-200 and exchange 200-5200 beside the forward's kernel 0-1000; then the backward's, 5200-5300.
  CHECK(simulate(merged).last_end.ps == 5300);
  // Alone it is a kernel like others: 200 + 5000 + 100, on the compute stream.
  TaskGraph alone{.devices = 1};
  ChunkBuilder(alone, false).add(0, ChunkKind::backward_input, nullptr, &stage, 1.0, {});
  CHECK(simulate(alone).last_end.ps == 5300);
  CHECK(alone.tasks[1].stream == Stream::compute);
}

TEST_CASE("MTP modules and the loss run on the stages that the layout names") {
  // 61 layers on 16 stages of DeepSeek-V3, the module on the 15th, the loss alone on the 16th.
  Scenario s = deepseek_run();
  s.parallelism.pipeline_layout = "Et*9|(t*4|)*13m|L";
  s.parallelism.schedule = Schedule::one_f_one_b;
  const Workload w = workload(s);
  REQUIRE(w.stages.size() == 16);
  CHECK(w.stages[0].embedding);
  CHECK(w.stages[0].layers.size() == 9);
  CHECK(w.stages[14].layers.size() == 1);
  CHECK(w.stages[14].mtp_heads == 1);
  CHECK_FALSE(w.stages[14].head);
  CHECK(w.stages[15].layers.empty());
  CHECK(w.stages[15].head);
  CHECK(w.stages[15].mtp_heads == 0);
  // Copies of both tables stand beside the module, one more than with the loss.
  const double table = 129280.0 * 7168;
  CHECK(w.stages[15].parameters.dense == table + 7168);
  Scenario together = s;
  together.parallelism.pipeline_layout = "Et*9|(t*4|)*13mL";
  CHECK_FALSE(workload(together).stages.size() == 16);
  together.parallelism.pp = 15;
  together.parallelism.pipeline_layout = "Et*9|(t*4|)*13mL";
  const StageWork last = workload(together).stages.back();
  Scenario without = together;
  without.training.mtp = false;
  without.parallelism.pipeline_layout = "Et*9|(t*4|)*13L";
  const StageWork plain = workload(without).stages.back();
  const double module = last.parameters.dense - plain.parameters.dense - table;
  CHECK(w.stages[14].parameters.dense == doctest::Approx(module + 2 * table).epsilon(1e-12));
  // The module passes a head of its own where it stands.
  StepWork timed;
  fill_step_work(s, w, NoTimeLaws(), ByteNetwork(), timed);
  CHECK(timed.stages[14].layers.size() == 2);
  CHECK(timed.stages[15].layers.size() == 1);
  CHECK(timed.stages[14].layers[1] == timed.stages[15].layers[0]);
}
