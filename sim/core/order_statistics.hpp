#pragma once
// What is to be expected of normal variables: quantiles, and the largest of several.

namespace gpuhours {

/// 90 % of a standard normal variable lies below it: half the width of the 80 % interval.
inline constexpr double kNormalP90 = 1.2815515655446004;

/// Mean of the largest of `count` independent standard normal variables, count >= 1, by the integral of
/// x n phi(x) Phi(x)^(n-1): 0 for 1, 1/sqrt(pi) for 2.
double expected_maximum(int count);

}  // namespace gpuhours
