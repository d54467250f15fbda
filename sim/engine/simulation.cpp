#include "engine/simulation.hpp"

#include <cassert>
#include <cmath>

#include "engine/event_queue.hpp"

namespace gpuhours {
namespace {

constexpr std::uint32_t kNoTask = ~std::uint32_t{0};

/// Payloads: even = a running task of a stream may have ended, odd = a task's waiting time is over.
enum class EventKind : std::uint32_t { end_of_stream_head = 0, task_ready = 1 };

/// All that the loop needs of a task in one cache line.
struct alignas(64) Running {
  SimTime alone;
  SimTime beside;
  SimTime ready_at;  ///< latest lag end so far, then the start
  SimTime end{-1};
  std::uint32_t waits = 0;  ///< dependencies yet to happen
  std::uint32_t first_successor = 0;
  std::uint32_t successors = 0;
  std::int32_t device = 0;
  std::int32_t meeting = -1;
  Stream stream = Stream::compute;
  bool intrudes = true;
};

class Simulation {
 public:
  explicit Simulation(const TaskGraph& graph) : meeting_sizes_(graph.meeting_sizes) {
    slowable_.assign(static_cast<std::size_t>(graph.devices), 0);
    intruding_.assign(static_cast<std::size_t>(graph.devices), 0);
    arrived_.assign(graph.meeting_sizes.size(), 0);
    members_.resize(graph.meeting_sizes.size());
    copy_tasks(graph);
    build_streams(graph.devices);
    build_successors(graph);
  }

  TaskTimes run() {
    for (std::uint32_t s = 0; s < streams_.size(); ++s) advance_head(s);
    while (!queue_.empty()) {
      const EventQueue::Event event = queue_.pop();
      ++events_;
      now_ = event.time;
      if ((event.payload & 1) == static_cast<std::uint32_t>(EventKind::task_ready)) {
        try_start(event.payload >> 1);
      } else {
        end_stream_head(event.payload >> 1);
      }
    }
    assert(ended_ == tasks_.size() && "a task graph has a cycle or a meeting that nobody can complete");
    return times();
  }

 private:
  /// One in-order queue: stream_tasks_[next .. stop) have yet to start.
  struct StreamState {
    std::uint32_t next = 0;
    std::uint32_t stop = 0;
    TaskId running = kNoTask;
    bool slowed = false;   ///< the present rate is 1 / beside
    SimTime expected_end;  ///< of the running task at its present rate
    SimTime progress_at;   ///< time up to which `left` is exact
    double left = 0;       ///< share of the running task yet to do
  };
  struct Successor {
    SimTime lag;
    TaskId to = 0;
    bool after_start = false;
  };

  void copy_tasks(const TaskGraph& graph) {
    tasks_.resize(graph.tasks.size());
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      const Task& from = graph.tasks[i];
      Running& to = tasks_[i];
      to.alone = from.alone;
      to.beside = from.beside;
      to.device = from.device;
      to.meeting = from.meeting;
      to.stream = from.stream;
      to.intrudes = from.intrudes;
    }
  }

  void build_streams(std::int32_t devices) {
    streams_.resize(static_cast<std::size_t>(devices) * kStreams);
    std::vector<std::uint32_t> count(streams_.size() + 1, 0);
    for (const Running& task : tasks_) ++count[stream_of(task) + 1];
    for (std::size_t s = 0; s < streams_.size(); ++s) {
      count[s + 1] += count[s];
      streams_[s].next = count[s];
      streams_[s].stop = count[s];
    }
    stream_tasks_.resize(tasks_.size());
    for (TaskId id = 0; id < tasks_.size(); ++id) stream_tasks_[streams_[stream_of(tasks_[id])].stop++] = id;
  }

  void build_successors(const TaskGraph& graph) {
    for (const Dependency& d : graph.dependencies) ++tasks_[d.from].successors;
    std::uint32_t first = 0;
    for (Running& task : tasks_) {
      task.first_successor = first;
      first += task.successors;
      task.successors = 0;
    }
    successors_.resize(graph.dependencies.size());
    for (const Dependency& d : graph.dependencies) {
      Running& from = tasks_[d.from];
      successors_[from.first_successor + from.successors++] = {d.lag, d.to, d.after_start};
      ++tasks_[d.to].waits;
    }
  }

  [[nodiscard]] static std::uint32_t stream_of(const Running& task) {
    return static_cast<std::uint32_t>(task.device) * kStreams + static_cast<std::uint32_t>(task.stream);
  }

  void advance_head(std::uint32_t s) {
    if (streams_[s].next < streams_[s].stop) try_start(stream_tasks_[streams_[s].next]);
  }

