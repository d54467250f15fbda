#pragma once
// Simulated time inside one step: a 64-bit count of picoseconds, so that equal times are equal and results do not
// depend on rounding. Range 2^63 ps = 106 days. One byte at 400 GB/s takes 2.5 ps, so nanoseconds would be too coarse.
// The length of a whole run (months) is `Seconds`, never SimTime.

#include <cmath>
#include <compare>
#include <cstdint>

#include "core/quantity.hpp"

namespace gpuhours {

/// A point in, or a length of, simulated time in picoseconds.
struct SimTime {
  std::int64_t ps = 0;

  /// The nearest picosecond; `seconds` is finite and below 9.2e6.
  static SimTime from(Seconds seconds) { return {std::llround(seconds.value() * 1e12)}; }
  [[nodiscard]] Seconds seconds() const { return Seconds(static_cast<double>(ps) * 1e-12); }

  SimTime& operator+=(SimTime other) {
    ps += other.ps;
    return *this;
  }
  friend constexpr SimTime operator+(SimTime a, SimTime b) { return {a.ps + b.ps}; }
  friend constexpr SimTime operator-(SimTime a, SimTime b) { return {a.ps - b.ps}; }
  friend constexpr auto operator<=>(SimTime a, SimTime b) = default;
};

}  // namespace gpuhours
