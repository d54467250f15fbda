#pragma once
// Simulated time inside one step: a 64-bit count of picoseconds, so that equal times are equal and results do not
// depend on rounding. Range 2^63 ps = 106 days. One byte at 400 GB/s takes 2.5 ps, so nanoseconds would be too coarse.
// The length of a whole run (months) is `Seconds`, never SimTime.
// Arithmetic stops at the end of the range (kEndless) and never wraps. The engine adds bare picoseconds in its inner
// loops; engine/step_range.hpp sees to it, before a step is simulated, that no sum in there can reach the end.

#include <cmath>
#include <compare>
#include <cstdint>
#include <limits>

#include "core/checked.hpp"
#include "core/quantity.hpp"

namespace gpuhours {

/// A point in, or a length of, simulated time in picoseconds.
struct SimTime {
  std::int64_t ps = 0;

  /// The nearest picosecond; kEndless for what is beyond the range or no number.
  static SimTime from(Seconds seconds) { return {nearest_whole<std::int64_t>(seconds.value() * 1e12)}; }
  [[nodiscard]] Seconds seconds() const { return Seconds(static_cast<double>(ps) * 1e-12); }

  SimTime& operator+=(SimTime other) {
    ps = saturating_sum(ps, other.ps);
    return *this;
  }
  SimTime& operator*=(std::int64_t times) {
    ps = saturating_product(ps, times);
    return *this;
  }
  friend constexpr SimTime operator+(SimTime a, SimTime b) { return {saturating_sum(a.ps, b.ps)}; }
  friend constexpr SimTime operator-(SimTime a, SimTime b) { return {saturating_difference(a.ps, b.ps)}; }
  friend constexpr SimTime operator*(SimTime a, std::int64_t times) { return {saturating_product(a.ps, times)}; }
  friend constexpr auto operator<=>(SimTime a, SimTime b) = default;
};

/// Longer than can be counted.
inline constexpr SimTime kEndless{std::numeric_limits<std::int64_t>::max()};

/// `time` stretched by a factor, to the nearest picosecond.
inline SimTime stretched(SimTime time, double factor) {
  return factor == 1.0 ? time : SimTime{nearest_whole<std::int64_t>(static_cast<double>(time.ps) * factor)};
}

}  // namespace gpuhours
