#include "engine/folded_step.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "core/limits.hpp"
#include "engine/steady_rounds.hpp"

namespace gpuhours {
namespace {

/// `use` of `count` equal chunks.
TimeUse times_of(const TimeUse& use, int count) {
  TimeUse out = use;
  out.compute *= count;
  for (SimTime& time : out.exposed) time *= count;
  out.communication *= count;
  out.hidden *= count;
  out.account *= count;
  return out;
}

/// From simulated chunk times to a step: what follows the last chunk, and every rank's account. `repeats` more rounds
/// than were simulated lie behind the last of `rounds`.
class FoldedStep {
 public:
  FoldedStep(const StepWork& work, const PipelinePlan& plan, const PipelineTimes& times, ChunkProfiles& profiles,
             std::uint64_t seed = 1)
      : work_(work), plan_(plan), times_(times), profiles_(profiles), seed_(seed) {}

  StepResult result(const std::optional<SteadyRounds>& rounds, int repeats) {
    StepResult out;
    out.tasks = times_.tasks();
    out.ranks.resize(static_cast<std::size_t>(times_.ranks()));
    place_ends();
    const SimTime skipped = rounds ? rounds->length * repeats : SimTime{};
    out.length = SimTime{last_end_} + skipped;
    for (int r = 0; r < times_.ranks(); ++r) {
      RankStep& rank = out.ranks[static_cast<std::size_t>(r)];
      add_chunks(r, rounds, repeats, rank);
      add_end(r, rank);
    }
    return out;
  }

 private:
  /// Times of what a rank does after its last chunk.
  struct End {
    std::int64_t chunks_end = 0, early = 0, reduce = 0, norm = 0, optimizer = 0, gather = 0;  ///< ends
    std::int64_t rest = 0;                                                                    ///< lengths
    std::int64_t gather_length = 0;
  };

  [[nodiscard]] std::size_t partner(std::size_t r) const { return work_.mirrored ? ends_.size() - 1 - r : r; }

  [[nodiscard]] const ChunkProfile& forward_profile(const TimedStage& stage) const {
    return work_.loads.even() ? profiles_.at(work_, ChunkKind::forward, &stage, nullptr)
                              : profiles_.draws(work_, ChunkKind::forward, &stage, nullptr, seed_).front();
  }

  /// Time of the parameters' gathering that the next step's first forward does not hide.
  [[nodiscard]] std::int64_t exposed_gather(std::size_t r) const {
    const RankEnd& end = work_.ends[r];
    if (end.gather_early.ps == 0) return end.gather.ps;
    SimTime forward;
    for (const int s : plan_.stages_of_rank[r]) {
      forward += forward_profile(work_.stages[static_cast<std::size_t>(s)]).length;
    }
    return end.gather.ps - std::min(end.gather_early, forward).ps;
  }

  void place_ends() {
    const auto ranks = static_cast<std::size_t>(times_.ranks());
    ends_.resize(ranks);
    for (std::size_t r = 0; r < ranks; ++r) {
      const RankTimes& rank = times_.rank(static_cast<int>(r));
      End& end = ends_[r];
      end.chunks_end = rank.start.back() + rank.profile.back()->length.ps;
      end.early = rank.start.back() + work_.ends[r].reduce_early.ps;
      end.rest = work_.ends[r].reduce.ps - work_.ends[r].reduce_early.ps;
      end.gather_length = exposed_gather(r);
    }
    const auto ready = [&](std::size_t r) { return std::max(ends_[r].early, ends_[r].chunks_end); };
    std::int64_t norm_start = 0;
    for (std::size_t r = 0; r < ranks; ++r) {
      ends_[r].reduce = std::max(ready(r), ready(partner(r))) + ends_[r].rest;
      norm_start = std::max(norm_start, ends_[r].reduce);
    }
    for (std::size_t r = 0; r < ranks; ++r) {
      ends_[r].norm = norm_start + work_.norm_reduce.ps;
      ends_[r].optimizer = ends_[r].norm + work_.ends[r].optimizer.ps;
    }
    last_end_ = 0;
    for (std::size_t r = 0; r < ranks; ++r) {
      ends_[r].gather = std::max(ends_[r].optimizer, ends_[partner(r)].optimizer) + ends_[r].gather_length;
      last_end_ = std::max(last_end_, ends_[r].gather);
    }
  }

