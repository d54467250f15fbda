#include "engine/simulation.hpp"

#include <cassert>
#include <cmath>
#include <span>

#include "engine/event_queue.hpp"

namespace gpuhours {
namespace {

constexpr std::uint32_t kNoTask = ~std::uint32_t{0};

/// Payloads: even = a running task of a stream may have ended, odd = a task's waiting time is over.
enum class EventKind : std::uint32_t { end_of_stream_head = 0, task_ready = 1 };

class Simulation {
 public:
  explicit Simulation(const TaskGraph& graph) : graph_(graph) {
    const std::size_t n = graph.tasks.size();
    times_.start.assign(n, {});
    times_.end.assign(n, {-1});
    waits_.assign(n, 0);
    ready_at_.assign(n, {});
    build_streams();
    build_successors();
    arrived_.assign(graph.meeting_sizes.size(), 0);
    members_.resize(graph.meeting_sizes.size());
  }

  TaskTimes run() {
    for (std::uint32_t s = 0; s < streams_.size(); ++s) advance_head(s);
    while (!queue_.empty()) {
      const EventQueue::Event event = queue_.pop();
      ++times_.events;
      now_ = event.time;
      if ((event.payload & 1) == static_cast<std::uint32_t>(EventKind::task_ready)) {
        try_start(event.payload >> 1);
      } else {
        end_stream_head(event.payload >> 1);
      }
    }
    assert(ended_ == graph_.tasks.size() && "a task graph has a cycle or a meeting that nobody can complete");
    times_.last_end = now_;
    return std::move(times_);
  }

 private:
  /// One in-order queue; `tasks` index into stream_tasks_.
  struct StreamState {
    std::uint32_t next = 0;
    std::uint32_t stop = 0;
    TaskId running = kNoTask;
    SimTime expected_end;  ///< of the running task at its present rate
    SimTime progress_at;   ///< time up to which `left` is exact
    double left = 0;       ///< share of the running task yet to do
    bool slowed = false;   ///< the present rate is 1 / beside
  };

  void build_streams() {
    streams_.resize(static_cast<std::size_t>(graph_.devices) * kStreams);
    std::vector<std::uint32_t> count(streams_.size() + 1, 0);
    for (const Task& task : graph_.tasks) ++count[stream_of(task) + 1];
    for (std::size_t s = 0; s < streams_.size(); ++s) {
      count[s + 1] += count[s];
      streams_[s].next = count[s];
      streams_[s].stop = count[s];
    }
    stream_tasks_.resize(graph_.tasks.size());
    for (TaskId id = 0; id < graph_.tasks.size(); ++id)
      stream_tasks_[streams_[stream_of(graph_.tasks[id])].stop++] = id;
  }

  void build_successors() {
    const std::size_t n = graph_.tasks.size();
    first_successor_.assign(n + 1, 0);
    for (const Dependency& d : graph_.dependencies) ++first_successor_[d.from + 1];
    for (std::size_t i = 0; i < n; ++i) first_successor_[i + 1] += first_successor_[i];
    successors_.resize(graph_.dependencies.size());
    std::vector<std::uint32_t> fill(first_successor_.begin(), first_successor_.end() - 1);
    for (std::uint32_t i = 0; i < graph_.dependencies.size(); ++i) {
      const Dependency& d = graph_.dependencies[i];
      successors_[fill[d.from]++] = i;
      ++waits_[d.to];
    }
  }

  [[nodiscard]] static std::uint32_t stream_of(const Task& task) {
    return static_cast<std::uint32_t>(task.device) * kStreams + static_cast<std::uint32_t>(task.stream);
  }

  void advance_head(std::uint32_t s) {
    if (streams_[s].next < streams_[s].stop) try_start(stream_tasks_[streams_[s].next]);
  }

  /// Starts `id` if it is at its stream's head, nothing runs there, and all that it waits for has happened.
  void try_start(TaskId id) {
    const Task& task = graph_.tasks[id];
    StreamState& stream = streams_[stream_of(task)];
    if (stream.running != kNoTask || stream.next == stream.stop || stream_tasks_[stream.next] != id || waits_[id] > 0)
      return;
    if (ready_at_[id] > now_) {
      queue_.push(ready_at_[id], (id << 1) | static_cast<std::uint32_t>(EventKind::task_ready));
      return;
    }
    if (task.meeting < 0) {
      start(id);
      return;
    }
    const auto m = static_cast<std::size_t>(task.meeting);
    ++stream.next;  // it holds the stream from here on; try_start() will not see it again
    members_[m].push_back(id);
    if (++arrived_[m] < graph_.meeting_sizes[m]) return;
    for (const TaskId member : members_[m]) {
      --streams_[stream_of(graph_.tasks[member])].next;
      start(member);
    }
    std::vector<TaskId>().swap(members_[m]);
  }

