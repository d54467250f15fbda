#pragma once
// Least times of a step that hang on no law: what a rank must compute at the peaks of the formats that run, and what it
// must read of its memory. Input: stages and what a layer of each kind costs at least; output: the busiest rank's sum.

#include <array>
#include <vector>

#include "scenario/scenario.hpp"
#include "workload/workload.hpp"

namespace gpuhours {

/// By slot of a TimedModel: LayerKinds, embedding, head; forward and backward of one micro-batch.
using LeastBySlot = std::array<double, 6>;

/// The rank with most: each stage's layers, times its micro-batches. A stage that several ranks hold (DualPipe) shares
/// its micro-batches out among them.
double busiest_rank_sum(const std::vector<StageWork>& stages, const Parallelism& parallelism, int micro_batches,
                        const LeastBySlot& least);

/// s: matrix products and attention at matrix_peak().
LeastBySlot least_compute(const Workload& workload, const Gpu& gpu);
/// s: operands and results of the products of forward and input gradients, once over memory.
LeastBySlot least_traffic(const Workload& workload, const Gpu& gpu);

}  // namespace gpuhours
