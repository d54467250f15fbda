#pragma once
// Quantities as text: "400 GB/s", "14.8T tokens", "2 USD/GPU/h". Input: a text and the unit family that is wanted.
// Output: the number in SI base units of core/quantity.hpp, or what is wrong with the text; and back.
// Decimal and binary prefixes (GB, GiB) and bits and bytes (Gb/s, GB/s) are different units. Counts and money may carry
// K, M, B or T behind the number; digits may be grouped with '_'.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/quantity.hpp"

namespace gpuhours {

/// Families of units; a number of one family converts to no other.
enum class Unit {
  ratio,         ///< a pure number; "85 %" is 0.85
  time,          ///< s
  frequency,     ///< Hz
  data,          ///< byte
  data_rate,     ///< byte/s
  arithmetic,    ///< FLOP/s
  power,         ///< W
  energy,        ///< J
  money,         ///< USD
  rent,          ///< USD per GPU and second
  energy_price,  ///< USD/J
  carbon,        ///< kg CO2 per joule
  area,          ///< mm2
  tokens,        ///< count
  sequences,     ///< count
  gpu_hours,     ///< count
  parameters,    ///< count
};

/// "a data rate".
std::string_view phrase(Unit unit);
/// The unit that examples and hints use: "GB/s".
std::string_view usual_unit(Unit unit);
/// Every spelling of the family, the usual one included.
std::vector<std::string_view> unit_spellings(Unit unit);
/// K, M, B and T may follow the number.
bool takes_count_suffix(Unit unit);

/// The numbers of a family, in SI base units, that a text may mean beside 0: far beyond what there is on both sides, so
/// that arithmetic on them stays finite.
struct UnitBounds {
  double least;
  double most;
};
UnitBounds bounds(Unit unit);

/// What is wrong with a text, and what would mend it.
struct TextError {
  std::string message;
  std::string hint;
};

/// A number, or an error; exactly one is set.
struct ParsedNumber {
  std::optional<double> value;
  TextError error;
};

/// `text` as a quantity of `wanted`. With `unit_optional` a bare number is taken as one of the base unit (for keys
/// whose name says it: die_area_mm2).
ParsedNumber parse_quantity(std::string_view text, Unit wanted, bool unit_optional = false);

/// A text that parse_quantity turns into exactly `value` again.
std::string exact_text(double value, Unit unit);

/// The nearest prefix and four significant digits, for reports: "19.93 s", "160 GB/s".
std::string rounded_text(double value, Unit unit);

std::string text(Seconds value);
std::string text(Hertz value);
std::string text(Bytes value);
std::string text(Flops value);
std::string text(Dollars value);
std::string text(Joules value);
std::string text(BytesPerSecond value);
std::string text(FlopsPerSecond value);
std::string text(Watts value);
std::string text(DollarsPerSecond value);
std::string text(DollarsPerJoule value);

}  // namespace gpuhours
