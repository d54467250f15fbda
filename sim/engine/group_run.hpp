#pragma once
// A run of one kind of chunk on all ranks of one expert group, with loads drawn for every rank, layer and chunk. Input:
// timed stages, the group's loads, a seed; output: one profile a chunk, the first (which starts evenly) left out.
// The same simulation as engine/simulation.hpp, in an order that needs no event queue: a rank's two streams touch other
// ranks at meetings only, all ranks come to the meetings in one order, and a chunk begins when the one before has
// ended. So every rank runs by itself to the next meeting, which starts when the last of them is there. All ranks run
// the same tasks: only the lengths that grow with the load are their own.

#include <cstdint>
#include <vector>

#include "engine/chunk_profile.hpp"

namespace gpuhours {

/// `chunks` profiles. `spans`: of the first rank, else left empty.
std::vector<ChunkProfile> group_run(const StepWork& work, ChunkKind kind, const TimedStage* forward,
                                    const TimedStage* backward, std::uint64_t seed, int chunks, bool spans);

}  // namespace gpuhours
