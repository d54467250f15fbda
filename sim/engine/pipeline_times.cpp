#include "engine/pipeline_times.hpp"

#include <algorithm>
#include <cassert>
#include <span>

namespace gpuhours {

PipelineTimes::PipelineTimes(const StepWork& work, const PipelinePlan& plan, ChunkProfiles& profiles,
                             std::uint64_t seed)
    : work_(work), plan_(plan), ranks_(plan.ranks.size()) {
  look_up_profiles(profiles, seed);
  arrivals_.resize(static_cast<std::size_t>(plan.stages) * plan.micro_batches * 2);
  run();
}

void PipelineTimes::look_up_profiles(ChunkProfiles& profiles, std::uint64_t seed) {
  // Stages of one class share profiles: a table by kind and the classes of both halves, 0: no such half.
  std::vector<std::size_t> number(work_.stages.size(), 0);  // of a class, named by its first stage
  std::size_t classes = 1;
  for (std::size_t s = 0; s < number.size(); ++s) {
    if (work_.stage_class[s] == static_cast<int>(s)) number[s] = classes++;
  }
  const auto stage = [&](const ChunkHalf& half) {
    return half.stage < 0 ? nullptr : &work_.stages[static_cast<std::size_t>(half.stage)];
  };
  // A chunk takes one of the draws of its kind; balanced routing has one.
  std::vector<std::span<const ChunkProfile>> known(kChunkKinds * classes * classes);
  const auto draws = [&](const Chunk& chunk) -> std::span<const ChunkProfile> {
    const TimedStage* forward = stage(chunk.forward);
    const TimedStage* backward = stage(chunk.backward);
    if (work_.loads.even()) return {&profiles.at(work_, chunk.kind, forward, backward), 1};
    return profiles.draws(work_, chunk.kind, forward, backward, seed);
  };
  const auto class_of = [&](const ChunkHalf& half) {
    return half.stage < 0 ? 0
                          : number[static_cast<std::size_t>(work_.stage_class[static_cast<std::size_t>(half.stage)])];
  };
  for (std::size_t r = 0; r < ranks_.size(); ++r) {
    const RankOrder& order = plan_.ranks[r];
    ranks_[r].profile.reserve(order.size());
    ranks_[r].start.reserve(order.size());
    ranks_[r].sends_end.reserve(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Chunk& chunk = order[i];
      const auto at = (static_cast<std::size_t>(chunk.kind) * classes + class_of(chunk.forward)) * classes +
                      class_of(chunk.backward);
      if (known[at].empty()) known[at] = draws(chunk);
      ranks_[r].profile.push_back(&known[at][draw_of(seed, static_cast<int>(r), i, known[at].size())]);
    }
  }
}

std::size_t PipelineTimes::forward_slot(const Chunk& chunk) const {
  if (chunk.forward.stage <= 0) return kNobody;
  return slot_of(chunk.forward.stage - 1, chunk.forward.micro_batch, false);
}

std::size_t PipelineTimes::backward_slot(const Chunk& chunk) const {
  const ChunkHalf& half = chunk.backward;
  if (half.stage < 0 || half.stage + 1 >= plan_.stages || chunk.kind == ChunkKind::backward_weight) return kNobody;
  return slot_of(half.stage + 1, half.micro_batch, true);
}

void PipelineTimes::run() {
  for (int r = ranks() - 1; r >= 0; --r) ready_.push_back(r);
  while (!ready_.empty()) {
    const int r = ready_.back();
    ready_.pop_back();
    advance(r);
  }
  for (std::size_t r = 0; r < ranks_.size(); ++r) assert(ranks_[r].start.size() == plan_.ranks[r].size());
}

bool PipelineTimes::arrived(std::size_t slot, int r, std::int64_t& start) {
  if (slot == kNobody) return true;
  Arrival& arrival = arrivals_[slot];
  if (arrival.end < 0) {
    arrival.rank = r;
    return false;
  }
  start = std::max(start, arrival.end);
  return true;
}

void PipelineTimes::advance(int r) {
  RankTimes& rank = ranks_[static_cast<std::size_t>(r)];
  const RankOrder& order = plan_.ranks[static_cast<std::size_t>(r)];
  for (std::size_t i = rank.start.size(); i < order.size(); ++i) {
    const Chunk& chunk = order[i];
    std::int64_t start = i == 0 ? 0 : rank.start[i - 1] + rank.profile[i - 1]->length.ps;
    if (i > 0 && !work_.overlap_sends) start = std::max(start, rank.sends_end[i - 1]);
    if (!arrived(forward_slot(chunk), r, start)) return;
    if (!arrived(backward_slot(chunk), r, start)) return;
    rank.start.push_back(start);
    rank.sends_end.push_back(i == 0 ? 0 : rank.sends_end[i - 1]);
    ++tasks_;
    const ChunkProfile& profile = *rank.profile[i];
    const ChunkHalf& f = chunk.forward;
    const ChunkHalf& b = chunk.backward;
    if (f.stage >= 0 && f.stage + 1 < plan_.stages) send(r, i, f, false, profile.forward_out);
    if (b.stage > 0 && chunk.kind != ChunkKind::backward_weight) send(r, i, b, true, profile.backward_out);
  }
}

void PipelineTimes::send(int r, std::size_t i, const ChunkHalf& half, bool backward, SimTime out) {
  RankTimes& rank = ranks_[static_cast<std::size_t>(r)];
  // At the turn of a V-shaped pipeline the same rank goes on: nothing is sent.
  const bool stays = plan_.turn >= 0 && half.stage == plan_.turn + (backward ? 1 : 0);
  const std::int64_t end = std::max(rank.sends_end[i], rank.start[i] + out.ps) + (stays ? 0 : work_.hop.ps);
  rank.sends_end[i] = end;
  Arrival& arrival = arrivals_[slot_of(half.stage, half.micro_batch, backward)];
  if (arrival.rank >= 0) ready_.push_back(arrival.rank);
  arrival = {end, r, static_cast<std::int32_t>(i)};
  ++tasks_;
}

SimTime PipelineTimes::wire_before(int r, std::size_t i) const {
  const Chunk& chunk = plan_.ranks[static_cast<std::size_t>(r)][i];
  const RankTimes& times = rank(r);
  const std::int64_t start = times.start[i];
  bool on_wire = false;
  for (const Arrival* arrival : {forward_arrival(chunk), backward_arrival(chunk)}) {
    on_wire = on_wire || (arrival != nullptr && arrival->rank != r && arrival->end == start);
  }
  if (i > 0 && !work_.overlap_sends) {
    const bool sent = times.sends_end[i - 1] > (i > 1 ? times.sends_end[i - 2] : 0);
    on_wire = on_wire || (sent && times.sends_end[i - 1] == start);
  }
  return on_wire ? work_.hop : SimTime{};
}

}  // namespace gpuhours
