#include "engine/step_simulation.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>
#include <tuple>

#include "core/random.hpp"
#include "engine/folded_step.hpp"

namespace gpuhours {
namespace {

/// A moment in the simulation that others may wait for: `lag` after a task's end or start.
struct Moment {
  TaskId task = 0;
  SimTime lag;
  bool after_start = false;
};

/// A chunk in the graph.
struct PlacedChunk {
  TaskId start = 0;
  Moment forward_out;
  Moment backward_out;
  std::vector<TaskId> last;
  std::vector<TaskId> sends;              ///< of its results, where the next chunk waits for them
  TaskId first_task = 0, end_task = 0;    ///< tasks [first, end) of the chunk, expanded only
  const ChunkProfile* profile = nullptr;  ///< folded only
};

/// Builds the graph of a step, simulates it and reads it back.
class StepSimulation {
 public:
  StepSimulation(const StepWork& work, const PipelinePlan& plan, const StepOptions& options, ChunkProfiles& profiles)
      : work_(work),
        plan_(plan),
        options_(options),
        profiles_(profiles),
        expanded_(options.mode == EngineMode::expanded),
        width_(expanded_ ? options.width : 1),
        pp_(static_cast<int>(plan.ranks.size())),
        builder_(graph_, work.split_overlap) {}

  StepResult run() {
    graph_.devices = pp_ * width_;
    reserve();
    sends_.assign(static_cast<std::size_t>(plan_.stages) * plan_.micro_batches * 2 * width_, kNoSend);
    for (int rank = 0; rank < pp_; ++rank) add_rank(rank);
    connect_receives();
    add_ends();
    times_ = simulate(graph_);
    return result();
  }

 private:
  static constexpr TaskId kNoSend = ~TaskId{0};

  [[nodiscard]] std::int32_t device(int rank, int w) const { return rank * width_ + w; }
  [[nodiscard]] PlacedChunk& placed(int rank, int w, std::size_t i) {
    return placed_[static_cast<std::size_t>(rank)]
                  [static_cast<std::size_t>(w) * plan_.ranks[static_cast<std::size_t>(rank)].size() + i];
  }
  [[nodiscard]] const TimedStage* stage(const ChunkHalf& half) const {
    return half.stage < 0 ? nullptr : &work_.stages[static_cast<std::size_t>(half.stage)];
  }
  TaskId& send_slot(int stage, int micro_batch, bool backward, int w) {
    const auto index = (static_cast<std::size_t>(stage) * plan_.micro_batches + micro_batch) * 2 + (backward ? 1 : 0);
    return sends_[index * width_ + w];
  }

  void reserve() {
    if (!expanded_) return;
    std::size_t segments = 0;
    for (const TimedStage& s : work_.stages) segments = std::max(segments, s.layers.size());
    const std::size_t guess = static_cast<std::size_t>(plan_.micro_batches) * width_ * pp_ * segments * 11;
    graph_.tasks.reserve(guess);
    graph_.dependencies.reserve(guess + guess / 4);
  }

  /// Compute of this chunk on this device, relative to the nominal.
  [[nodiscard]] double scale(int rank, int w, std::size_t chunk) const {
    if (options_.jitter == 0 && options_.rank_variation == 0) return 1.0;
    const auto z = [&](std::uint64_t draw) {
      return standard_normal(options_.seed, static_cast<std::uint64_t>(device(rank, w)), draw);
    };
    double factor = 1.0;
    if (options_.jitter != 0) factor += options_.jitter * z(chunk);
    if (options_.rank_variation != 0) factor += options_.rank_variation * z(~std::uint64_t{0});
    return std::max(0.1, factor);
  }

