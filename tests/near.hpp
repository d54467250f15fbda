#pragma once
// Comparing figures in tests.

#include <doctest/doctest.h>

namespace gpuhours::test {

/// Relative comparison: doctest's Approx alone adds 1 to the scale, which lets every pair of small numbers pass.
inline doctest::Approx near(double expected, double relative = 1e-5) {
  return doctest::Approx(expected).epsilon(relative).scale(1e-30);
}

}  // namespace gpuhours::test
