#include "scenario/unit_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>

namespace gpuhours {

namespace {

/// SI value = number x multiply / divide. Two numbers, so that 2 USD/GPU/h is the double nearest to 2/3600.
struct Spelling {
  std::string_view text;
  Unit unit;
  double multiply = 1;
  double divide = 1;
  bool print = true;  ///< used when formatting; false for second spellings
};

constexpr double kKibi = 1024.0;
constexpr double kMebi = kKibi * 1024;
constexpr double kGibi = kMebi * 1024;
constexpr double kTebi = kGibi * 1024;

/// Per family in rising order of size.
constexpr auto kSpellings = std::to_array<Spelling>({
    {"ps", Unit::time, 1, 1e12},
    {"ns", Unit::time, 1, 1e9},
    {"us", Unit::time, 1, 1e6},
    {"ms", Unit::time, 1, 1e3},
    {"s", Unit::time},
    {"min", Unit::time, 60},
    {"h", Unit::time, 3600},
    {"days", Unit::time, 86400},
    {"day", Unit::time, 86400, 1, false},
    {"d", Unit::time, 86400, 1, false},
    {"years", Unit::time, 31557600, 1, false},  // of 365.25 days
    {"year", Unit::time, 31557600, 1, false},
    {"Hz", Unit::frequency},
    {"kHz", Unit::frequency, 1e3},
    {"MHz", Unit::frequency, 1e6},
    {"GHz", Unit::frequency, 1e9},
    {"B", Unit::data},
    {"kB", Unit::data, 1e3},
    {"MB", Unit::data, 1e6},
    {"GB", Unit::data, 1e9},
    {"TB", Unit::data, 1e12},
    {"PB", Unit::data, 1e15},
    {"KiB", Unit::data, kKibi, 1, false},
    {"MiB", Unit::data, kMebi, 1, false},
    {"GiB", Unit::data, kGibi, 1, false},
    {"TiB", Unit::data, kTebi, 1, false},
    {"B/s", Unit::data_rate},
    {"kB/s", Unit::data_rate, 1e3},
    {"MB/s", Unit::data_rate, 1e6},
    {"GB/s", Unit::data_rate, 1e9},
    {"TB/s", Unit::data_rate, 1e12},
    {"PB/s", Unit::data_rate, 1e15},
    {"KiB/s", Unit::data_rate, kKibi, 1, false},
    {"MiB/s", Unit::data_rate, kMebi, 1, false},
    {"GiB/s", Unit::data_rate, kGibi, 1, false},
    {"TiB/s", Unit::data_rate, kTebi, 1, false},
    {"Mb/s", Unit::data_rate, 1e6, 8, false},
    {"Gb/s", Unit::data_rate, 1e9, 8, false},
    {"Tb/s", Unit::data_rate, 1e12, 8, false},
    {"FLOP/s", Unit::arithmetic},
    {"GFLOP/s", Unit::arithmetic, 1e9},
    {"TFLOP/s", Unit::arithmetic, 1e12},
    {"PFLOP/s", Unit::arithmetic, 1e15},
    {"EFLOP/s", Unit::arithmetic, 1e18},
    {"TOP/s", Unit::arithmetic, 1e12, 1, false},
    {"POP/s", Unit::arithmetic, 1e15, 1, false},
    {"mW", Unit::power, 1, 1e3},
    {"W", Unit::power},
    {"kW", Unit::power, 1e3},
    {"MW", Unit::power, 1e6},
    {"GW", Unit::power, 1e9},
    {"J", Unit::energy},
    {"Wh", Unit::energy, 3.6e3, 1, false},
    {"kWh", Unit::energy, 3.6e6},
    {"MWh", Unit::energy, 3.6e9},
    {"GWh", Unit::energy, 3.6e12},
    {"USD", Unit::money},
    {"USD/GPU/s", Unit::rent},
    {"USD/GPU/h", Unit::rent, 1, 3600},
    {"USD/J", Unit::energy_price},
    {"USD/MWh", Unit::energy_price, 1, 3.6e9, false},
    {"USD/kWh", Unit::energy_price, 1, 3.6e6},
    {"USD/kW/month", Unit::energy_price, 1, 730.5 * 3.6e6, false},  // rent of power capacity, a month of 730.5 h
    {"kg/J", Unit::carbon},
    {"g/kWh", Unit::carbon, 1, 3.6e9},
    {"kg/MWh", Unit::carbon, 1, 3.6e9, false},
    {"kg/kWh", Unit::carbon, 1, 3.6e6, false},
    {"mm2", Unit::area},
    {"tokens", Unit::tokens},
    {"token", Unit::tokens, 1, 1, false},
    {"sequences", Unit::sequences},
    {"sequence", Unit::sequences, 1, 1, false},
    {"GPU hours", Unit::gpu_hours},
    {"GPU-hours", Unit::gpu_hours, 1, 1, false},
    {"GPU h", Unit::gpu_hours, 1, 1, false},
    {"parameters", Unit::parameters},
    {"%", Unit::ratio, 1, 100, false},
});

struct Suffix {
  char letter;
  double factor;
};
constexpr auto kSuffixes = std::to_array<Suffix>({{'T', 1e12}, {'B', 1e9}, {'M', 1e6}, {'K', 1e3}});

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Length of the digits at the start of `text`; '_' may stand between two digits.
std::size_t digits_length(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() &&
         (is_digit(text[i]) || (text[i] == '_' && i > 0 && i + 1 < text.size() && is_digit(text[i + 1])))) {
    ++i;
  }
  return i;
}

/// Length of the number at the start of `text`: sign, digits, fraction, exponent. 0: none.
std::size_t number_length(std::string_view text) {
  std::size_t i = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const std::size_t whole = digits_length(text.substr(i));
  i += whole;
  std::size_t fraction = 0;
  if (i < text.size() && text[i] == '.') {
    fraction = digits_length(text.substr(i + 1));
    i += whole + fraction > 0 ? fraction + 1 : 0;
  }
  if (whole + fraction == 0) return 0;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    std::size_t sign = i + 1 < text.size() && (text[i + 1] == '-' || text[i + 1] == '+') ? 1 : 0;
    const std::size_t exponent = digits_length(text.substr(i + 1 + sign));
    if (exponent > 0) i += 1 + sign + exponent;
  }
  return i;
}

