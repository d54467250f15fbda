#pragma once
// How sure a step time is. Its logarithm is off by a sum of independent errors, each a name and a loading: the change
// that one standard deviation makes, to first order, from the account of the simulated step.
//   kernels   error of a class of laws x its time x how much of the step follows compute; one factor a GPU and class
//   network   error of a tier's law x the communication that it leaves exposed; one factor a kind of group
//   stack     fitted constants, their correlated errors turned into independent ones (Cholesky)
//   residual  stack.step_error: what measured steps show beyond that; its own for every model, GPU count and precision
// Two estimates share the factors whose names are equal: those cancel in a ratio. Input: a step model and its simulated
// step; output: factors, and intervals from them.

#include <cstdint>
#include <string>
#include <vector>

#include "estimate/step_model.hpp"

namespace gpuhours {

/// 80 % of what is to be expected lies between them.
struct Interval {
  double p10 = 0, p90 = 0;
};

struct ErrorFactor {
  std::string name;
  double loading = 0;  ///< change of log step time by one standard deviation
};

std::vector<ErrorFactor> error_factors(const StepModel& model, int global_batch, const StepResult& step);

/// Standard deviation of log step time.
double total_error(const std::vector<ErrorFactor>& factors);
/// Standard deviation of the logarithm of the ratio of two step times: equal names cancel.
double ratio_error(const std::vector<ErrorFactor>& a, const std::vector<ErrorFactor>& b);
/// About a median of `value` whose logarithm is normal with standard deviation `error`.
Interval interval_80(double value, double error);
/// Sample `index` of step time over its estimate: a function of the arguments, so that two estimates share the draws of
/// common factors.
double sampled_ratio(const std::vector<ErrorFactor>& factors, std::uint64_t seed, std::uint64_t index);

}  // namespace gpuhours
