#pragma once
// Laws that no prediction may break, whatever the calibration says. Checked on every estimate.

#include <string>
#include <vector>

#include "estimate/step_model.hpp"

namespace gpuhours {

/// Least time of a step: the model's FLOPs shared out evenly over the GPUs, each kind (linear layers, attention, head,
/// router) at the peak of its own format. Knows of no operator, so that one which is missing shows.
Seconds compute_floor(const StepModel& model, int global_batch);
/// Least time of a step: the products of the busiest rank at the peaks of their formats, recompute included.
Seconds products_floor(const StepModel& model, int global_batch);
/// Least time of a step: what the products of the busiest rank's forward and input gradients read and write, once over
/// memory; less where the stack's products are faster than their laws.
Seconds bytes_floor(const StepModel& model, int global_batch);

/// Plain sentences about what is impossible in this result; empty when all is well.
std::vector<std::string> broken_laws(const StepModel& model, int global_batch, Seconds step_time);

}  // namespace gpuhours
