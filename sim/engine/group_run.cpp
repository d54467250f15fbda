#include "engine/group_run.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <memory>
#include <span>
#include <tuple>

#include "engine/communication_use.hpp"
#include "schedule/load_growth.hpp"

namespace gpuhours {
namespace {

/// Streams of a chunk: kernels, what meets the other ranks of the expert group, and collectives of other groups.
constexpr std::size_t kCompute = 0;
constexpr std::size_t kExchange = 1;
constexpr std::size_t kTensor = 2;
constexpr std::size_t kLanes = 3;
constexpr std::array kAll{kCompute, kExchange, kTensor};

std::size_t lane_of(Stream stream) {
  if (stream == Stream::compute) return kCompute;
  return stream == Stream::tensor ? kTensor : kExchange;
}

/// Whose tasks slow those of lane `s`, and are slowed by them.
std::span<const std::size_t> other_kind(std::size_t s) {
  return s == kCompute ? std::span(kAll).subspan(1) : std::span(kAll).first(1);
}

/// What the chunk's tasks are on every rank.
class Program {
 public:
  Program(const TaskGraph& graph, const ChunkTasks& tasks, const std::vector<const TimedSegment*>& labels)
      : chunk(tasks) {
    const std::size_t count = graph.tasks.size();
    stream.resize(count);
    intrudes.resize(count);
    meets.resize(count);
    waits.assign(count, 0);
    group.assign(count, Exposed::expert);
    first_successor.assign(count + 1, 0);
    for (TaskId id = 0; id < count; ++id) {
      const Task& task = graph.tasks[id];
      stream[id] = static_cast<std::uint8_t>(lane_of(task.stream));
      intrudes[id] = task.intrudes ? 1 : 0;
      meets[id] = task.meeting >= 0 ? 1 : 0;
      in_order[stream[id]].push_back(id);
      if (task.label < 0) continue;
      const TimedSegment& segment = *labels[static_cast<std::size_t>(task.label)];
      (stream[id] == kCompute ? kernels : communications).push_back(id);
      group[id] = exposed_kind(segment.group);
      if (segment.compute) account += segment.account;
    }
    for (const Dependency& d : graph.dependencies) {
      ++first_successor[d.from + 1];
      ++waits[d.to];
    }
    for (std::size_t id = 0; id < count; ++id) first_successor[id + 1] += first_successor[id];
    successors.resize(graph.dependencies.size());
    std::vector<std::uint32_t> at(first_successor.begin(), first_successor.end() - 1);
    for (const Dependency& d : graph.dependencies) successors[at[d.from]++] = d.to;
  }

  ChunkTasks chunk;
  std::vector<std::uint8_t> stream;
  std::vector<std::uint8_t> intrudes, meets;
  std::vector<std::uint16_t> waits;  ///< tasks of the chunk that a task waits for
  std::vector<std::uint32_t> first_successor;
  std::vector<TaskId> successors;
  std::array<std::vector<TaskId>, kLanes> in_order;  ///< by stream
  std::vector<TaskId> kernels, communications;       ///< of those with a label: on the compute stream, on the others
  std::vector<Exposed> group;                        ///< of a communication
  KernelAccount account;                             ///< of the compute
};

struct Lengths {
  std::int64_t alone, beside;
};

/// A task whose lengths follow the load of one layer of one half of the chunk.
struct Growing {
  TaskId task = 0;
  const TimedSegment* segment = nullptr;
  std::size_t layer = 0;
};

/// One rank in one chunk after another; the rules and the arithmetic are those of Simulation.
class RankRun {
 public:
  explicit RankRun(const Program& program)
      : start(program.waits.size()), end(program.waits.size()), program_(program) {}

  std::vector<std::int64_t> start, end;  ///< of the present chunk's tasks

  std::vector<Lengths> lengths;  ///< of the chunk's tasks, to be set before it begins

  void begin_chunk() {
    waits_ = program_.waits;
    left_to_do_ = waits_.size();
    for (const std::size_t s : kAll) streams_[s].next = 0;
    for (const std::size_t s : kAll) advance_head(s);
  }

