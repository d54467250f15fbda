#include "core/checked.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/sim_time.hpp"

using namespace gpuhours;

namespace {
constexpr double kInfinite = std::numeric_limits<double>::infinity();
const double kNoNumber = std::nan("");
}  // namespace

TEST_CASE("double to whole number: the nearest, and the end of the range beyond it") {
  CHECK(nearest_whole<int>(2.5) == 3);
  CHECK(nearest_whole<int>(-2.5) == -3);
  CHECK(nearest_whole<int>(2147483647.0) == 2147483647);
  CHECK(nearest_whole<int>(2147483648.0) == 2147483647);
  CHECK(nearest_whole<int>(-2147483649.0) == -2147483648LL);
  CHECK(nearest_whole<int>(kInfinite) == 2147483647);
  CHECK(nearest_whole<int>(-kInfinite) == -2147483648LL);
  CHECK(nearest_whole<int>(kNoNumber) == 2147483647);
  // 2^63 is no number of 64 bits; the double below it is 2^63 - 1024.
  CHECK(nearest_whole<std::int64_t>(9223372036854775808.0) == std::numeric_limits<std::int64_t>::max());
  CHECK(nearest_whole<std::int64_t>(9223372036854774784.0) == 9223372036854774784LL);
  CHECK(nearest_whole<std::uint64_t>(-1.0) == 0);
  CHECK(nearest_whole<std::uint64_t>(1e30) == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("double to whole number: what is none, or too large, gives nothing") {
  CHECK(exact_whole<int>(7.0) == 7);
  CHECK_FALSE(exact_whole<int>(7.5));
  CHECK_FALSE(exact_whole<int>(3e9));
  CHECK_FALSE(exact_whole<int>(kNoNumber));
  CHECK_FALSE(exact_whole<int>(-kInfinite));
  CHECK(narrowed<int>(-5) == -5);
  CHECK_FALSE(narrowed<int>(1LL << 31));
}

TEST_CASE("a time beyond the range stays at its end and never turns to 0 or below") {
  CHECK(SimTime::from(Seconds(1.5e-12)).ps == 2);
  CHECK(SimTime::from(Seconds(1e8)) == kEndless);  // 10^20 ps
  CHECK(SimTime::from(Seconds(kInfinite)) == kEndless);
  CHECK(SimTime::from(Seconds(kNoNumber)) == kEndless);
  CHECK(kEndless + SimTime{1} == kEndless);
  CHECK(SimTime{1LL << 62} * 4 == kEndless);
  CHECK(SimTime{-(1LL << 62)} * 4 == SimTime{std::numeric_limits<std::int64_t>::min()});
  CHECK(SimTime{5} - SimTime{std::numeric_limits<std::int64_t>::min()} == kEndless);
  CHECK(stretched(SimTime{1LL << 62}, 3.0) == kEndless);
  CHECK(stretched(SimTime{10}, 1.26).ps == 13);
  SimTime sum{std::numeric_limits<std::int64_t>::max() - 1};
  sum += SimTime{7};
  CHECK(sum == kEndless);
}
