// A group run is exact: without an event queue it gives the lengths of one graph of all ranks on the event engine, to
// the picosecond.
#include "engine/group_run.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <memory>

using namespace gpuhours;

namespace {

constexpr int kChunks = 3;

TimedSegment any_segment(bool compute, GroupKind group) {
  TimedSegment out{.name = compute ? "attn" : "exchange", .compute = compute, .group = group};
  out.alone = {*rc::gen::inRange<std::int64_t>(1, 2'000'000'000)};
  out.beside = {out.alone.ps + *rc::gen::element<std::int64_t>(0, 1, out.alone.ps / 3)};
  out.intrudes = *rc::gen::inRange(0, 4) > 0;
  out.needed = *rc::gen::element(Needed::at_once, Needed::at_once, Needed::after_next);
  if (compute || group == GroupKind::expert) {
    out.grows_with = *rc::gen::element(GrowsWith::nothing, GrowsWith::rank, GrowsWith::domain);
  }
  if (out.grows_with != GrowsWith::nothing) {
    out.per_load = {*rc::gen::inRange<std::int64_t>(0, out.alone.ps)};
    out.per_load_beside = {*rc::gen::inRange<std::int64_t>(0, out.alone.ps)};
  }
  return out;
}

std::vector<TimedSegment> any_part() {
  std::vector<TimedSegment> out;
  const int count = *rc::gen::inRange(1, 5);
  for (int i = 0; i < count; ++i) {
    const bool compute = *rc::gen::arbitrary<bool>();
    out.push_back(any_segment(compute, *rc::gen::element(GroupKind::expert, GroupKind::context)));
  }
  return out;
}

/// Expert communication that meets, and context-parallel communication that does not, anywhere in the layers.
std::unique_ptr<StepWork> any_work() {
  auto work = std::make_unique<StepWork>();
  for (int i = 0; i < 3; ++i) {
    TimedLayer& layer = work->layers.emplace_back();
    for (TimedPass* pass : {&layer.forward, &layer.backward_input, &layer.backward_weight}) {
      pass->first = any_part();
      pass->second = any_part();
    }
    for (TimedSegment& segment : layer.backward_weight.first) segment.needed = Needed::at_once;
  }
  for (TimedLayer& layer : work->layers) {
    for (TimedPass* pass : {&layer.forward, &layer.backward_input, &layer.backward_weight}) {
      for (auto* part : {&pass->first, &pass->second}) {
        for (TimedSegment& one : *part) {
          one.label = static_cast<std::int32_t>(work->labels.size());
          work->labels.push_back(&one);
        }
      }
    }
  }
  for (const int layers : {3, 2}) {
    TimedStage stage;
    for (int i = 0; i < layers; ++i)
      stage.layers.push_back(&work->layers[static_cast<std::size_t>(*rc::gen::inRange(0, 3))]);
    stage.layers_shared = stage.layers;
    work->stages.push_back(stage);
  }
  work->split_overlap = *rc::gen::arbitrary<bool>();
  Scenario s;
  s.model.experts = 16;
  s.model.top_k = 2;
  s.parallelism.ep = *rc::gen::element(2, 4, 8);
  s.cluster.gpus = s.parallelism.ep;
  s.cluster.node.gpus = 8;
  s.cluster.node.nvlink_domain = *rc::gen::element(1, 2, 8);
  s.training.router_balance = RouterBalance::natural;
  s.training.expert_imbalance = 0.3;
  work->loads = RankLoads(s);
  return work;
}

/// Mean ends of the chunks of a run, on one graph of all ranks.
std::vector<std::int64_t> ends_by_events(const StepWork& work, ChunkKind kind, const TimedStage* forward,
                                         const TimedStage* backward, std::uint64_t seed) {
  const int ranks = work.loads.ranks();
  TaskGraph graph;
  graph.devices = ranks;
  ChunkBuilder builder(graph, work.split_overlap);
  std::vector<std::vector<std::vector<TaskId>>> last;  // by chunk and rank
  for (int chunk = 0; chunk <= kChunks; ++chunk) {
    const auto drawn = [&](const TimedStage* stage, std::uint64_t half) {
      return stage == nullptr ? GroupLoads{} : group_loads(work.loads, stage->layers.size(), seed, half, chunk);
    };
    const GroupLoads f = drawn(forward, 0);
    const GroupLoads b = drawn(backward, 1);
    const ChunkMeetings meetings{
        .first = static_cast<std::int32_t>(graph.meeting_sizes.size()), .stride = 1, .group_index = {-1, -1, 0, -1}};
    last.emplace_back();
    std::size_t communications = 0;
    for (int rank = 0; rank < ranks; ++rank) {
      const auto r = static_cast<std::size_t>(rank);
      const std::size_t first = graph.tasks.size();
      const ChunkTasks tasks = builder.add(rank, kind, forward, backward, 1.0, meetings,
                                           {f.empty() ? nullptr : &f[r], b.empty() ? nullptr : &b[r]});
      if (chunk > 0) {
        for (const TaskId id : last[static_cast<std::size_t>(chunk - 1)][r]) graph.depend(tasks.start, id);
      }
      last.back().push_back(tasks.last);
      communications = 0;
      for (std::size_t id = first; id < graph.tasks.size(); ++id) {
        if (!work.labels.empty() && graph.tasks[id].label >= 0 &&
            !work.labels[static_cast<std::size_t>(graph.tasks[id].label)]->compute)
          ++communications;
      }
    }
    graph.meeting_sizes.resize(graph.meeting_sizes.size() + communications, ranks);
  }
  const TaskTimes times = simulate(graph);
  std::vector<std::int64_t> ends;
  for (const auto& of_chunk : last) {
    std::int64_t sum = 0;
    for (const std::vector<TaskId>& of_rank : of_chunk) {
      SimTime end;
      for (const TaskId id : of_rank) end = std::max(end, times.end[id]);
      sum += end.ps;
    }
    ends.push_back(sum / ranks);
  }
  return ends;
}

}  // namespace

TEST_CASE("a group run is the event engine's") {
  CHECK(rc::check("same lengths of every chunk", [] {
    const auto work = any_work();
    const auto kind = *rc::gen::element(ChunkKind::forward, ChunkKind::backward, ChunkKind::backward_input,
                                        ChunkKind::forward_backward);
    const bool both = kind == ChunkKind::forward_backward;
    const TimedStage* forward = kind == ChunkKind::forward || both ? &work->stages[0] : nullptr;
    const TimedStage* backward = kind == ChunkKind::forward ? nullptr : &work->stages[1];
    const auto seed = *rc::gen::inRange<std::uint64_t>(1, 1000);
    const std::vector<ChunkProfile> profiles = group_run(*work, kind, forward, backward, seed, kChunks, false);
    const std::vector<std::int64_t> ends = ends_by_events(*work, kind, forward, backward, seed);
    RC_ASSERT(profiles.size() == std::size_t{kChunks});
    for (std::size_t i = 0; i < profiles.size(); ++i) {
      RC_ASSERT(profiles[i].length.ps == ends[i + 1] - ends[i]);
      const TimeUse& use = profiles[i].use;
      RC_ASSERT(use.compute + use.all_exposed() >= profiles[i].length);
    }
  }));
}
