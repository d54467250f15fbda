#include "core/rank_correlation.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

using namespace gpuhours;

TEST_CASE("equal values share the mean of their ranks") {
  // 10 < 20 = 20 < 30: 1, (2 + 3) / 2 twice, 4.
  CHECK(midranks({20, 10, 30, 20}) == std::vector<double>{2.5, 1, 4, 2.5});
  CHECK(midranks({7, 7, 7}) == std::vector<double>{2, 2, 2});
  CHECK(midranks({}).empty());
}

TEST_CASE("rank correlation without ties, by 1 - 6 sum d^2 / (n (n^2 - 1))") {
  // Ranks 1 2 3 4 5 against 2 1 4 3 5: d^2 = 1 + 1 + 1 + 1 + 0 = 4; 1 - 6 x 4 / (5 x 24) = 0.8.
  CHECK(*rank_correlation({1, 2, 3, 4, 5}, {20, 10, 40, 30, 50}) == doctest::Approx(0.8));
  // Ranks 7 1 4 5 3 6 2 10 9 8 against 3 1 7 10 8 9 6 4 2 5: d^2 = 16 + 0 + 9 + 25 + 25 + 9 + 16 + 36 + 49 + 9 = 194;
  // 1 - 6 x 194 / (10 x 99) = -29 / 165.
  CHECK(*rank_correlation({106, 86, 100, 101, 99, 103, 97, 113, 112, 110}, {7, 0, 27, 50, 28, 29, 20, 12, 6, 17}) ==
        doctest::Approx(-29.0 / 165));
}

TEST_CASE("rank correlation with ties is that of the midranks") {
  // Midranks 1 2.5 2.5 4 against 1 2 3 4, both of mean 2.5. Products: 2.25 + 0 + 0 + 2.25 = 4.5; squares: 4.5 and 5;
  // 4.5 / sqrt(22.5) = 0.94868.
  CHECK(*rank_correlation({1, 2, 2, 3}, {1, 2, 3, 4}) == doctest::Approx(4.5 / std::sqrt(22.5)));
}

TEST_CASE("one order is 1, the reversed one -1, whatever the values") {
  std::mt19937 random(1);
  std::lognormal_distribution<double> any(0, 2);
  for (int n = 2; n <= 30; ++n) {
    std::vector<double> values(static_cast<std::size_t>(n));
    std::generate(values.begin(), values.end(), [&] { return any(random); });
    std::vector<double> grown = values;
    std::vector<double> turned = values;
    for (double& v : grown) v = std::log(v) * 3 + 7;
    for (double& v : turned) v = 1 / v;
    CHECK(*rank_correlation(values, grown) == doctest::Approx(1));
    CHECK(*rank_correlation(values, turned) == doctest::Approx(-1));
  }
}

TEST_CASE("no order, no correlation") {
  CHECK_FALSE(rank_correlation({}, {}).has_value());
  CHECK_FALSE(rank_correlation({1}, {2}).has_value());
  CHECK_FALSE(rank_correlation({1, 1, 1}, {1, 2, 3}).has_value());
}
