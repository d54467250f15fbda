#include "core/order_statistics.hpp"

#include <doctest/doctest.h>

#include <cmath>


using namespace gpuhours;

TEST_CASE("the largest of few normal variables has its known mean") {
  const double pi = 3.14159265358979323846;
  CHECK(expected_maximum(1) == 0);
  CHECK(expected_maximum(2) == doctest::Approx(1 / std::sqrt(pi)).epsilon(1e-9));
  CHECK(expected_maximum(3) == doctest::Approx(1.5 / std::sqrt(pi)).epsilon(1e-9));
  // Harter 1961, table 1: 2.50759 for 100, 3.24144 for 1,000, to five decimals.
  CHECK(expected_maximum(100) == doctest::Approx(2.50759).epsilon(1e-5));
  CHECK(expected_maximum(1000) == doctest::Approx(3.24144).epsilon(1e-5));
}

TEST_CASE("it grows with the number and slower than the root of twice its logarithm") {
  double before = 0;
  for (int n = 2; n <= 16384; n *= 2) {
    const double mean = expected_maximum(n);
    CHECK(mean > before);
    CHECK(mean < std::sqrt(2 * std::log(n)));
    before = mean;
  }
}
