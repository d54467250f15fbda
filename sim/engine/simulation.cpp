#include "engine/simulation.hpp"

#include <cassert>
#include <cmath>

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
    pending_.assign(n, {});
    slowable_.assign(static_cast<std::size_t>(graph.devices), 0);
    intruding_.assign(static_cast<std::size_t>(graph.devices), 0);
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
    for (const Dependency& d : graph_.dependencies) {
      successors_[fill[d.from]++] = {d.lag, d.to, d.after_start};
      ++pending_[d.to].waits;
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
    if (stream.running != kNoTask || stream.next == stream.stop || stream_tasks_[stream.next] != id ||
        pending_[id].waits > 0)
      return;
    if (pending_[id].ready_at > now_) {
      queue_.push(pending_[id].ready_at, (id << 1) | static_cast<std::uint32_t>(EventKind::task_ready));
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
    const auto device = static_cast<std::size_t>(task.device);
    const std::uint32_t s = stream_of(task);
    StreamState& stream = streams_[s];
    ++stream.next;
    stream.running = id;
    stream.left = 1.0;
    stream.progress_at = now_;
    stream.slowed = task.alone != task.beside && (intruding_[device] & other_kind(task)) != 0;
    times_.start[id] = now_;
    schedule_end(s);
    if (task.alone != task.beside) slowable_[device] |= bit(task);
    if (task.intrudes) {
      intruding_[device] |= bit(task);
      if ((slowable_[device] & other_kind(task)) != 0) update_others(task);
    }
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
    const auto device = static_cast<std::size_t>(task.device);
    slowable_[device] &= static_cast<std::uint8_t>(~bit(task));
    if (task.intrudes) {
      intruding_[device] &= static_cast<std::uint8_t>(~bit(task));
      if ((slowable_[device] & other_kind(task)) != 0) update_others(task);
    }
    release(id, false);
    advance_head(s);
  }

  void release(TaskId id, bool at_start) {
    for (std::uint32_t i = first_successor_[id]; i < first_successor_[id + 1]; ++i) {
      const Successor& successor = successors_[i];
      if (successor.after_start != at_start) continue;
      Pending& pending = pending_[successor.to];
      const SimTime ready = now_ + successor.lag;
      if (ready > pending.ready_at) pending.ready_at = ready;
      if (--pending.waits == 0) try_start(successor.to);
    }
  }

  static std::uint8_t bit(const Task& task) {
    return static_cast<std::uint8_t>(1u << static_cast<unsigned>(task.stream));
  }
  static constexpr std::uint8_t kComputeBit = 1u << static_cast<unsigned>(Stream::compute);
  /// Streams whose tasks are of the other kind than `task`.
  static std::uint8_t other_kind(const Task& task) {
    return task.stream == Stream::compute ? static_cast<std::uint8_t>(~kComputeBit) : kComputeBit;
  }

  /// Re-times the running tasks of the other kind on the device of `changed`, which has just started or ended.
  void update_others(const Task& changed) {
    const auto device = static_cast<std::size_t>(changed.device);
    for (std::uint32_t i = 0; i < kStreams; ++i) {
      if ((slowable_[device] & other_kind(changed) & (1u << i)) == 0) continue;
      const std::uint32_t s = static_cast<std::uint32_t>(device) * kStreams + i;
      StreamState& stream = streams_[s];
      const Task& task = graph_.tasks[stream.running];
      const bool slowed = (intruding_[device] & other_kind(task)) != 0;
      if (slowed == stream.slowed) continue;
      const SimTime whole = stream.slowed ? task.beside : task.alone;
      if (whole.ps > 0) {
        stream.left -= static_cast<double>((now_ - stream.progress_at).ps) / static_cast<double>(whole.ps);
      }
      if (stream.left < 0) stream.left = 0;
      stream.progress_at = now_;
      stream.slowed = slowed;
      schedule_end(s);
    }
  }

  /// What a task still waits for.
  struct Pending {
    SimTime ready_at;         ///< latest lag end so far
    std::uint32_t waits = 0;  ///< dependencies yet to happen
  };
  struct Successor {
    SimTime lag;
    TaskId to = 0;
    bool after_start = false;
  };

  const TaskGraph& graph_;
  EventQueue queue_;
  SimTime now_;
  TaskTimes times_;
  std::size_t ended_ = 0;
  std::vector<StreamState> streams_;
  std::vector<TaskId> stream_tasks_;            ///< grouped by stream, in order
  std::vector<std::uint32_t> first_successor_;  ///< CSR over successors_
  std::vector<Successor> successors_;
  std::vector<Pending> pending_;
  std::vector<std::uint8_t> slowable_;   ///< by device: streams whose running task has two lengths
  std::vector<std::uint8_t> intruding_;  ///< by device: streams whose running task slows the other kind
  std::vector<std::int32_t> arrived_;
  std::vector<std::vector<TaskId>> members_;
};

}  // namespace

TaskTimes simulate(const TaskGraph& graph) { return Simulation(graph).run(); }

}  // namespace gpuhours
