#pragma once
// The steady state of a pipeline, found and proven in one simulation. Once warmed up, the ranks' orders repeat: a round
// of `micro_batches` micro-batches is followed by the same round with later micro-batches. Start times obey
//   x_v(k) = max over predecessors u of x_u(k - d_uv) + w_uv,  d_uv >= 0 for aligned rounds,
// so when the last D rounds (D the largest d) all lie one and the same length behind the round before them, on every
// rank and for every send, every later round does too (induction over the order of the graph), whatever the number of
// rounds; and so does what follows the last round, if it reaches back no further than these D rounds. All in integer
// picoseconds: the skipped rounds are exact, not approximate (cf. Baccelli et al., Synchronization and Linearity, 1992,
// theorem 3.109: a max-plus linear system is periodic after a finite time).

#include <optional>
#include <vector>

#include "engine/pipeline_times.hpp"

namespace gpuhours {

/// A round that repeats.
struct SteadyRounds {
  SimTime length;                  ///< from a round to the next
  std::vector<std::size_t> first;  ///< by rank: first chunk of the last proven round
  std::vector<std::size_t> last;   ///< one behind its last chunk
};

/// Empty when the simulated plan is too short for its start times to have settled. `micro_batches`: of a round, such
/// that plans that differ by a multiple of it differ in the number of rounds only (repeat_of()).
std::optional<SteadyRounds> steady_rounds(const PipelineTimes& times, const PipelinePlan& plan, int micro_batches);

}  // namespace gpuhours
