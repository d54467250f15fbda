#include "report/number_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace gpuhours {
namespace {

struct Scale {
  double factor;
  const char* suffix;
};

/// `digits` with a comma between thousands; "-12345.6" -> "-12,345.6".
std::string with_separators(std::string_view digits) {
  const std::size_t begin = digits.front() == '-' ? 1 : 0;
  const std::size_t point = std::min(digits.find('.'), digits.size());
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > begin && i < point && (point - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

/// The value over the largest factor that it reaches; `scales` fall, the last also serves smaller values.
template <std::size_t N>
std::string scaled(double value, const std::array<Scale, N>& scales, int digits) {
  const auto fits = [&](const Scale& scale) { return std::abs(value) >= scale.factor * (1 - 1e-12); };
  const auto it = std::find_if(scales.begin(), scales.end() - 1, fits);
  return number_text(value / it->factor, digits, true) + it->suffix;
}

}  // namespace

std::string number_text(double value, int digits, bool keep_zeros) {
  if (!std::isfinite(value)) return std::isnan(value) ? "unknown" : value > 0 ? "infinite" : "-infinite";
  if (value == 0) return "0";
  const std::string rounded = fmt::format("{:.{}e}", value, digits - 1);  // rounding may lift the exponent
  const int exponent = std::stoi(rounded.substr(rounded.find('e') + 1));
  const int decimals = std::max(0, digits - 1 - exponent);
  if (decimals > 12) return rounded;
  std::string out = fmt::format("{:.{}f}", value, decimals);
  if (!keep_zeros && out.find('.') != std::string::npos) {
    out.erase(out.find_last_not_of('0') + 1);
    if (out.back() == '.') out.pop_back();
  }
  return with_separators(out);
}

std::string scaled_text(double value) {
  static constexpr std::array<Scale, 4> kScales{{{1e12, " T"}, {1e9, " B"}, {1e6, " M"}, {1e3, " K"}}};
  if (std::abs(value) < 1e4) return number_text(value, 4);
  return scaled(value, kScales, 3);
}

std::string seconds_text(Seconds time) {
  static constexpr std::array<Scale, 6> kScales{
      {{1, " s"}, {1e-3, " ms"}, {1e-6, " us"}, {1e-9, " ns"}, {1e-12, " ps"}, {1e-15, " fs"}}};
  const double seconds = std::abs(time.value());
  if (seconds == 0) return "0 s";
  if (seconds >= 2 * kDay.value()) return number_text(time / kDay, 3, true) + " days";
  if (seconds >= 2 * kHour.value()) return number_text(time / kHour, 3, true) + " h";
  return scaled(time.value(), kScales, 4);
}

std::string bytes_text(Bytes bytes) {
  static constexpr std::array<Scale, 5> kScales{
      {{1099511627776.0, " TiB"}, {1073741824.0, " GiB"}, {1048576.0, " MiB"}, {1024.0, " KiB"}, {1.0, " B"}}};
  return scaled(bytes.value(), kScales, 3);
}

std::string dollars_text(Dollars money) {
  static constexpr std::array<Scale, 3> kScales{{{1e9, " B"}, {1e6, " M"}, {1e3, " K"}}};
  const double value = money.value();
  const std::string sign = value < 0 ? "-$" : "$";
  if (std::abs(value) < 1e4) return sign + with_separators(fmt::format("{:.2f}", std::abs(value)));
  return sign + scaled(std::abs(value), kScales, 3);
}

std::string percent_text(double share) { return number_text(100 * share, 3) + " %"; }

std::string change_text(double share) { return fmt::format("{:+.1f} %", 100 * share); }

}  // namespace gpuhours