  void add_rank(int rank) {
    const RankOrder& order = plan_.ranks[static_cast<std::size_t>(rank)];
    placed_.emplace_back(order.size() * static_cast<std::size_t>(width_));
    std::vector<std::int32_t> first_meeting;
    if (expanded_) first_meeting = set_meetings(order);
    for (int w = 0; w < width_; ++w) {
      for (std::size_t i = 0; i < order.size(); ++i) {
        PlacedChunk& chunk = placed(rank, w, i);
        chunk = expanded_ ? place_segments(rank, w, order[i], scale(rank, w, i), first_meeting[i])
                          : place_profile(rank, i, order[i], scale(rank, w, i));
        if (i > 0) {
          for (const TaskId last : placed(rank, w, i - 1).last) graph_.depend(chunk.start, last);
          for (const TaskId send : placed(rank, w, i - 1).sends) graph_.depend(chunk.start, send);
        }
        add_sends(rank, w, order[i], chunk);
      }
    }
  }

  PlacedChunk place_segments(int rank, int w, const Chunk& chunk, double factor, std::int32_t first_meeting) {
    ChunkMeetings meetings{.first = first_meeting, .stride = meetings_per_communication()};
    meetings.group_index = {w / options_.tp, group_of(w, options_.tp, options_.cp), expert_group_of(w),
                            w / options_.etp};
    PlacedChunk out;
    out.first_task = static_cast<TaskId>(graph_.tasks.size());
    const ChunkTasks tasks = builder_.add(device(rank, w), chunk.kind, stage(chunk.forward), stage(chunk.backward),
                                          factor, meetings, {loads(chunk.forward, w), loads(chunk.backward, w)});
    out.end_task = static_cast<TaskId>(graph_.tasks.size());
    out.start = tasks.start;
    out.forward_out = {tasks.forward_out, {}, false};
    out.backward_out = {tasks.backward_out, {}, false};
    out.last = tasks.last;
    return out;
  }

  /// Loads of device `w` of a pipeline rank by layer of the half's stage; null where all receive the same. Drawn once
  /// for a group, for forward and backward alike.
  const std::vector<Load>* loads(const ChunkHalf& half, int w) {
    if (half.stage < 0 || work_.loads.even()) return nullptr;
    const std::int32_t group = expert_group_of(w);
    GroupLoads& drawn = drawn_[{half.stage, half.micro_batch, group}];
    if (drawn.empty()) {
      const auto which = static_cast<std::uint64_t>(group) * static_cast<std::uint64_t>(plan_.stages) +
                         static_cast<std::uint64_t>(half.stage);
      drawn = group_loads(work_.loads, stage(half)->layers.size(), options_.seed, which, half.micro_batch);
    }
    return &drawn[static_cast<std::size_t>(w / options_.etp % options_.ep)];
  }

  /// Groups of `size` ranks that are `stride` apart.
  static std::int32_t group_of(int w, int stride, int size) { return w / (stride * size) * stride + w % stride; }
  [[nodiscard]] std::int32_t expert_group_of(int w) const { return group_of(w, options_.etp, options_.ep); }
  /// Groups of the smallest kind that communicates: enough meetings for any kind.
  [[nodiscard]] std::int32_t meetings_per_communication() const {
    std::int32_t most = 1;
    for (const int size : {options_.tp, options_.cp, options_.ep, options_.etp}) {
      if (size > 1) most = std::max(most, width_ / size);
    }
    return most;
  }

  [[nodiscard]] int group_size(GroupKind group) const {
    switch (group) {
      case GroupKind::tensor:
        return options_.tp;
      case GroupKind::context:
        return options_.cp;
      case GroupKind::expert:
        return options_.ep;
      default:
        return options_.etp;
    }
  }

  /// Sets aside meetings for every communication of every chunk of a rank; returns the first of each chunk.
  std::vector<std::int32_t> set_meetings(const RankOrder& order) {
    std::vector<std::int32_t> first;
    for (const Chunk& chunk : order) {
      first.push_back(static_cast<std::int32_t>(graph_.meeting_sizes.size()));
      // The order of communications is the builder's: let it build the chunk once.
      const auto key = key_of(chunk);
      auto it = communications_.find(key);
      if (it == communications_.end()) {
        TaskGraph scratch;
        scratch.devices = 1;
        ChunkBuilder(scratch, work_.split_overlap)
            .add(0, chunk.kind, stage(chunk.forward), stage(chunk.backward), 1.0, {});
        std::vector<int> sizes;
        for (const Task& task : scratch.tasks) {
          if (task.label < 0) continue;
          const TimedSegment& segment = *work_.labels[static_cast<std::size_t>(task.label)];
          if (!segment.compute) sizes.push_back(group_size(segment.group));
        }
        it = communications_.emplace(key, std::move(sizes)).first;
      }
      for (const int size : it->second) {
        graph_.meeting_sizes.insert(graph_.meeting_sizes.end(), static_cast<std::size_t>(meetings_per_communication()),
                                    size);
      }
    }
    return first;
  }

