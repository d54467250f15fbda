#include "scenario/schema.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "scenario/key_tree.hpp"

namespace gpuhours {

namespace {

using Json = nlohmann::ordered_json;
using Kind = ValueType::Kind;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view(".+*?()[]{}|^$\\/").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string quantity_pattern(const ValueType& type) {
  std::string units;
  for (const std::string_view spelling : unit_spellings(type.unit)) {
    if (!units.empty()) units += '|';
    units += escaped(spelling);
  }
  return fmt::format(R"(^\s*[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?{}\s*({}){}\s*$)",
                     takes_count_suffix(type.unit) ? "[KMBT]?" : "", units, type.unit_optional ? "?" : "");
}

void add_range(Json& schema, const Range& range) {
  if (std::isfinite(range.low)) schema[range.above ? "exclusiveMinimum" : "minimum"] = range.low;
  if (std::isfinite(range.high)) schema["maximum"] = range.high;
}

Json number_schema(const ValueType& type, const char* json_type) {
  Json bare = {{"type", json_type}};
  add_range(bare, type.range);
  const bool has_spellings = type.unit != Unit::ratio || type.kind == Kind::number;
  if (!has_spellings) return bare;
  const Json text = {{"type", "string"}, {"pattern", quantity_pattern(type)}};
  if (type.unit != Unit::ratio && !type.unit_optional) return text;
  return {{"anyOf", Json::array({bare, text})}};
}

Json leaf_schema(const ValueType& type) {
  ValueType item = type;
  switch (type.kind) {
    case Kind::whole:
      return number_schema(type, "integer");
    case Kind::number:
      return number_schema(type, "number");
    case Kind::flag:
      return {{"type", "boolean"}};
    case Kind::text:
      return {{"type", Json::array({"string", "number", "boolean"})}};
    case Kind::choice:
      return {{"enum", type.names}};
    case Kind::wholes:
      item.kind = Kind::whole;
      break;
    case Kind::choices:
      item.kind = Kind::choice;
      break;
    case Kind::texts:
      item.kind = Kind::text;
      break;
  }
  return {{"type", "array"}, {"items", leaf_schema(item)}};
}

Json map_schema(const KeyNode& map);

std::string description_of(const KeyNode& key) {
  std::string out = key.help;
  if (key.required) out += " (required)";
  if (key.shape == KeyNode::Shape::leaf) out += fmt::format("; {}", description(key.type));
  return out;
}

Json key_schema(const KeyNode& key) {
  Json schema = {{"description", description_of(key)}};
  if (key.shape == KeyNode::Shape::leaf) {
    schema.update(leaf_schema(key.type));
    if (!key.required && key.default_text != "none") schema["default"] = key.default_text;
  } else if (key.shape == KeyNode::Shape::list) {
    schema["type"] = "array";
    schema["items"] = map_schema(key);
  } else if (key.catalogue != nullptr) {
    const Json id = {{"type", "string"},
                     {"description", fmt::format("id of `gpuhours list {}`", key.catalogue->plural)}};
    schema["anyOf"] = Json::array({id, map_schema(key)});
  } else {
    schema.update(map_schema(key));
  }
  return schema;
}

Json map_schema(const KeyNode& map) {
  Json properties = Json::object();
  for (const KeyNode& child : map.children) properties[child.name] = key_schema(child);
  properties["extends"] = {{"type", "string"}, {"description", "file, or catalogue entry, that this map builds on"}};
  properties["include"] = {{"type", "string"}, {"description", "file whose keys are laid over those of `extends`"}};
  return {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
}

}  // namespace

std::string scenario_schema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "gpuhours scenario"}};
  schema.update(map_schema(scenario_keys()));
  return schema.dump(2) + "\n";
}

}  // namespace gpuhours
