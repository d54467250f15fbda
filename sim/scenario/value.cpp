#include "scenario/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace gpuhours {

namespace {

using Kind = ValueType::Kind;

std::string range_text(const Range& range) {
  const bool has_low = std::isfinite(range.low);
  const bool has_high = std::isfinite(range.high);
  if (has_low && has_high) return fmt::format("from {} to {}", range.low, range.high);
  if (has_low && range.above) return fmt::format("above {}", range.low);
  if (has_low) return fmt::format("{} or more", range.low);
  return "";
}

bool inside(double value, const Range& range) {
  return (range.above ? value > range.low : value >= range.low) && value <= range.high;
}

std::string kind_of(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "nothing";
    case YamlNode::Kind::scalar:
      return "a single value";
    case YamlNode::Kind::sequence:
      return "a list";
    case YamlNode::Kind::map:
      return "a map";
  }
  return "";
}

/// One scalar of a leaf type, and the mistakes of it.
class ScalarReader {
 public:
  ScalarReader(const ValueType& type, const YamlNode& node, const std::string& path, Diagnostics& diagnostics)
      : type_(type), node_(node), path_(path), diagnostics_(diagnostics) {}

  [[nodiscard]] Value number() const {
    const ParsedNumber parsed = parse_quantity(node_.scalar, type_.unit, type_.unit_optional);
    if (!parsed.value) return failed(parsed.error.message, parsed.error.hint);
    return checked(*parsed.value);
  }

  [[nodiscard]] Value whole() const {
    const ParsedNumber parsed = parse_quantity(node_.scalar, type_.unit, type_.unit_optional);
    if (type_.unit == Unit::ratio && (!parsed.value || node_.scalar.find('%') != std::string::npos)) {
      return failed(fmt::format("'{}' is not a whole number", node_.scalar), expectation());
    }
    if (!parsed.value) return failed(parsed.error.message, parsed.error.hint);
    if (*parsed.value != std::floor(*parsed.value)) {
      return failed(fmt::format("'{}' is not a whole number", node_.scalar), expectation());
    }
    return checked(*parsed.value);
  }

  [[nodiscard]] Value flag() const {
    if (node_.scalar == "true") return true;
    if (node_.scalar == "false") return false;
    return failed(fmt::format("'{}' is neither true nor false", node_.scalar), "");
  }

  [[nodiscard]] Value choice() const {
    if (std::find(type_.names.begin(), type_.names.end(), node_.scalar) != type_.names.end()) return node_.scalar;
    const std::string near = nearest(node_.scalar, type_.names);
    return failed(fmt::format("'{}' is not one of {}", node_.scalar, fmt::join(type_.names, ", ")),
                  near.empty() ? "" : fmt::format("did you mean '{}'?", near));
  }

 private:
  [[nodiscard]] Value failed(std::string message, std::string hint) const {
    diagnostics_.error(node_.place, std::move(message), std::move(hint));
    return {};
  }

  [[nodiscard]] std::string expectation() const { return fmt::format("'{}' is {}", path_, description(type_)); }

  [[nodiscard]] Value checked(double value) const {
    if (!inside(value, type_.range)) return failed(fmt::format("'{}' is out of range", node_.scalar), expectation());
    return value;
  }

  const ValueType& type_;
  const YamlNode& node_;
  const std::string& path_;
  Diagnostics& diagnostics_;
};

ValueType item_type(const ValueType& list) {
  ValueType item = list;
  item.kind = list.kind == Kind::wholes ? Kind::whole : list.kind == Kind::choices ? Kind::choice : Kind::text;
  return item;
}

Value read_list(const ValueType& type, const YamlNode& node, const std::string& path, Diagnostics& diagnostics) {
  const ValueType item = item_type(type);
  std::vector<double> numbers;
  std::vector<std::string> texts;
  bool good = true;
  for (const YamlNode& element : node.items) {
    const Value value = read_value(item, element, path, diagnostics);
    if (const auto* number = std::get_if<double>(&value)) {
      numbers.push_back(*number);
    } else if (const auto* word = std::get_if<std::string>(&value)) {
      texts.push_back(*word);
    } else {
      good = false;
    }
  }
  if (!good) return {};
  return type.kind == Kind::wholes ? Value(std::move(numbers)) : Value(std::move(texts));
}

bool is_list(Kind kind) { return kind == Kind::wholes || kind == Kind::choices || kind == Kind::texts; }

std::string number_phrase(const ValueType& type) {
  std::string phrase_text = type.unit != Unit::ratio                                ? std::string(phrase(type.unit))
                            : type.kind == Kind::whole || type.kind == Kind::wholes ? "a whole number"
                                                                                    : "a number";
  const std::string range = range_text(type.range);
  if (!range.empty()) phrase_text += ", " + range;
  if (type.unit != Unit::ratio) phrase_text += fmt::format(", in {}", usual_unit(type.unit));
  return phrase_text;
}

}  // namespace

std::string description(const ValueType& type) {
  switch (type.kind) {
    case Kind::whole:
    case Kind::number:
      return number_phrase(type);
    case Kind::flag:
      return "true or false";
    case Kind::text:
      return "text";
    case Kind::choice:
      return fmt::format("one of {}", fmt::join(type.names, ", "));
    case Kind::wholes:
      return "a list, each item " + number_phrase(type);
    case Kind::choices:
      return fmt::format("a list of {}", fmt::join(type.names, ", "));
    case Kind::texts:
      return "a list of texts";
  }
  return "";
}

Value read_value(const ValueType& type, const YamlNode& node, const std::string& path, Diagnostics& diagnostics) {
  const YamlNode::Kind wanted = is_list(type.kind) ? YamlNode::Kind::sequence : YamlNode::Kind::scalar;
  if (node.kind != wanted) {
    diagnostics.error(node.place, fmt::format("'{}' is {}, not {}", path, description(type), kind_of(node)));
    return {};
  }
  const ScalarReader reader(type, node, path, diagnostics);
  switch (type.kind) {
    case Kind::whole:
      return reader.whole();
    case Kind::number:
      return reader.number();
    case Kind::flag:
      return reader.flag();
    case Kind::text:
      return node.scalar;
    case Kind::choice:
      return reader.choice();
    default:
      return read_list(type, node, path, diagnostics);
  }
}

std::string value_text(const ValueType& type, const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<double>(&value)) {
    return type.unit == Unit::ratio ? fmt::format("{}", *number) : exact_text(*number, type.unit);
  }
  if (const auto* word = std::get_if<std::string>(&value)) return yaml_scalar(*word);
  if (const auto* numbers = std::get_if<std::vector<double>>(&value))
    return fmt::format("[{}]", fmt::join(*numbers, ", "));
  if (const auto* words = std::get_if<std::vector<std::string>>(&value)) {
    std::vector<std::string> quoted;
    for (const std::string& word : *words) quoted.push_back(yaml_scalar(word));
    return fmt::format("[{}]", fmt::join(quoted, ", "));
  }
  return "none";
}

std::string yaml_scalar(const std::string& text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./ +%()").find(c) != std::string_view::npos;
  };
  const bool safe_start = !text.empty() && text[0] != ' ' && text[0] != '%' && (text[0] != '-' || text.size() > 1);
  if (safe_start && text.back() != ' ' && !text.starts_with("- ") && !text.starts_with("---") && text != "null" &&
      text != "~" && std::all_of(text.begin(), text.end(), plain)) {
    return text;
  }
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\t') {
      quoted += "\\t";
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace gpuhours
