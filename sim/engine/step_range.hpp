#pragma once
// What of a step can be simulated, said before it is: whether its times stay inside SimTime's range, and whether its
// chunks and tasks fit into memory. Input: StepWork, the pipeline's shape, the options; output: a refusal, or nothing.
//
// No schedule makes a step longer than all of its tasks one after another, since the step's end is the length of a path
// through them. So where the sum of all tasks is in range, no time, sum or difference inside the engine can leave it.

#include <optional>
#include <string>

#include "engine/step_simulation.hpp"

namespace gpuhours {

/// Why a step of `shape` is refused ("its tasks take 4.1e+05 days ..."), or nothing.
std::optional<std::string> refused_step(const StepWork& work, const PlanShape& shape, const StepOptions& options);

/// Refusal of a step that has not settled within kMostChunks chunks.
std::string unsettled_step(const PlanShape& shape);

/// The name of a segment whose time is below 0, or nothing: a law that has gone wrong.
std::optional<std::string> negative_time(const StepWork& work);

}  // namespace gpuhours
