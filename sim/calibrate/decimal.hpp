#pragma once
// Decimal numbers of trace files, without a detour through binary floating point.

#include <cstdint>
#include <optional>
#include <string_view>

namespace gpuhours {

/// The number written in `text` ("1740461679470813", "-1.25", "1.5e3") times 10^`shift`, rounded half away from zero.
/// Nothing for text that is not a finite number or a result that does not fit.
std::optional<std::int64_t> scaled_decimal(std::string_view text, int shift);

/// Nanoseconds of a time that was written in microseconds.
inline std::optional<std::int64_t> nanoseconds(std::string_view microseconds) {
  return scaled_decimal(microseconds, 3);
}

}  // namespace gpuhours
