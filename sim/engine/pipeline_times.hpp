#pragma once
// When each chunk of a folded step starts. Folded chunks have lengths that are known beforehand, so a step is a longest
// path: a chunk starts when its rank is free, what it receives has arrived and (where sends are not overlapped) what
// its rank sends has left; sends of a rank go one after another. The same times as the event engine's, bit for bit (a
// property test).

#include <cstdint>
#include <vector>

#include "engine/chunk_profile.hpp"
#include "schedule/pipeline.hpp"

namespace gpuhours {

/// One rank's chunks in its order.
struct RankTimes {
  std::vector<const ChunkProfile*> profile;
  std::vector<std::int64_t> start;      ///< picoseconds
  std::vector<std::int64_t> sends_end;  ///< of this and all earlier chunks of the rank, 0: none so far
};

/// What a chunk left for another rank: when it arrives, and which chunk of which rank sent it.
struct Arrival {
  std::int64_t end = -1;  ///< -1: not sent yet
  std::int32_t rank = -1;
  std::int32_t chunk = -1;
};

class PipelineTimes {
 public:
  /// `seed`: of the draws of uneven routing.
  PipelineTimes(const StepWork& work, const PipelinePlan& plan, ChunkProfiles& profiles, std::uint64_t seed = 1);

  [[nodiscard]] const RankTimes& rank(int r) const { return ranks_[static_cast<std::size_t>(r)]; }
  [[nodiscard]] int ranks() const { return static_cast<int>(ranks_.size()); }
  /// What the forward or the backward half of a chunk waits for; null when it waits for nobody.
  [[nodiscard]] const Arrival* forward_arrival(const Chunk& chunk) const { return arrival(forward_slot(chunk)); }
  [[nodiscard]] const Arrival* backward_arrival(const Chunk& chunk) const { return arrival(backward_slot(chunk)); }
  /// Part of the idle time before chunk `i` of rank `r` that its activation or its rank's send spent on the wire last.
  [[nodiscard]] SimTime wire_before(int r, std::size_t i) const;
  [[nodiscard]] std::size_t tasks() const { return tasks_; }

 private:
  [[nodiscard]] const Arrival* arrival(std::size_t slot) const { return slot == kNobody ? nullptr : &arrivals_[slot]; }
  void look_up_profiles(ChunkProfiles& profiles, std::uint64_t seed);
  void run();
  void advance(int r);
  void send(int r, std::size_t i, const ChunkHalf& half, bool backward, SimTime out);
  /// Index into `arrivals_` of what a half of `chunk` waits for, kNobody when it waits for none.
  [[nodiscard]] std::size_t forward_slot(const Chunk& chunk) const;
  [[nodiscard]] std::size_t backward_slot(const Chunk& chunk) const;
  /// True when what stands in `slot` is there; else the rank is noted as waiting for it.
  bool arrived(std::size_t slot, int r, std::int64_t& start);
  [[nodiscard]] std::size_t slot_of(int stage, int micro_batch, bool backward) const {
    return (static_cast<std::size_t>(stage) * plan_.micro_batches + micro_batch) * 2 + (backward ? 1 : 0);
  }

  static constexpr std::size_t kNobody = ~std::size_t{0};

  const StepWork& work_;
  const PipelinePlan& plan_;
  std::vector<RankTimes> ranks_;
  std::vector<Arrival> arrivals_;
  std::vector<int> ready_;  ///< ranks that may be able to go on
  std::size_t tasks_ = 0;
};

}  // namespace gpuhours