  using ProfileKey = std::tuple<ChunkKind, int, int>;
  [[nodiscard]] ProfileKey key_of(const Chunk& chunk) const {
    const auto stage_class = [&](const ChunkHalf& half) {
      return half.stage < 0 ? -1 : work_.stage_class[static_cast<std::size_t>(half.stage)];
    };
    return {chunk.kind, stage_class(chunk.forward), stage_class(chunk.backward)};
  }

  const std::vector<ChunkProfile>& profiles(const Chunk& chunk) {
    const std::vector<ChunkProfile>*& known = known_[key_of(chunk)];
    if (known == nullptr) {
      known = &profiles_.draws(work_, chunk.kind, stage(chunk.forward), stage(chunk.backward), options_.seed,
                               options_.timeline);
    }
    return *known;
  }

  /// The `i`-th chunk of a rank takes one of the draws of its kind at random.
  const ChunkProfile& profile(int rank, std::size_t i, const Chunk& chunk) {
    const std::vector<ChunkProfile>& draws = profiles(chunk);
    return draws[draw_of(options_.seed, rank, i, draws.size())];
  }

  PlacedChunk place_profile(int rank, std::size_t i, const Chunk& chunk, double factor) {
    const ChunkProfile& p = profile(rank, i, chunk);
    const SimTime length = stretched(p.length, factor);
    const TaskId id = graph_.add({.alone = length, .beside = length, .device = rank, .label = 0});
    return {.start = id,
            .forward_out = {id, stretched(p.forward_out, factor), true},
            .backward_out = {id, stretched(p.backward_out, factor), true},
            .last = {id},
            .profile = &p};
  }

  TaskId add_send(int rank, int w, SimTime length, const Moment& when) {
    const TaskId id = graph_.add({.alone = length,
                                  .beside = length,
                                  .device = device(rank, w),
                                  .label = -1,
                                  .stream = Stream::pipeline,
                                  .intrudes = false});
    graph_.depend(id, when.task, when.lag, when.after_start);
    return id;
  }

  void add_sends(int rank, int w, const Chunk& chunk, PlacedChunk& at) {
    const ChunkHalf& f = chunk.forward;
    const ChunkHalf& b = chunk.backward;
    const bool sends_backward = b.stage > 0 && chunk.kind != ChunkKind::backward_weight;
    const auto add = [&](const ChunkHalf& half, bool backward, const Moment& when) {
      const bool stays = half.stage == plan_.turn + (backward ? 1 : 0) && plan_.turn >= 0;
      const TaskId send = add_send(rank, w, stays ? SimTime{} : work_.hop, when);
      send_slot(half.stage, half.micro_batch, backward, w) = send;
      if (!work_.overlap_sends) at.sends.push_back(send);
    };
    if (f.stage >= 0 && f.stage + 1 < plan_.stages) add(f, false, at.forward_out);
    if (sends_backward) add(b, true, at.backward_out);
  }

  void connect_receives() {
    for (int rank = 0; rank < pp_; ++rank) {
      const RankOrder& order = plan_.ranks[static_cast<std::size_t>(rank)];
      for (int w = 0; w < width_; ++w) {
        for (std::size_t i = 0; i < order.size(); ++i) {
          const Chunk& chunk = order[i];
          const TaskId start = placed(rank, w, i).start;
          if (chunk.forward.stage > 0)
            graph_.depend(start, send_slot(chunk.forward.stage - 1, chunk.forward.micro_batch, false, w));
          const bool receives = chunk.backward.stage >= 0 && chunk.kind != ChunkKind::backward_weight;
          if (receives && chunk.backward.stage + 1 < plan_.stages) {
            graph_.depend(start, send_slot(chunk.backward.stage + 1, chunk.backward.micro_batch, true, w));
          }
        }
      }
    }
  }