/// The double nearest to the written number; empty when it overflows.
std::optional<double> number(std::string_view text) {
  std::string plain(text);
  std::erase(plain, '_');
  const char* first = plain.data() + (plain.starts_with('+') ? 1 : 0);
  const char* last = plain.data() + plain.size();
  double value = 0;
  const auto result = std::from_chars(first, last, value);
  if (result.ec == std::errc::result_out_of_range) {
    return plain.find("e-") != std::string::npos || plain.find("E-") != std::string::npos ? std::optional<double>(0.0)
                                                                                          : std::nullopt;
  }
  return value;
}

const Spelling* spelling(std::string_view text) {
  const auto* it =
      std::find_if(kSpellings.begin(), kSpellings.end(), [&](const Spelling& s) { return s.text == text; });
  return it == kSpellings.end() ? nullptr : it;
}

std::string example(std::string_view number_text, Unit wanted) {
  return wanted == Unit::ratio ? std::string(number_text) : fmt::format("{} {}", number_text, usual_unit(wanted));
}

ParsedNumber failed(std::string message, std::string hint) {
  return {std::nullopt, {std::move(message), std::move(hint)}};
}

std::string spellings_hint(Unit wanted) {
  const std::vector<std::string_view> spellings = unit_spellings(wanted);
  if (wanted == Unit::ratio) return "write a plain number";
  return fmt::format("{} is written in {}", phrase(wanted), fmt::join(spellings, ", "));
}

ParsedNumber not_a_number(std::string_view text, Unit wanted) {
  return failed(
      fmt::format("'{}' is not {}", text, phrase(wanted)),
      wanted == Unit::ratio ? "write a plain number" : fmt::format("write it like \"{}\"", example("1", wanted)));
}

ParsedNumber wrong_unit(std::string_view text, std::string_view number_text, std::string_view unit_name, Unit wanted) {
  const Spelling* other = spelling(unit_name);
  if (other == nullptr) return failed(fmt::format("'{}': unknown unit '{}'", text, unit_name), spellings_hint(wanted));
  return failed(fmt::format("'{}' is {}, {} is needed", text, phrase(other->unit), phrase(wanted)),
                fmt::format("write it like \"{}\"", example(number_text, wanted)));
}

}  // namespace

