#include "scenario/overrides.hpp"

#include <fmt/format.h>

#include <charconv>

#include "scenario/reader.hpp"

namespace gpuhours {

namespace {

SourcePlace place_in(const std::string& argument, std::size_t offset) {
  return place_in_line("--set", 0, static_cast<int>(offset) + 1, argument);
}

/// Places of a value that was parsed on its own, moved to where it stands in the argument.
void move_places(YamlNode& node, const std::string& argument, std::size_t offset) {
  node.place = place_in(argument, offset + static_cast<std::size_t>(std::max(node.place.column, 1)) - 1);
  for (YamlNode& item : node.items) move_places(item, argument, offset);
  for (YamlEntry& entry : node.entries) {
    entry.place = place_in(argument, offset + static_cast<std::size_t>(std::max(entry.place.column, 1)) - 1);
    move_places(entry.value, argument, offset);
  }
}

std::optional<YamlNode> value_of(const std::string& argument, std::size_t offset, Diagnostics& diagnostics) {
  Diagnostics found;
  std::optional<YamlNode> value = parse_document(argument.substr(offset) + "\n", "--set", found);
  for (const Diagnostic& problem : found.all()) {
    const auto column = static_cast<std::size_t>(std::max(problem.place.column, 1));
    const bool at_end = problem.place.line > 1;
    diagnostics.error(place_in(argument, at_end ? argument.size() : offset + column - 1), problem.message,
                      problem.hint);
  }
  if (value) move_places(*value, argument, offset);
  return value;
}

/// One step down the tree; `node` becomes what stands at `word`, made where it is missing. False after an error.
bool step(YamlNode*& node, const KeyNode*& keys, bool& inside_item, const std::string& word, const std::string& owner,
          const SourcePlace& place, Diagnostics& diagnostics) {
  if (keys->shape == KeyNode::Shape::list && !inside_item) {
    std::size_t index = 0;
    const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), index);
    if (failure != std::errc() || end != word.data() + word.size() || index >= node->items.size()) {
      diagnostics.error(place, fmt::format("'{}' has {} items, counted from 0; '{}' is none of them", owner,
                                           node->items.size(), word));
      return false;
    }
    node = &node->items[index];
    inside_item = true;
    return true;
  }
  if (keys->shape == KeyNode::Shape::leaf) {
    diagnostics.error(place, fmt::format("'{}' has no keys of its own", owner));
    return false;
  }
  const KeyNode* child = keys->find(word);
  if (child == nullptr) {
    report_unknown_key(place, word, owner, keys->child_names(), diagnostics);
    return false;
  }
  if (!node->is_map()) {
    YamlNode map;
    map.kind = YamlNode::Kind::map;
    map.place = place;
    if (node->is_scalar() && keys->catalogue != nullptr) map.entries.push_back({"extends", node->place, *node});
    *node = std::move(map);
  }
  YamlEntry* entry = node->find(word);
  if (entry == nullptr) {
    node->entries.push_back({word, place, YamlNode{}});
    entry = &node->entries.back();
  }
  node = &entry->value;
  keys = child;
  inside_item = false;
  return true;
}

}  // namespace

void apply_override(YamlNode& scenario, const std::string& argument, const KeyNode& keys, Diagnostics& diagnostics) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string::npos || equals == 0) {
    diagnostics.error(place_in(argument, 0), "an override is written KEY=VALUE", "for example cluster.gpus=1024");
    return;
  }
  const std::optional<YamlNode> value = value_of(argument, equals + 1, diagnostics);
  YamlNode* node = &scenario;
  const KeyNode* level = &keys;
  bool inside_item = false;
  std::string owner;
  for (std::size_t start = 0; start <= equals;) {
    const std::size_t end = std::min(argument.find('.', start), equals);
    const std::string word = argument.substr(start, end - start);
    if (!step(node, level, inside_item, word, owner, place_in(argument, start), diagnostics)) return;
    owner += (owner.empty() ? "" : ".") + word;
    start = end + 1;
  }
  if (value) *node = *value;
}

}  // namespace gpuhours
