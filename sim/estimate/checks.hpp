#pragma once
// Laws that no prediction may break, whatever the calibration says. Checked on every estimate.

#include <string>
#include <vector>

#include "estimate/step_model.hpp"

namespace gpuhours {

/// Least time of a step: this rank's model FLOPs at the peak of the GEMM format.
Seconds compute_floor(const StepModel& model, int global_batch);
/// Least time of a step: the rank's weights read from HBM twice (forward, backward) for every micro-batch.
Seconds bytes_floor(const StepModel& model, int global_batch);

/// Plain sentences about what is impossible in this result; empty when all is well.
std::vector<std::string> broken_laws(const StepModel& model, int global_batch, Seconds step_time);

}  // namespace gpuhours