  void start(TaskId id) {
    const Task& task = graph_.tasks[id];
    const std::uint32_t s = stream_of(task);
    StreamState& stream = streams_[s];
    ++stream.next;
    stream.running = id;
    stream.left = 1.0;
    stream.progress_at = now_;
    stream.slowed = task.alone != task.beside && others_intrude(task);
    times_.start[id] = now_;
    schedule_end(s);
    if (task.intrudes) update_others(task);
    release(id, true);
  }

  void schedule_end(std::uint32_t s) {
    StreamState& stream = streams_[s];
    const Task& task = graph_.tasks[stream.running];
    const SimTime whole = stream.slowed ? task.beside : task.alone;
    const auto rest = stream.left == 1.0 ? whole.ps : std::llround(stream.left * static_cast<double>(whole.ps));
    stream.expected_end = {now_.ps + rest};
    queue_.push(stream.expected_end, (s << 1) | static_cast<std::uint32_t>(EventKind::end_of_stream_head));
  }

  /// The event may be stale: the task's rate has changed since.
  void end_stream_head(std::uint32_t s) {
    StreamState& stream = streams_[s];
    if (stream.running == kNoTask || stream.expected_end != now_) return;
    const TaskId id = stream.running;
    stream.running = kNoTask;
    times_.end[id] = now_;
    ++ended_;
    const Task& task = graph_.tasks[id];
    if (task.intrudes) update_others(task);
    release(id, false);
    advance_head(s);
  }

  void release(TaskId id, bool at_start) {
    for (std::uint32_t i = first_successor_[id]; i < first_successor_[id + 1]; ++i) {
      const Dependency& d = graph_.dependencies[successors_[i]];
      if (d.after_start != at_start) continue;
      const SimTime ready = now_ + d.lag;
      if (ready > ready_at_[d.to]) ready_at_[d.to] = ready;
      if (--waits_[d.to] == 0) try_start(d.to);
    }
  }

  [[nodiscard]] std::span<StreamState> device_streams(std::int32_t device) {
    return {&streams_[static_cast<std::size_t>(device) * kStreams], kStreams};
  }

  [[nodiscard]] bool others_intrude(const Task& task) {
    const auto streams = device_streams(task.device);
    const bool compute = task.stream == Stream::compute;
    for (std::size_t i = 0; i < kStreams; ++i) {
      if ((i == static_cast<std::size_t>(Stream::compute)) == compute || streams[i].running == kNoTask) continue;
      if (graph_.tasks[streams[i].running].intrudes) return true;
    }
    return false;
  }

  /// Re-times the running tasks of the other kind on the device of `changed`, which has just started or ended.
  void update_others(const Task& changed) {
    const auto base = static_cast<std::uint32_t>(changed.device) * kStreams;
    const bool compute = changed.stream == Stream::compute;
    for (std::uint32_t i = 0; i < kStreams; ++i) {
      if ((i == static_cast<std::uint32_t>(Stream::compute)) == compute) continue;
      StreamState& stream = streams_[base + i];
      if (stream.running == kNoTask) continue;
      const Task& task = graph_.tasks[stream.running];
      if (task.alone == task.beside) continue;
      const bool slowed = others_intrude(task);
      if (slowed == stream.slowed) continue;
      const SimTime whole = stream.slowed ? task.beside : task.alone;
      if (whole.ps > 0)
        stream.left -= static_cast<double>((now_ - stream.progress_at).ps) / static_cast<double>(whole.ps);
      if (stream.left < 0) stream.left = 0;
      stream.progress_at = now_;
      stream.slowed = slowed;
      schedule_end(base + i);
    }
  }

  const TaskGraph& graph_;
  EventQueue queue_;
  SimTime now_;
  TaskTimes times_;
  std::size_t ended_ = 0;
  std::vector<StreamState> streams_;
  std::vector<TaskId> stream_tasks_;            ///< grouped by stream, in order
  std::vector<std::uint32_t> first_successor_;  ///< CSR over successors_
  std::vector<std::uint32_t> successors_;       ///< indices of dependencies
  std::vector<std::uint32_t> waits_;            ///< dependencies yet to happen
  std::vector<SimTime> ready_at_;               ///< latest lag end so far
  std::vector<std::int32_t> arrived_;
  std::vector<std::vector<TaskId>> members_;
};

}  // namespace

TaskTimes simulate(const TaskGraph& graph) { return Simulation(graph).run(); }

}  // namespace gpuhours