std::string_view phrase(Unit unit) {
  switch (unit) {
    case Unit::ratio:
      return "a number";
    case Unit::time:
      return "a time";
    case Unit::frequency:
      return "a frequency";
    case Unit::data:
      return "an amount of data";
    case Unit::data_rate:
      return "a data rate";
    case Unit::arithmetic:
      return "an arithmetic rate";
    case Unit::power:
      return "a power";
    case Unit::energy:
      return "an energy";
    case Unit::money:
      return "an amount of money";
    case Unit::rent:
      return "a price per GPU and time";
    case Unit::energy_price:
      return "a price of energy";
    case Unit::carbon:
      return "an amount of CO2 per energy";
    case Unit::area:
      return "an area";
    case Unit::tokens:
      return "a number of tokens";
    case Unit::sequences:
      return "a number of sequences";
    case Unit::gpu_hours:
      return "a number of GPU hours";
    case Unit::parameters:
      return "a number of parameters";
  }
  return "";
}

std::string_view usual_unit(Unit unit) {
  switch (unit) {
    case Unit::ratio:
      return "";
    case Unit::time:
      return "us";
    case Unit::frequency:
      return "GHz";
    case Unit::data:
      return "GB";
    case Unit::data_rate:
      return "GB/s";
    case Unit::arithmetic:
      return "TFLOP/s";
    case Unit::power:
      return "W";
    case Unit::energy:
      return "kWh";
    case Unit::money:
      return "USD";
    case Unit::rent:
      return "USD/GPU/h";
    case Unit::energy_price:
      return "USD/kWh";
    case Unit::carbon:
      return "g/kWh";
    case Unit::area:
      return "mm2";
    case Unit::tokens:
      return "tokens";
    case Unit::sequences:
      return "sequences";
    case Unit::gpu_hours:
      return "GPU hours";
    case Unit::parameters:
      return "parameters";
  }
  return "";
}

std::vector<std::string_view> unit_spellings(Unit unit) {
  std::vector<std::string_view> out;
  for (const Spelling& s : kSpellings) {
    if (s.unit == unit) out.push_back(s.text);
  }
  return out;
}

UnitBounds bounds(Unit unit) {
  switch (unit) {
    case Unit::ratio:
      return {1e-18, 1e16};  // seeds go to 2^53
    case Unit::time:
      return {1e-12, 1e12};  // 1 ps; 32,000 years
    case Unit::frequency:
      return {1, 1e15};
    case Unit::data:
      return {1, 1e21};
    case Unit::data_rate:
      return {1, 1e18};
    case Unit::arithmetic:
      return {1, 1e21};
    case Unit::power:
      return {1e-3, 1e12};
    case Unit::energy:
      return {1e-3, 1e21};
    case Unit::money:
      return {1e-6, 1e15};
    case Unit::rent:
      return {1e-12, 1e3};
    case Unit::energy_price:
      return {1e-18, 1e3};
    case Unit::carbon:
      return {1e-18, 1};
    case Unit::area:
      return {1e-3, 1e9};
    case Unit::tokens:
    case Unit::sequences:
    case Unit::gpu_hours:
    case Unit::parameters:
      return {1e-3, 1e18};
  }
  return {0, 0};
}

bool takes_count_suffix(Unit unit) {
  return unit == Unit::tokens || unit == Unit::sequences || unit == Unit::gpu_hours || unit == Unit::parameters ||
         unit == Unit::money;
}

namespace {

/// `value`, which `text` stands for, where the family has such numbers.
ParsedNumber bounded(double value, std::string_view text, Unit unit) {
  const UnitBounds of = bounds(unit);
  const double size = std::abs(value);
  if (!(size <= of.most)) {
    return failed(fmt::format("'{}' is too large", text),
                  fmt::format("{} goes up to {}", phrase(unit), rounded_text(of.most, unit)));
  }
  if (size > 0 && size < of.least) {
    return failed(fmt::format("'{}' is too small", text),
                  fmt::format("{} above 0 begins at {}", phrase(unit), rounded_text(of.least, unit)));
  }
  return {value, {}};
}

}  // namespace

