#pragma once
// The types that a key of a scenario may have, and the two ways between a YAML value and a typed one.

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/diagnostic.hpp"
#include "scenario/document.hpp"
#include "scenario/unit_text.hpp"

namespace gpuhours {

/// Bounds of a number, inclusive unless `above` says that `low` itself is out.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool above = false;
};

constexpr Range at_least(double low) { return {.low = low}; }
constexpr Range greater_than(double low) { return {.low = low, .above = true}; }
constexpr Range between(double low, double high) { return {.low = low, .high = high}; }

struct ValueType {
  enum class Kind { whole, number, flag, text, choice, wholes, choices, texts };
  Kind kind = Kind::text;
  Unit unit = Unit::ratio;  ///< of whole and number
  bool unit_optional = false;
  Range range = {};
  std::vector<std::string> names = {};  ///< of choice and choices
};

/// monostate: not given. Whole numbers are doubles too (exact to 2^53); choices are their names.
using Value = std::variant<std::monostate, double, bool, std::string, std::vector<double>, std::vector<std::string>>;

/// "a whole number, 1 or more", "a data rate above 0 such as \"400 GB/s\"".
std::string description(const ValueType& type);

/// `node` as `type`; monostate after reporting what is wrong. `path` names the key in hints ("cluster.gpus").
Value read_value(const ValueType& type, const YamlNode& node, const std::string& path, Diagnostics& diagnostics);

/// YAML that read_value turns into `value` again; "none" for monostate.
std::string value_text(const ValueType& type, const Value& value);

/// `text` as a YAML scalar, quoted where it would be read as something else.
std::string yaml_scalar(const std::string& text);

}  // namespace gpuhours
