#include "engine/chunk_profile.hpp"

#include <algorithm>

namespace gpuhours {
namespace {

SimTime overlap(SimTime a_start, SimTime a_end, SimTime b_start, SimTime b_end) {
  const SimTime start = std::max(a_start, b_start);
  const SimTime end = std::min(a_end, b_end);
  return end > start ? end - start : SimTime{};
}

}  // namespace

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

TimeUse time_use(const TaskGraph& graph, const TaskTimes& times, TaskId first, TaskId last,
                 const std::vector<const TimedSegment*>& labels) {
  TimeUse use;
  // Both streams run in order, so one pass over each with a moving window is enough.
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
  std::size_t window = 0;
  for (const TaskId id : communication) {
    const SimTime start = times.start[id];
    const SimTime end = times.end[id];
    SimTime beside;
    while (window < compute.size() && times.end[compute[window]] <= start) ++window;
    for (std::size_t i = window; i < compute.size() && times.start[compute[i]] < end; ++i) {
      beside += overlap(start, end, times.start[compute[i]], times.end[compute[i]]);
    }
    use.communication += end - start;
    use.hidden += beside;
    const GroupKind group = labels[static_cast<std::size_t>(graph.tasks[id].label)]->group;
    use.exposed[static_cast<std::size_t>(exposed_kind(group))] += end - start - beside;
  }
  return use;
}

ChunkProfile chunk_profile(const StepWork& work, ChunkKind kind, const TimedStage* forward,
                           const TimedStage* backward, bool spans) {
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

const ChunkProfile& ChunkProfiles::at(const StepWork& work, ChunkKind kind, const TimedStage* forward,
                                      const TimedStage* backward) {
  const auto layers = [](const TimedStage* stage) { return stage == nullptr ? Layers{} : stage->layers; };
  std::tuple key{kind, layers(forward), layers(backward)};
  auto it = profiles_.find(key);
  if (it == profiles_.end()) {
    it = profiles_.emplace(std::move(key), chunk_profile(work, kind, forward, backward, false)).first;
  }
  return it->second;
}

}  // namespace gpuhours
