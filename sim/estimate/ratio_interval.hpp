#pragma once
// How sure the ratio of two estimates is. Both are sampled with the same draws of the errors that they share
// (uncertainty.hpp), the ratio is taken sample by sample, and its 10th and 90th percentile are the interval: errors
// in common cancel, so that a ratio to itself is exactly 1 to 1. Phases whose hours are given have no error.

#include <cstdint>
#include <optional>

#include "estimate/estimate.hpp"

namespace gpuhours {

struct RatioIntervals {
  Interval step_time;
  std::optional<Interval> wall_time, gpu_hours, usd;  ///< empty where the first's is 0
};

/// Of `column` over `first`; a function of the arguments alone.
RatioIntervals ratio_intervals(const Estimate& column, const Estimate& first, std::uint64_t seed);

}  // namespace gpuhours