  /// Reduction of gradients, norm, optimizer, gathering of parameters on every device.
  struct End {
    TaskId early, reduce, norm, optimizer, gather;
  };

  Task data_task(int rank, int w, SimTime length, std::int32_t meeting) const {
    return {.alone = length,
            .beside = length,
            .device = device(rank, w),
            .meeting = meeting,
            .label = -1,
            .stream = Stream::data_parallel,
            .intrudes = false};
  }

  void add_ends() {
    // All data-parallel ranks of a stage meet; in DualPipe those of the mirrored rank hold the same stages and meet
    // with them.
    const int partners = work_.mirrored ? 2 : 1;
    const auto new_meeting = [&](int size) {
      graph_.meeting_sizes.push_back(size);
      return static_cast<std::int32_t>(graph_.meeting_sizes.size() - 1);
    };
    std::vector<std::int32_t> reduce_meeting, gather_meeting;
    for (int rank = 0; rank < pp_; ++rank) {
      const bool first_of_pair = !work_.mirrored || rank < pp_ - 1 - rank;
      reduce_meeting.push_back(first_of_pair ? new_meeting(partners * width_)
                                             : reduce_meeting[static_cast<std::size_t>(pp_ - 1 - rank)]);
      gather_meeting.push_back(first_of_pair ? new_meeting(partners * width_)
                                             : gather_meeting[static_cast<std::size_t>(pp_ - 1 - rank)]);
    }
    const std::int32_t norm_meeting = new_meeting(pp_ * width_);
    for (int rank = 0; rank < pp_; ++rank) {
      for (int w = 0; w < width_; ++w) {
        ends_.push_back(add_end(rank, w, reduce_meeting[static_cast<std::size_t>(rank)], norm_meeting,
                                gather_meeting[static_cast<std::size_t>(rank)]));
      }
    }
  }

  /// Time of the parameters' gathering that the next step's first forward does not hide.
  [[nodiscard]] SimTime exposed_gather(int rank) {
    const RankEnd& end = work_.ends[static_cast<std::size_t>(rank)];
    if (end.gather_early.ps == 0) return end.gather;
    SimTime forward;
    for (const int s : plan_.stages_of_rank[static_cast<std::size_t>(rank)]) {
      forward += profiles(Chunk{ChunkKind::forward, {s, 0}, {}}).front().length;
    }
    return end.gather - std::min(end.gather_early, forward);
  }

  End add_end(int rank, int w, std::int32_t reduce_meeting, std::int32_t norm_meeting, std::int32_t gather_meeting) {
    const RankEnd& end = work_.ends[static_cast<std::size_t>(rank)];
    const std::size_t chunks = plan_.ranks[static_cast<std::size_t>(rank)].size();
    const PlacedChunk& last = placed(rank, w, chunks - 1);
    End out;
    // The early part may begin with the last backward, the rest when all gradients are there.
    out.early = graph_.add(data_task(rank, w, end.reduce_early, -1));
    graph_.depend(out.early, last.start, {}, true);
    const SimTime rest = end.reduce - end.reduce_early;
    out.reduce = graph_.add(data_task(rank, w, rest, reduce_meeting));
    for (const TaskId id : last.last) graph_.depend(out.reduce, id);
    out.norm = graph_.add(data_task(rank, w, work_.norm_reduce, norm_meeting));
    graph_.depend(out.norm, out.reduce);
    Task optimizer = data_task(rank, w, end.optimizer, -1);
    optimizer.stream = Stream::compute;
    out.optimizer = graph_.add(optimizer);
    graph_.depend(out.optimizer, out.norm);
    out.gather = graph_.add(data_task(rank, w, exposed_gather(rank), gather_meeting));
    graph_.depend(out.gather, out.optimizer);
    return out;
  }