  /// Runs until it stands at a meeting or the chunk is over.
  void advance() {
    while (!waiting_ && left_to_do_ > 0) end_next();
  }
  [[nodiscard]] bool chunk_over() const { return left_to_do_ == 0; }
  [[nodiscard]] std::int64_t now() const { return now_; }

  /// The meeting starts at `time`, not before this rank's own arrival.
  void meet(std::int64_t time) {
    for (std::size_t s = next_to_end(); s < kLanes && streams_[s].expected_end < time; s = next_to_end()) finish(s);
    now_ = time;
    waiting_ = false;
    begin(static_cast<TaskId>(streams_[kExchange].task));
  }

 private:
  struct Running {
    std::size_t next = 0;    ///< in the stream's order
    std::int64_t task = -1;  ///< -1: none
    bool slowed = false;     ///< the present rate is 1 / beside
    bool slowable = false;
    bool intrudes = false;
    std::int64_t expected_end = 0;
    std::int64_t progress_at = 0;  ///< time up to which `left` is exact
    double left = 0;
    std::uint64_t scheduled = 0;  ///< the earlier of two ends at one time is the one scheduled first
  };

  /// The stream whose task ends first, kLanes where none runs.
  [[nodiscard]] std::size_t next_to_end() const {
    std::size_t first = kLanes;
    for (const std::size_t s : kAll) {
      const Running& stream = streams_[s];
      if (stream.task < 0 || (s == kExchange && waiting_)) continue;
      if (first == kLanes || std::tie(stream.expected_end, stream.scheduled) <
                                 std::tie(streams_[first].expected_end, streams_[first].scheduled)) {
        first = s;
      }
    }
    return first;
  }

  void end_next() {
    const std::size_t s = next_to_end();
    assert(s < kLanes);
    finish(s);
  }

  [[nodiscard]] bool intruded(std::size_t s) const {
    const auto others = other_kind(s);
    return std::any_of(others.begin(), others.end(), [&](std::size_t other) { return streams_[other].intrudes; });
  }

  /// The tasks of the other kind than `s` run at the rate that what runs on `s` now leaves them.
  void update_others(std::size_t s) {
    for (const std::size_t other : other_kind(s)) {
      if (streams_[other].slowable) change_rate(streams_[other], intruded(other));
    }
  }

  void advance_head(std::size_t s) {
    const std::vector<TaskId>& order = program_.in_order[s];
    if (streams_[s].next < order.size()) try_start(order[streams_[s].next]);
  }

  void try_start(TaskId id) {
    if (waits_[id] > 0) return;
    const std::size_t s = program_.stream[id];
    Running& stream = streams_[s];
    const std::vector<TaskId>& order = program_.in_order[s];
    if (stream.task >= 0 || stream.next == order.size() || order[stream.next] != id) return;
    if (program_.meets[id] != 0) {
      stream.task = id;  // it holds the stream from here on
      waiting_ = true;
      return;
    }
    begin(id);
  }

  void begin(TaskId id) {
    const std::size_t s = program_.stream[id];
    Running& stream = streams_[s];
    const bool two_lengths = lengths[id].alone != lengths[id].beside;
    ++stream.next;
    stream.task = id;
    stream.left = 1.0;
    stream.progress_at = now_;
    stream.slowed = two_lengths && intruded(s);
    start[id] = now_;
    schedule_end(stream);
    stream.slowable = two_lengths;
    if (program_.intrudes[id] == 0) return;
    stream.intrudes = true;
    update_others(s);
  }

  void schedule_end(Running& stream) {
    const Lengths& of = lengths[static_cast<std::size_t>(stream.task)];
    const std::int64_t whole = stream.slowed ? of.beside : of.alone;
    stream.expected_end = now_ + stretched(SimTime{whole}, stream.left).ps;
    stream.scheduled = ++schedules_;
  }

  void change_rate(Running& stream, bool slowed) {
    if (slowed == stream.slowed) return;
    const Lengths& of = lengths[static_cast<std::size_t>(stream.task)];
    const std::int64_t whole = stream.slowed ? of.beside : of.alone;
    if (whole > 0) stream.left -= static_cast<double>(now_ - stream.progress_at) / static_cast<double>(whole);
    if (stream.left < 0) stream.left = 0;
    stream.progress_at = now_;
    stream.slowed = slowed;
    schedule_end(stream);
  }

