#include "core/order_statistics.hpp"

#include <cmath>

namespace gpuhours {

double expected_maximum(int count) {
  if (count <= 1) return 0;
  // The integrand is smooth and gone at both ends, where sums over equal steps converge faster than any power.
  constexpr double kStep = 0.1;
  constexpr double kInverseRootTwoPi = 0.39894228040143267794;
  constexpr double kInverseRootTwo = 0.70710678118654752440;
  double sum = 0;
  for (int i = -90; i <= 90; ++i) {
    const double x = kStep * i;
    const double below = 0.5 * std::erfc(-x * kInverseRootTwo);
    sum += x * count * kInverseRootTwoPi * std::exp(-0.5 * x * x) * std::pow(below, count - 1);
  }
  return kStep * sum;
}

}  // namespace gpuhours
