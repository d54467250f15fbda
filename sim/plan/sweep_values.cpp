#include "plan/sweep_values.hpp"

#include <fmt/format.h>

#include <cmath>

#include "scenario/includes.hpp"
#include "scenario/overrides.hpp"

namespace gpuhours {
namespace {

/// Adds `found` with its places in the option `flag`.
void append(const Diagnostics& found, const std::string& flag, Diagnostics& diagnostics) {
  for (const Diagnostic& problem : found.all()) {
    SourcePlace place = problem.place;
    place.file = flag;
    diagnostics.error(place, problem.message, problem.hint);
  }
}

/// A value's tree, standing behind the '=' of "path=value".
std::optional<YamlNode> value_tree(const std::string& path, const std::string& value, Diagnostics& diagnostics) {
  std::optional<YamlNode> tree = parse_document(value + "\n", "", diagnostics);
  if (tree) tree->place = {"", 0, static_cast<int>(path.size()) + 2, fmt::format("{}={}", path, value)};
  return tree;
}

bool is_number(const KeyNode* key) {
  return key != nullptr && key->shape == KeyNode::Shape::leaf &&
         (key->type.kind == ValueType::Kind::whole || key->type.kind == ValueType::Kind::number);
}

std::optional<SweepRange> malformed(const std::string& text, Diagnostics& diagnostics) {
  diagnostics.error({}, fmt::format("--range '{}' is not of the form path=low:high or path=low:high:log", text),
                    "for example --range \"training.tokens=1T tokens:20T tokens:log\"");
  return std::nullopt;
}

std::optional<SweepRange> empty_range(const std::string& text, const std::string& why, Diagnostics& diagnostics) {
  diagnostics.error({}, fmt::format("--range '{}' is empty: {}", text, why));
  return std::nullopt;
}

}  // namespace

const KeyNode* AxisReader::declaration(const std::string& path) const {
  const KeyNode* key = &keys_;
  for (std::size_t start = 0; key != nullptr && start <= path.size();) {
    const std::size_t end = std::min(path.find('.', start), path.size());
    const std::string word = path.substr(start, end - start);
    const bool index = !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
    if (!(key->shape == KeyNode::Shape::list && index)) key = key->find(word);
    start = end + 1;
  }
  return key;
}

bool AxisReader::check(const std::string& flag, const std::string& path, const std::string& value,
                       Diagnostics& diagnostics) const {
  Diagnostics found;
  YamlNode document = document_;
  apply_override(document, fmt::format("{}={}", path, value), keys_, found);
  const KeyNode* key = declaration(path);
  if (!found.has_errors() && key != nullptr) {
    const std::optional<YamlNode> tree = value_tree(path, value, found);
    if (tree && key->shape == KeyNode::Shape::leaf) {
      read_value(key->type, *tree, path, found);
    } else if (tree && key->catalogue != nullptr && tree->is_scalar()) {
      (void)Resolver(root_, found).entry(*key->catalogue, *tree);
    }
  }
  append(found, flag, diagnostics);
  return !found.has_errors();
}

std::optional<Variation> AxisReader::choices(const std::string& text, Diagnostics& diagnostics) const {
  std::optional<Variation> axis = variation(text, diagnostics);
  if (!axis) return std::nullopt;
  bool good = true;
  for (const std::string& value : axis->values) {
    if (value.empty() || value.find_first_of("\r\n") != std::string::npos) {
      diagnostics.error({}, fmt::format("--vary '{}' has a value that is empty or more than one line", text));
      return std::nullopt;
    }
    good = check("--vary", axis->path, value, diagnostics) && good;
    if (!good && declaration(axis->path) == nullptr) break;  // said once, not once a value
  }
  if (!good) return std::nullopt;
  return axis;
}

std::optional<SweepRange> AxisReader::range(const std::string& text, Diagnostics& diagnostics) const {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return malformed(text, diagnostics);
  const std::size_t colon = text.find(':', equals);
  if (colon == std::string::npos || colon == equals + 1) return malformed(text, diagnostics);
  SweepRange axis;
  axis.path = text.substr(0, equals);
  const std::string low = text.substr(equals + 1, colon - equals - 1);
  std::string high = text.substr(colon + 1);
  axis.logarithmic = high.ends_with(":log");
  if (axis.logarithmic) high.resize(high.size() - 4);
  if (high.empty() || high.find(':') != std::string::npos) return malformed(text, diagnostics);

  const bool low_good = check("--range", axis.path, low, diagnostics);
  if (!low_good && declaration(axis.path) == nullptr) return std::nullopt;
  if (!check("--range", axis.path, high, diagnostics) || !low_good) return std::nullopt;
  const KeyNode* key = declaration(axis.path);
  if (!is_number(key)) {
    diagnostics.error({}, fmt::format("--range needs a number, and '{}' is none", axis.path),
                      fmt::format("--vary {}=... takes its values", axis.path));
    return std::nullopt;
  }
  axis.type = key->type;
  axis.low = *parse_quantity(low, axis.type.unit, axis.type.unit_optional).value;
  axis.high = *parse_quantity(high, axis.type.unit, axis.type.unit_optional).value;
  if (axis.low >= axis.high) return empty_range(text, "low is not below high", diagnostics);
  if (axis.logarithmic && axis.low <= 0) {
    return empty_range(text, "a logarithmic range begins above 0", diagnostics);
  }
  return axis;
}

}  // namespace gpuhours
