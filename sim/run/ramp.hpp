#pragma once
// The batch ramp: the global batch rises linearly in the tokens trained ("gradually increased", DeepSeek-V3
// report 4.2), in steps that the layout can run. Input: the ramp and a function from batch to step time; output: tokens
// and step time of every batch on the way. Few steps are simulated; the rest are interpolated linearly in the batch.

#include <functional>
#include <vector>

#include "run/run.hpp"

namespace gpuhours {

/// A batch and the tokens trained with it.
struct BatchPiece {
  int batch = 0;  ///< sequences
  double tokens = 0;
};

/// Sequences by which a ramp's batch changes at least: dp x micro-batch, times 2 for DualPipe (it wants an even number
/// of chunks) and times pp for interleaved stages (it wants whole rounds).
int batch_unit(const Parallelism& parallelism, int gpus, int micro_batch);

/// The batches of a phase of `tokens` tokens in the order of training, the steady `batch` last. Each batch holds from
/// where the ramp passes the middle between it and the one before.
std::vector<BatchPiece> batch_pieces(const BatchRamp& ramp, int batch, int unit, double tokens);

/// Interpolation between two simulated steps stops where the step halfway is within this share of the straight line; on
/// a smooth curve the step times then differ by less than a quarter of it.
inline constexpr double kRampTolerance = 1e-3;

/// Step time of every piece. `likely_change`: the smallest batch that the schedule proper is expected to run (0: none
/// is expected); it saves simulations and does not change the result.
std::vector<StepAtBatch> step_times(const std::vector<BatchPiece>& pieces,
                                    const std::function<StepAtBatch(int)>& step_at, int likely_change);

}  // namespace gpuhours
