#pragma once
// What a row of published runs leaves open of its layout, filled by memory alone: recompute by the least that fits at
// a micro-batch of one sequence (none, selective, full), then the micro-batch by the largest power of two that divides
// the rank's share of the batch and fits. Where nothing fits: full recompute, one sequence.

#include "calibrate/published_run.hpp"

namespace gpuhours {

/// Sets the open fields of `run.scenario` and names them in `run.filled`.
void fill_open_layout(RunScenario& run);

}  // namespace gpuhours