ParsedNumber parse_quantity(std::string_view text, Unit wanted, bool unit_optional) {
  text = trimmed(text);
  const std::size_t length = number_length(text);
  if (length == 0) return not_a_number(text, wanted);
  std::string_view number_text = text.substr(0, length);
  std::string_view rest = text.substr(length);
  if (rest.starts_with(',')) {
    return failed(fmt::format("'{}' is not {}", text, phrase(wanted)), "group digits with '_', not with ','");
  }
  std::optional<double> value = number(number_text);
  if (!value) return bounded(std::numeric_limits<double>::infinity(), text, wanted);

  const auto* suffix = std::find_if(kSuffixes.begin(), kSuffixes.end(), [&](const Suffix& s) {
    return takes_count_suffix(wanted) && rest.starts_with(s.letter) && (rest.size() == 1 || rest[1] == ' ');
  });
  if (suffix != kSuffixes.end()) {
    *value *= suffix->factor;
    rest.remove_prefix(1);
    number_text = text.substr(0, length + 1);
  }
  const std::string_view unit_name = trimmed(rest);
  if (unit_name.empty()) {
    if (wanted == Unit::ratio || unit_optional) return bounded(*value, text, wanted);
    return failed(fmt::format("'{}' needs a unit", text), fmt::format("write \"{}\"", example(number_text, wanted)));
  }
  const Spelling* unit = spelling(unit_name);
  if (unit == nullptr || unit->unit != wanted) return wrong_unit(text, number_text, unit_name, wanted);
  return bounded(*value * unit->multiply / unit->divide, text, wanted);
}

std::string exact_text(double value, Unit unit) {
  if (takes_count_suffix(unit)) {
    for (const Suffix& suffix : kSuffixes) {
      const double scaled = value / suffix.factor;
      const std::string candidate = fmt::format("{}{} {}", scaled, suffix.letter, usual_unit(unit));
      if (std::abs(scaled) >= 1 && candidate.size() < 20 + usual_unit(unit).size() && std::abs(value) >= 1e5 &&
          parse_quantity(candidate, unit).value == value) {
        return candidate;
      }
    }
  }
  if (unit == Unit::ratio) return fmt::format("{}", value);
  std::string best;
  const Spelling* base = nullptr;
  for (const Spelling& s : kSpellings) {
    if (s.unit != unit || !s.print) continue;
    if (s.multiply == 1 && s.divide == 1) base = &s;
    const double scaled = value / s.multiply * s.divide;
    const std::string candidate = fmt::format("{} {}", scaled, s.text);
    const bool better = candidate.size() < best.size() || (candidate.size() == best.size() && std::abs(scaled) >= 1);
    if ((best.empty() || better) && parse_quantity(candidate, unit).value == value) {
      best = candidate;
    }
  }
  if (value == 0) return fmt::format("0 {}", usual_unit(unit));
  return best.empty() ? fmt::format("{} {}", value, base->text) : best;
}

std::string rounded_text(double value, Unit unit) {
  if (takes_count_suffix(unit)) {
    for (const Suffix& suffix : kSuffixes) {
      if (std::abs(value) >= suffix.factor) {
        return fmt::format("{:.4g}{} {}", value / suffix.factor, suffix.letter, usual_unit(unit));
      }
    }
  }
  if (unit == Unit::ratio) return fmt::format("{:.4g}", value);
  if (value == 0) return fmt::format("0 {}", usual_unit(unit));
  const Spelling* chosen = nullptr;
  for (const Spelling& s : kSpellings) {
    if (s.unit != unit || !s.print) continue;
    if (chosen == nullptr || std::abs(value) >= s.multiply / s.divide) chosen = &s;
  }
  if (unit == Unit::rent || unit == Unit::energy_price || unit == Unit::carbon) chosen = spelling(usual_unit(unit));
  return fmt::format("{:.4g} {}", value / chosen->multiply * chosen->divide, chosen->text);
}

std::string text(Seconds value) { return rounded_text(value.value(), Unit::time); }
std::string text(Hertz value) { return rounded_text(value.value(), Unit::frequency); }
std::string text(Bytes value) { return rounded_text(value.value(), Unit::data); }
std::string text(Dollars value) { return rounded_text(value.value(), Unit::money); }
std::string text(Joules value) { return rounded_text(value.value(), Unit::energy); }
std::string text(BytesPerSecond value) { return rounded_text(value.value(), Unit::data_rate); }
std::string text(FlopsPerSecond value) { return rounded_text(value.value(), Unit::arithmetic); }
std::string text(Watts value) { return rounded_text(value.value(), Unit::power); }
std::string text(DollarsPerSecond value) { return rounded_text(value.value(), Unit::rent); }
std::string text(DollarsPerJoule value) { return rounded_text(value.value(), Unit::energy_price); }

std::string text(Flops value) {
  std::string rate = rounded_text(value.value(), Unit::arithmetic);
  rate.resize(rate.size() - 2);  // without "/s"
  return rate;
}

}  // namespace gpuhours