  StepResult result() {
    StepResult out;
    out.length = times_.last_end;
    out.tasks = graph_.tasks.size();
    out.events = times_.events;
    for (int rank = 0; rank < pp_; ++rank) out.ranks.push_back(rank_step(rank));
    if (options_.timeline) fill_timeline(out.timeline);
    return out;
  }

  /// The first device of a pipeline rank stands for it.
  RankStep rank_step(int rank) {
    RankStep out;
    const RankOrder& order = plan_.ranks[static_cast<std::size_t>(rank)];
    SimTime previous_end;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const PlacedChunk& chunk = placed(rank, 0, i);
      const auto kind = static_cast<std::size_t>(order[i].kind);
      const SimTime start = times_.start[chunk.start];
      SimTime end = start;
      for (const TaskId id : chunk.last) end = std::max(end, times_.end[id]);
      TimeUse use = chunk.profile != nullptr ? chunk.profile->use
                                             : time_use(graph_, times_, chunk.first_task, chunk.end_task, work_.labels);
      if (chunk.profile == nullptr && !work_.loads.even()) add_waiting(end - start, use);
      out.chunk_time[kind] += end - start;
      out.chunk_compute[kind] += end - start - use.all_exposed();
      ++out.chunk_count[kind];
      out.use += use;
      add_idle(rank, i, start - previous_end, out);
      previous_end = end;
    }
    const End& end = ends_[static_cast<std::size_t>(rank) * width_];
    // From its last chunk to the end of the step: others' lateness is bubble, the rest data-parallel communication and
    // optimizer.
    const SimTime reduce = times_.end[end.reduce] - times_.start[end.reduce];
    const SimTime norm = times_.end[end.norm] - times_.start[end.norm];
    const SimTime gather = times_.end[end.gather] - times_.start[end.gather];
    const SimTime early = std::max(SimTime{}, times_.end[end.early] - previous_end);
    out.optimizer = times_.end[end.optimizer] - times_.start[end.optimizer];
    out.use.exposed[static_cast<std::size_t>(Exposed::data)] += early + reduce + norm + gather;
    out.bubble += times_.last_end - previous_end - early - reduce - norm - gather - out.optimizer;
    return out;
  }

  /// Splits the idle time before a chunk: what its activation spent on the wire last is exposed pipeline communication.
  void add_idle(int rank, std::size_t i, SimTime idle, RankStep& out) {
    const Chunk& chunk = plan_.ranks[static_cast<std::size_t>(rank)][i];
    const SimTime start = times_.start[placed(rank, 0, i).start];
    SimTime on_wire;
    const auto consider = [&](const ChunkHalf& half, int from_stage, bool backward) {
      if (half.stage < 0 || from_stage < 0 || from_stage >= plan_.stages) return;
      const TaskId send = send_slot(from_stage, half.micro_batch, backward, 0);
      if (send != kNoSend && times_.end[send] == start)
        on_wire = std::max(on_wire, times_.end[send] - times_.start[send]);
    };
    consider(chunk.forward, chunk.forward.stage - 1, false);
    if (chunk.kind != ChunkKind::backward_weight) consider(chunk.backward, chunk.backward.stage + 1, true);
    if (i > 0) {
      for (const TaskId send : placed(rank, 0, i - 1).sends) {
        if (times_.end[send] == start) on_wire = std::max(on_wire, times_.end[send] - times_.start[send]);
      }
    }
    const SimTime exposed = std::min(idle, on_wire);
    out.use.exposed[static_cast<std::size_t>(Exposed::pipeline)] += exposed;
    out.bubble += idle - exposed;
  }

