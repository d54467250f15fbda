#include "engine/chunk_profile.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/random.hpp"
#include "engine/communication_use.hpp"
#include "engine/group_run.hpp"

namespace gpuhours {
Exposed exposed_kind(GroupKind group) {
  switch (group) {
    case GroupKind::tensor:
    case GroupKind::expert_tensor:
      return Exposed::tensor;
    case GroupKind::context:
      return Exposed::context;
    case GroupKind::expert:
      return Exposed::expert;
    case GroupKind::data:
    case GroupKind::expert_data:
    case GroupKind::shard:
    case GroupKind::replica:
      return Exposed::data;
    case GroupKind::pipeline:
      return Exposed::pipeline;
  }
  return Exposed::tensor;
}

TimeUse& TimeUse::operator+=(const TimeUse& other) {
  compute += other.compute;
  for (std::size_t i = 0; i < exposed.size(); ++i) exposed[i] += other.exposed[i];
  communication += other.communication;
  hidden += other.hidden;
  account += other.account;
  return *this;
}

SimTime TimeUse::all_exposed() const {
  SimTime sum;
  for (const SimTime time : exposed) sum += time;
  return sum;
}

TimeUse shared_out(TimeUse sum, int ranks) {
  const auto share = [ranks](SimTime& time) { time.ps /= ranks; };
  share(sum.compute);
  share(sum.communication);
  share(sum.hidden);
  for (SimTime& time : sum.exposed) share(time);
  sum.account *= 1.0 / ranks;
  return sum;
}

void add_waiting(SimTime length, TimeUse& use) {
  const SimTime waiting = length - use.compute - use.all_exposed();
  if (waiting > SimTime{}) use.exposed[static_cast<std::size_t>(Exposed::expert)] += waiting;
}

TimeUse time_use(const TaskGraph& graph, const TaskTimes& times, TaskId first, TaskId last,
                 const std::vector<const TimedSegment*>& labels) {
  TimeUse use;
  std::vector<TaskId> compute;
  std::vector<TaskId> communication;
  for (TaskId id = first; id < last; ++id) {
    if (graph.tasks[id].label < 0) continue;
    (graph.tasks[id].stream == Stream::compute ? compute : communication).push_back(id);
  }
  for (const TaskId id : compute) {
    use.compute += times.end[id] - times.start[id];
    use.account += labels[static_cast<std::size_t>(graph.tasks[id].label)]->account;
  }
  const auto segment = [&](TaskId id) { return labels[static_cast<std::size_t>(graph.tasks[id].label)]; };
  for (const TaskId id : communication) {
    if (segment(id)->compute) use.account += segment(id)->account;
  }
  add_communications(
      compute, communication, [&](TaskId id) { return times.start[id]; }, [&](TaskId id) { return times.end[id]; },
      [&](TaskId id) { return exposed_kind(segment(id)->group); }, use);
  return use;
}

ChunkProfile chunk_profile(const StepWork& work, ChunkKind kind, const TimedStage* forward, const TimedStage* backward,
                           bool spans) {
  TaskGraph graph;
  graph.devices = 1;
  ChunkBuilder builder(graph, work.split_overlap);
  const ChunkTasks tasks = builder.add(0, kind, forward, backward, 1.0, {});
  const TaskTimes times = simulate(graph);
  ChunkProfile profile;
  profile.length = times.last_end;
  profile.forward_out = times.end[tasks.forward_out];
  profile.backward_out = times.end[tasks.backward_out];
  profile.use = time_use(graph, times, 0, static_cast<TaskId>(graph.tasks.size()), work.labels);
  for (TaskId id = 0; spans && id < graph.tasks.size(); ++id) {
    const Task& task = graph.tasks[id];
    if (task.label < 0) continue;
    profile.spans.push_back({0, static_cast<int>(task.stream), times.start[id], times.end[id],
                             work.labels[static_cast<std::size_t>(task.label)]->name});
  }
  return profile;
}

namespace {

std::vector<const TimedLayer*> layers_of(const TimedStage* stage) {
  return stage == nullptr ? std::vector<const TimedLayer*>{} : stage->layers;
}

}  // namespace

const ChunkProfile& ChunkProfiles::at(const StepWork& work, ChunkKind kind, const TimedStage* forward,
                                      const TimedStage* backward) {
  std::tuple key{kind, layers_of(forward), layers_of(backward)};
  auto it = profiles_.find(key);
  if (it == profiles_.end()) {
    it = profiles_.emplace(std::move(key), chunk_profile(work, kind, forward, backward, false)).first;
  }
  return it->second;
}

const std::vector<ChunkProfile>& ChunkProfiles::draws(const StepWork& work, ChunkKind kind, const TimedStage* forward,
                                                      const TimedStage* backward, std::uint64_t seed, bool spans) {
  std::tuple key{kind, layers_of(forward), layers_of(backward), seed, spans};
  auto it = draws_.find(key);
  if (it == draws_.end()) {
    it = draws_.emplace(std::move(key), chunk_profiles(work, kind, forward, backward, seed, spans)).first;
  }
  return it->second;
}

std::size_t draw_of(std::uint64_t seed, int rank, std::size_t i, std::size_t draws) {
  if (draws == 1) return 0;
  const double z = standard_normal(seed ^ 0x6472617773ULL, static_cast<std::uint64_t>(rank), i);
  const double u = 0.5 * std::erfc(-z / std::numbers::sqrt2);
  return std::min(draws - 1, static_cast<std::size_t>(u * static_cast<double>(draws)));
}

GroupLoads group_loads(const RankLoads& loads, std::size_t layers, std::uint64_t seed, std::uint64_t which,
                       int micro_batch) {
  const auto ranks = static_cast<std::size_t>(loads.ranks());
  const auto domain = static_cast<std::size_t>(std::max(1, loads.ranks_per_domain()));
  GroupLoads out(ranks, std::vector<Load>(layers));
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const std::vector<double> drawn = loads.drawn(seed, which * 256 + layer, static_cast<std::uint64_t>(micro_batch));
    for (std::size_t first = 0; first < ranks; first += domain) {
      const std::size_t end = std::min(ranks, first + domain);
      double sum = 0;
      for (std::size_t rank = first; rank < end; ++rank) sum += drawn[rank];
      for (std::size_t rank = first; rank < end; ++rank) {
        out[rank][layer] = {drawn[rank], sum / static_cast<double>(end - first)};
      }
    }
  }
  return out;
}

namespace {

bool feels_load(const TimedStage* stage) {
  const auto grows = [](const std::vector<TimedSegment>& segments) {
    return std::any_of(segments.begin(), segments.end(),
                       [](const TimedSegment& s) { return s.grows_with != GrowsWith::nothing; });
  };
  return stage != nullptr && std::any_of(stage->layers.begin(), stage->layers.end(), [&](const TimedLayer* layer) {
           return grows(layer->forward.first) || grows(layer->forward.second);
         });
}

}  // namespace

std::vector<ChunkProfile> chunk_profiles(const StepWork& work, ChunkKind kind, const TimedStage* forward,
                                         const TimedStage* backward, std::uint64_t seed, bool spans) {
  // Weight gradients alone wait for nobody: on average they take what the mean rows take.
  const bool alike =
      work.loads.even() || kind == ChunkKind::backward_weight || (!feels_load(forward) && !feels_load(backward));
  if (alike) return {chunk_profile(work, kind, forward, backward, spans)};
  return group_run(work, kind, forward, backward, seed, kChunkDraws, spans);
}

}  // namespace gpuhours