  /// Starts `id` if it is at its stream's head, nothing runs there, and all that it waits for has happened.
  void try_start(TaskId id) {
    const Running& task = tasks_[id];
    if (task.waits > 0) return;
    StreamState& stream = streams_[stream_of(task)];
    if (stream.running != kNoTask || stream.next == stream.stop || stream_tasks_[stream.next] != id) return;
    if (task.ready_at > now_) {
      queue_.push(task.ready_at, (id << 1) | static_cast<std::uint32_t>(EventKind::task_ready));
      return;
    }
    if (task.meeting < 0) {
      start(id);
      return;
    }
    const auto m = static_cast<std::size_t>(task.meeting);
    stream.running = id;  // it holds the stream from here on: what comes after it may be ready but has to wait
    stream.expected_end = {-1};
    members_[m].push_back(id);
    if (++arrived_[m] < meeting_sizes_[m]) return;
    for (const TaskId member : members_[m]) start(member);
    std::vector<TaskId>().swap(members_[m]);
  }

  void start(TaskId id) {
    Running& task = tasks_[id];
    const auto device = static_cast<std::size_t>(task.device);
    const std::uint32_t s = stream_of(task);
    StreamState& stream = streams_[s];
    ++stream.next;
    stream.running = id;
    stream.left = 1.0;
    stream.progress_at = now_;
    stream.slowed = task.alone != task.beside && (intruding_[device] & other_kind(task)) != 0;
    task.ready_at = now_;
    schedule_end(s);
    if (task.alone != task.beside) slowable_[device] |= bit(task);
    if (task.intrudes) {
      intruding_[device] |= bit(task);
      if ((slowable_[device] & other_kind(task)) != 0) update_others(task);
    }
    release(task, true);
  }

  void schedule_end(std::uint32_t s) {
    StreamState& stream = streams_[s];
    const Running& task = tasks_[stream.running];
    const SimTime whole = stream.slowed ? task.beside : task.alone;
    stream.expected_end = now_ + stretched(whole, stream.left);
    queue_.push(stream.expected_end, (s << 1) | static_cast<std::uint32_t>(EventKind::end_of_stream_head));
  }

  /// The event may be stale: the task's rate has changed since.
  void end_stream_head(std::uint32_t s) {
    StreamState& stream = streams_[s];
    if (stream.running == kNoTask || stream.expected_end != now_) return;
    Running& task = tasks_[stream.running];
    stream.running = kNoTask;
    task.end = now_;
    ++ended_;
    const auto device = static_cast<std::size_t>(task.device);
    slowable_[device] &= static_cast<std::uint8_t>(~bit(task));
    if (task.intrudes) {
      intruding_[device] &= static_cast<std::uint8_t>(~bit(task));
      if ((slowable_[device] & other_kind(task)) != 0) update_others(task);
    }
    release(task, false);
    advance_head(s);
  }

  void release(const Running& task, bool at_start) {
    const std::uint32_t end = task.first_successor + task.successors;
    for (std::uint32_t i = task.first_successor; i < end; ++i) {
      const Successor& successor = successors_[i];
      if (successor.after_start != at_start) continue;
      Running& waiting = tasks_[successor.to];
      const SimTime ready = now_ + successor.lag;
      if (ready > waiting.ready_at) waiting.ready_at = ready;
      if (--waiting.waits == 0) try_start(successor.to);
    }
  }

  static std::uint8_t bit(const Running& task) {
    return static_cast<std::uint8_t>(1u << static_cast<unsigned>(task.stream));
  }
  static constexpr std::uint8_t kComputeBit = 1u << static_cast<unsigned>(Stream::compute);
  /// Streams whose tasks are of the other kind than `task`.
  static std::uint8_t other_kind(const Running& task) {
    return task.stream == Stream::compute ? static_cast<std::uint8_t>(~kComputeBit) : kComputeBit;
  }

  /// Re-times the running tasks of the other kind on the device of `changed`, which has just started or ended.
  void update_others(const Running& changed) {
    const auto device = static_cast<std::size_t>(changed.device);
    for (std::uint32_t i = 0; i < kStreams; ++i) {
      if ((slowable_[device] & other_kind(changed) & (1u << i)) == 0) continue;
      const std::uint32_t s = static_cast<std::uint32_t>(device) * kStreams + i;
      StreamState& stream = streams_[s];
      const Running& task = tasks_[stream.running];
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

  [[nodiscard]] TaskTimes times() const {
    TaskTimes out;
    out.start.reserve(tasks_.size());
    out.end.reserve(tasks_.size());
    for (const Running& task : tasks_) {
      out.start.push_back(task.ready_at);
      out.end.push_back(task.end);
    }
    out.last_end = now_;
    out.events = events_;
    return out;
  }

  const std::vector<std::int32_t>& meeting_sizes_;
  EventQueue queue_;
  SimTime now_;
  std::size_t ended_ = 0;
  std::size_t events_ = 0;
  std::vector<Running> tasks_;
  std::vector<Successor> successors_;  ///< grouped by the task they wait for
  std::vector<StreamState> streams_;
  std::vector<TaskId> stream_tasks_;     ///< grouped by stream, in order
  std::vector<std::uint8_t> slowable_;   ///< by device: streams whose running task has two lengths
  std::vector<std::uint8_t> intruding_;  ///< by device: streams whose running task slows the other kind
  std::vector<std::int32_t> arrived_;
  std::vector<std::vector<TaskId>> members_;
};

}  // namespace

TaskTimes simulate(const TaskGraph& graph) { return Simulation(graph).run(); }

}  // namespace gpuhours