  void add_chunks(int r, const std::optional<SteadyRounds>& rounds, int repeats, RankStep& out) const {
    const RankOrder& order = plan_.ranks[static_cast<std::size_t>(r)];
    const RankTimes& times = times_.rank(r);
    // Few profiles, many chunks: count first.
    std::vector<std::pair<const ChunkProfile*, int>> counts[kChunkKinds];
    std::int64_t previous_end = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const bool steady =
          rounds && i >= rounds->first[static_cast<std::size_t>(r)] && i < rounds->last[static_cast<std::size_t>(r)];
      const int count = steady ? 1 + repeats : 1;
      auto& of_kind = counts[static_cast<std::size_t>(order[i].kind)];
      const auto it = std::find_if(of_kind.begin(), of_kind.end(),
                                   [&](const auto& entry) { return entry.first == times.profile[i]; });
      if (it == of_kind.end()) {
        of_kind.emplace_back(times.profile[i], count);
      } else {
        it->second += count;
      }
      const SimTime idle{times.start[i] - previous_end};
      const SimTime exposed = idle.ps == 0 ? SimTime{} : std::min(idle, times_.wire_before(r, i));
      out.use.exposed[static_cast<std::size_t>(Exposed::pipeline)] += exposed * count;
      out.bubble += (idle - exposed) * count;
      previous_end = times.start[i] + times.profile[i]->length.ps;
    }
    for (std::size_t kind = 0; kind < kChunkKinds; ++kind) {
      for (const auto& [profile, count] : counts[kind]) {
        out.chunk_time[kind] += profile->length * count;
        out.chunk_compute[kind] += (profile->length - profile->use.all_exposed()) * count;
        out.chunk_count[kind] += count;
        out.use += times_of(profile->use, count);
      }
    }
  }

  /// From its last chunk to the end of the step: others' lateness is bubble, the rest data-parallel communication and
  /// optimizer.
  void add_end(int r, RankStep& out) const {
    const End& end = ends_[static_cast<std::size_t>(r)];
    const std::int64_t early = std::max<std::int64_t>(0, end.early - end.chunks_end);
    const std::int64_t data = early + end.rest + work_.norm_reduce.ps + end.gather_length;
    out.optimizer = work_.ends[static_cast<std::size_t>(r)].optimizer;
    out.use.exposed[static_cast<std::size_t>(Exposed::data)] += SimTime{data};
    out.bubble += SimTime{last_end_ - end.chunks_end - data} - out.optimizer;
  }

  const StepWork& work_;
  const PipelinePlan& plan_;
  const PipelineTimes& times_;
  ChunkProfiles& profiles_;
  std::uint64_t seed_;
  std::vector<End> ends_;
  std::int64_t last_end_ = 0;
};

}  // namespace

StepResult folded_step(const StepWork& work, const PipelinePlan& plan, ChunkProfiles& profiles, std::uint64_t seed) {
  const PipelineTimes times(work, plan, profiles, seed);
  return FoldedStep(work, plan, times, profiles, seed).result(std::nullopt, 0);
}

const PipelinePlan& LastPlans::plan(const PlanShape& shape, int micro_batches) {
  PlanShape of_any_number = shape;
  of_any_number.micro_batches = 0;
  if (of_any_number != shape_) plans_.clear();
  shape_ = of_any_number;
  const auto it = plans_.find(micro_batches);
  return it != plans_.end() ? it->second : plans_.emplace(micro_batches, shape.plan(micro_batches)).first->second;
}

namespace {

StepResult unsettled() { return {.length = kEndless, .settled = false}; }

}  // namespace

StepResult folded_step(const StepWork& work, const PlanShape& shape, ChunkProfiles& profiles) {
  LastPlans plans;
  return folded_step(work, shape, profiles, plans);
}

StepResult folded_step(const StepWork& work, const PlanShape& shape, ChunkProfiles& profiles, LastPlans& plans) {
  const int repeat = repeat_of(shape);
  int simulated = warmed_up(shape).micro_batches;
  while (simulated < (shape.micro_batches + 1) / 2) {
    if (shape.chunks(simulated) > kMostChunks) return unsettled();
    const PipelinePlan& plan = plans.plan(shape, simulated);
    const PipelineTimes times(work, plan, profiles);
    const std::optional<SteadyRounds> rounds = steady_rounds(times, plan, repeat);
    if (rounds) {
      return FoldedStep(work, plan, times, profiles).result(rounds, (shape.micro_batches - simulated) / repeat);
    }
    simulated += (simulated + repeat - 1) / repeat * repeat;  // twice as many, in whole rounds
  }
  if (shape.chunks(shape.micro_batches) > kMostChunks) return unsettled();
  return folded_step(work, plans.plan(shape, shape.micro_batches), profiles);
}

}  // namespace gpuhours