  void fill_timeline(Timeline& timeline) {
    timeline.streams = {"compute", "communication", "pipeline", "data parallel", "tensor parallel"};
    for (int rank = 0; rank < pp_; ++rank) {
      timeline.devices.push_back("pipeline rank " + std::to_string(rank));
      const RankOrder& order = plan_.ranks[static_cast<std::size_t>(rank)];
      for (std::size_t i = 0; i < order.size(); ++i) add_spans(rank, placed(rank, 0, i), timeline);
      const End& end = ends_[static_cast<std::size_t>(rank) * width_];
      add_span(rank, end.early, "reduce gradients", timeline);
      add_span(rank, end.reduce, "reduce gradients", timeline);
      add_span(rank, end.norm, "gradient norm", timeline);
      add_span(rank, end.optimizer, "optimizer", timeline);
      add_span(rank, end.gather, "gather parameters", timeline);
    }
    for (TaskId id = 0; id < graph_.tasks.size(); ++id) {
      const Task& task = graph_.tasks[id];
      if (task.stream == Stream::pipeline && task.device % width_ == 0)
        add_span(task.device / width_, id, "send", timeline);
    }
  }

  void add_spans(int rank, const PlacedChunk& chunk, Timeline& timeline) {
    const SimTime start = times_.start[chunk.start];
    if (chunk.profile == nullptr) {
      for (TaskId id = chunk.first_task; id < chunk.end_task; ++id) {
        if (graph_.tasks[id].label >= 0)
          add_span(rank, id, work_.labels[static_cast<std::size_t>(graph_.tasks[id].label)]->name, timeline);
      }
      return;
    }
    for (Span span : chunk.profile->spans) {
      span.device = rank;
      span.start += start;
      span.end += start;
      timeline.spans.push_back(std::move(span));
    }
  }

  void add_span(int rank, TaskId id, const std::string& name, Timeline& timeline) const {
    if (times_.end[id] == times_.start[id]) return;
    timeline.spans.push_back({rank, static_cast<int>(graph_.tasks[id].stream), times_.start[id], times_.end[id], name});
  }

  const StepWork& work_;
  const PipelinePlan& plan_;
  const StepOptions& options_;
  ChunkProfiles& profiles_;
  bool expanded_;
  int width_;
  int pp_;
  TaskGraph graph_;
  ChunkBuilder builder_;
  TaskTimes times_;
  std::map<ProfileKey, const std::vector<ChunkProfile>*> known_;
  std::map<std::tuple<int, int, std::int32_t>, GroupLoads> drawn_;  ///< by stage, micro-batch and expert group
  std::map<ProfileKey, std::vector<int>> communications_;  ///< group sizes of a chunk's communications, in order
  std::vector<std::vector<PlacedChunk>> placed_;           ///< by pipeline rank: width x chunks
  std::vector<TaskId> sends_;
  std::vector<End> ends_;
};

}  // namespace

StepOptions step_options(const Scenario& scenario) {
  const Parallelism& p = scenario.parallelism;
  return {.mode = scenario.engine.mode,
          .width = scenario.cluster.gpus / p.pp,
          .tp = p.tp,
          .cp = p.cp,
          .ep = p.ep,
          .etp = p.etp,
          .jitter = scenario.engine.jitter,
          .rank_variation = scenario.engine.mode == EngineMode::expanded ? scenario.stack.rank_variation : 0,
          .seed = scenario.engine.seed};
}

bool folds_rounds(const StepWork& work, const StepOptions& options) {
  return options.mode == EngineMode::folded && options.jitter == 0 && !options.timeline && !options.events &&
         work.loads.even();
}

StepResult simulate_step(const StepWork& work, const PlanShape& shape, const StepOptions& options,
                         ChunkProfiles& profiles) {
  if (folds_rounds(work, options)) return folded_step(work, shape, profiles);
  return simulate_step(work, shape.plan(shape.micro_batches), options, profiles);
}

StepResult simulate_step(const StepWork& work, const PipelinePlan& plan, const StepOptions& options,
                         ChunkProfiles& profiles) {
  // Chunks whose lengths are known beforehand need no event queue.
  if (options.mode == EngineMode::folded && options.jitter == 0 && !options.timeline && !options.events) {
    return folded_step(work, plan, profiles, options.seed);
  }
  return StepSimulation(work, plan, options, profiles).run();
}

StepResult simulate_step(const StepWork& work, const PipelinePlan& plan, const StepOptions& options) {
  ChunkProfiles profiles;
  return simulate_step(work, plan, options, profiles);
}

}  // namespace gpuhours