  void finish(std::size_t s) {
    Running& stream = streams_[s];
    const auto id = static_cast<TaskId>(stream.task);
    now_ = stream.expected_end;
    end[id] = now_;
    --left_to_do_;
    stream.task = -1;
    stream.slowable = false;
    if (stream.intrudes) {
      stream.intrudes = false;
      update_others(s);
    }
    for (std::uint32_t i = program_.first_successor[id]; i < program_.first_successor[id + 1]; ++i) {
      const TaskId to = program_.successors[i];
      if (--waits_[to] == 0) try_start(to);
    }
    advance_head(s);
  }

  const Program& program_;
  std::vector<std::uint16_t> waits_;
  std::array<Running, kLanes> streams_;
  std::int64_t now_ = 0;
  std::size_t left_to_do_ = 0;
  std::uint64_t schedules_ = 0;
  bool waiting_ = false;  ///< the head of the exchange stream stands at a meeting
};

/// Sums over the ranks of one chunk.
struct ChunkSums {
  std::int64_t end = 0, forward_out = 0, backward_out = 0;
  TimeUse use;
};

/// time_use() of one rank's chunk, kernels' account apart. `communications`: room for the program's, sorted by start.
void add_use(const Program& program, const RankRun& rank, std::vector<TaskId>& communications, TimeUse& use) {
  for (const TaskId id : program.kernels) use.compute.ps += rank.end[id] - rank.start[id];
  communications = program.communications;
  add_communications(
      program.kernels, communications, [&](TaskId id) { return SimTime{rank.start[id]}; },
      [&](TaskId id) { return SimTime{rank.end[id]}; }, [&](TaskId id) { return program.group[id]; }, use);
}

class GroupRun {
 public:
  GroupRun(const StepWork& work, ChunkKind kind, const TimedStage* forward, const TimedStage* backward,
           std::uint64_t seed)
      : work_(work), kind_(kind), forward_(forward), backward_(backward), seed_(seed) {
    const ChunkTasks tasks = build({});
    program_ = std::make_unique<Program>(graph_, tasks, work.labels);
    ranks_.reserve(static_cast<std::size_t>(work.loads.ranks()));
    std::vector<Lengths> lengths;
    for (const Task& task : graph_.tasks) lengths.push_back({task.alone.ps, task.beside.ps});
    for (int r = 0; r < work.loads.ranks(); ++r) ranks_.emplace_back(*program_).lengths = lengths;
    find_growing();
  }

  std::vector<ChunkProfile> profiles(int chunks, bool spans) {
    std::vector<ChunkProfile> out;
    std::int64_t begin = 0;
    for (int chunk = 0; chunk <= chunks; ++chunk) {
      const ChunkSums sums = run_chunk(chunk);
      if (chunk > 0) out.push_back(profile(sums, begin, spans));
      begin = mean(sums.end);
    }
    return out;
  }

 private:
  using Halves = std::array<std::vector<Load>, 2>;  ///< loads by layer, forward and backward

  /// Finds the tasks that grow with a layer's load, by giving that layer alone another load.
  void find_growing() {
    const std::vector<Task> mean = graph_.tasks;
    const auto layers = [](const TimedStage* stage) { return stage == nullptr ? 0 : stage->layers.size(); };
    for (const std::size_t half : {std::size_t{0}, std::size_t{1}}) {
      for (std::size_t layer = 0; layer < layers(half == 0 ? forward_ : backward_); ++layer) {
        Halves loads{std::vector<Load>(layers(forward_)), std::vector<Load>(layers(backward_))};
        loads[half][layer] = {2, 2};
        build({&loads[0], &loads[1]});
        for (TaskId id = 0; id < mean.size(); ++id) {
          const Task& task = graph_.tasks[id];
          if (task.alone == mean[id].alone && task.beside == mean[id].beside) continue;
          growing_[half].push_back({id, work_.labels[static_cast<std::size_t>(task.label)], layer});
        }
      }
    }
  }

