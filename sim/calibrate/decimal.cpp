#include "calibrate/decimal.hpp"

#include <charconv>

namespace gpuhours {

namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Splits "12.50e3" into its digits ("12", "50") and exponent.
struct Parts {
  std::string_view whole;
  std::string_view fraction;
  std::int64_t exponent = 0;
};

std::optional<Parts> parts_of(std::string_view text) {
  Parts parts;
  std::size_t at = 0;
  while (at < text.size() && is_digit(text[at])) ++at;
  parts.whole = text.substr(0, at);
  if (at < text.size() && text[at] == '.') {
    const std::size_t begin = ++at;
    while (at < text.size() && is_digit(text[at])) ++at;
    parts.fraction = text.substr(begin, at - begin);
  }
  if (parts.whole.empty() && parts.fraction.empty()) return std::nullopt;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && text[at] == '+') ++at;
    int exponent = 0;
    const auto [end, fault] = std::from_chars(text.data() + at, text.data() + text.size(), exponent);
    if (fault != std::errc()) return std::nullopt;
    if (exponent > 1000 || exponent < -1000) return std::nullopt;
    parts.exponent = exponent;
    at = static_cast<std::size_t>(end - text.data());
  }
  if (at != text.size()) return std::nullopt;
  return parts;
}

}  // namespace

std::optional<std::int64_t> scaled_decimal(std::string_view text, int shift) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  const std::optional<Parts> parts = parts_of(text);
  if (!parts) return std::nullopt;
  // Digits up to the shifted decimal point count; the first behind it rounds.
  const std::int64_t wanted = static_cast<std::int64_t>(parts->whole.size()) + parts->exponent + shift;
  const std::size_t available = parts->whole.size() + parts->fraction.size();
  const auto digit = [&](std::size_t i) {
    if (i >= available) return 0;
    return (i < parts->whole.size() ? parts->whole[i] : parts->fraction[i - parts->whole.size()]) - '0';
  };
  std::int64_t value = 0;
  for (std::int64_t i = 0; i < wanted; ++i) {
    if (value == 0 && static_cast<std::size_t>(i) >= available) break;
    if (__builtin_mul_overflow(value, std::int64_t{10}, &value) ||
        __builtin_add_overflow(value, std::int64_t{digit(static_cast<std::size_t>(i))}, &value))
      return std::nullopt;
  }
  if (wanted >= 0 && digit(static_cast<std::size_t>(wanted)) >= 5 &&
      __builtin_add_overflow(value, std::int64_t{1}, &value))
    return std::nullopt;
  return negative ? -value : value;
}

}  // namespace gpuhours
