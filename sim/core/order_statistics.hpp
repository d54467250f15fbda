#pragma once
// What is to be expected of the largest of several random values.

namespace gpuhours {

/// Mean of the largest of `count` independent standard normal variables, count >= 1, by the integral of
/// x n phi(x) Phi(x)^(n-1): 0 for 1, 1/sqrt(pi) for 2.
double expected_maximum(int count);

}  // namespace gpuhours
