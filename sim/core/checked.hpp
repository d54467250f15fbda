#pragma once
// The one way from a double to a whole number, and sums and products of whole numbers that stop at the end of their
// range instead of wrapping (which is undefined in C++ and has turned long times into 0 s and days below zero).

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

namespace gpuhours {

/// The whole number nearest to `value`, halves away from zero; beyond the range of `Whole` its nearest end, and its
/// largest number for what is no number.
template <class Whole>
Whole nearest_whole(double value) {
  using Limits = std::numeric_limits<Whole>;
  // 2^digits, the first double above the largest number.
  constexpr double above = 2.0 * static_cast<double>(Whole{1} << (Limits::digits - 1));
  const double rounded = std::round(value);
  if (!(rounded < above)) return Limits::max();
  if (rounded <= static_cast<double>(Limits::min())) return Limits::min();
  return static_cast<Whole>(rounded);
}

/// `value` as it is; nothing when it is no whole number or lies outside the range of `Whole`.
template <class Whole>
std::optional<Whole> exact_whole(double value) {
  const Whole whole = nearest_whole<Whole>(value);
  if (!(static_cast<double>(whole) == value)) return std::nullopt;
  return whole;
}

/// `value` as another type of whole number, or nothing where that cannot hold it.
template <class Whole>
std::optional<Whole> narrowed(std::int64_t value) {
  using Limits = std::numeric_limits<Whole>;
  if (value < static_cast<std::int64_t>(Limits::min()) || value > static_cast<std::int64_t>(Limits::max())) {
    return std::nullopt;
  }
  return static_cast<Whole>(value);
}

/// a + b, at most and at least the ends of the range.
constexpr std::int64_t saturating_sum(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

/// a - b, the same.
constexpr std::int64_t saturating_difference(std::int64_t a, std::int64_t b) {
  std::int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return b < 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

/// a x b, the same.
constexpr std::int64_t saturating_product(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  return (a < 0) == (b < 0) ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

}  // namespace gpuhours