  void set_lengths(const std::vector<Growing>& growing, const std::vector<Load>& loads, RankRun& rank) const {
    for (const Growing& one : growing) {
      const SegmentTimes times = times_under(*one.segment, loads[one.layer]);
      rank.lengths[one.task] = {times.alone.ps, times.beside.ps};
    }
  }

  [[nodiscard]] GroupLoads drawn(const TimedStage* stage, std::uint64_t half, int chunk) const {
    if (stage == nullptr) return {};
    return group_loads(work_.loads, stage->layers.size(), seed_, half, chunk);
  }

  /// The chunk's tasks on a rank with these loads, into `graph_`.
  ChunkTasks build(const ChunkLoads& loads) {
    graph_.devices = 1;
    graph_.tasks.clear();
    graph_.dependencies.clear();
    const ChunkMeetings meetings{.first = 0, .stride = 1, .group_index = {-1, -1, 0, -1}};
    return ChunkBuilder(graph_, work_.split_overlap).add(0, kind_, forward_, backward_, 1.0, meetings, loads);
  }

  ChunkSums run_chunk(int chunk) {
    const GroupLoads forward = drawn(forward_, 0, chunk);
    const GroupLoads backward = drawn(backward_, 1, chunk);
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
      if (!forward.empty()) set_lengths(growing_[0], forward[r], ranks_[r]);
      if (!backward.empty()) set_lengths(growing_[1], backward[r], ranks_[r]);
      ranks_[r].begin_chunk();
      ranks_[r].advance();
    }
    while (!ranks_.front().chunk_over()) {
      std::int64_t start = 0;
      for (const RankRun& rank : ranks_) start = std::max(start, rank.now());
      for (RankRun& rank : ranks_) {
        rank.meet(start);
        rank.advance();
      }
    }
    return sums();
  }

  [[nodiscard]] ChunkSums sums() const {
    ChunkSums out;
    std::vector<TaskId> communications;
    for (const RankRun& rank : ranks_) {
      assert(rank.chunk_over());
      out.end += rank.now();
      out.forward_out += rank.end[program_->chunk.forward_out];
      out.backward_out += rank.end[program_->chunk.backward_out];
      add_use(*program_, rank, communications, out.use);
    }
    return out;
  }

  [[nodiscard]] std::int64_t mean(std::int64_t sum) const { return sum / static_cast<std::int64_t>(ranks_.size()); }

  /// Of a rank on average; what the chunk takes beyond is waiting for slower ranks, exposed expert communication.
  [[nodiscard]] ChunkProfile profile(const ChunkSums& sums, std::int64_t begin, bool spans) const {
    ChunkProfile out;
    out.length = {mean(sums.end) - begin};
    const auto from_begin = [&](std::int64_t at) { return std::clamp(SimTime{at - begin}, SimTime{}, out.length); };
    out.forward_out = from_begin(mean(sums.forward_out));
    out.backward_out = from_begin(mean(sums.backward_out));
    out.use = shared_out(sums.use, static_cast<int>(ranks_.size()));
    out.use.account = program_->account;
    add_waiting(out.length, out.use);
    const RankRun& shown = ranks_.front();
    for (TaskId id = 0; spans && id < graph_.tasks.size(); ++id) {
      const Task& task = graph_.tasks[id];
      if (task.label < 0) continue;
      out.spans.push_back({0, static_cast<int>(task.stream), from_begin(shown.start[id]), from_begin(shown.end[id]),
                           work_.labels[static_cast<std::size_t>(task.label)]->name});
    }
    return out;
  }

  const StepWork& work_;
  ChunkKind kind_;
  const TimedStage* forward_;
  const TimedStage* backward_;
  std::uint64_t seed_;
  TaskGraph graph_;                              ///< one chunk of one rank
  std::array<std::vector<Growing>, 2> growing_;  ///< with the forward half's loads and with the backward's
  std::unique_ptr<Program> program_;
  std::vector<RankRun> ranks_;
};

}  // namespace

std::vector<ChunkProfile> group_run(const StepWork& work, ChunkKind kind, const TimedStage* forward,
                                    const TimedStage* backward, std::uint64_t seed, int chunks, bool spans) {
  return GroupRun(work, kind, forward, backward, seed).profiles(chunks, spans);
}

}  // namespace gpuhours
