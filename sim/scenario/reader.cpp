#include "scenario/reader.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gpuhours {

void report_unknown_key(const SourcePlace& place, const std::string& key, const std::string& owner,
                        const std::vector<std::string>& known, Diagnostics& diagnostics) {
  const std::string near = nearest(key, known);
  diagnostics.error(place, fmt::format("unknown key '{}'{}", key, owner.empty() ? "" : fmt::format(" in '{}'", owner)),
                    near.empty() ? fmt::format("the keys here are {}", fmt::join(known, ", "))
                                 : fmt::format("did you mean '{}'?", near));
}

Reader::Reader(const YamlNode& map, std::string path, SourcePlace place, Diagnostics& diagnostics)
    : diagnostics_(diagnostics) {
  open_.push_back({&map, std::move(path), std::move(place), {}});
}

void Reader::finish() {
  const Open& top = open_.back();
  for (const YamlEntry& entry : top.map->entries) {
    if (std::find(top.known.begin(), top.known.end(), entry.key) == top.known.end()) {
      report_unknown_key(entry.place, entry.key, top.path, top.known, diagnostics_);
    }
  }
}

std::string Reader::path_of(std::string_view key) const {
  const std::string& owner = open_.back().path;
  return owner.empty() ? std::string(key) : fmt::format("{}.{}", owner, key);
}

const YamlEntry* Reader::entry(const KeyInfo& key) {
  Open& top = open_.back();
  top.known.emplace_back(key.name);
  const YamlEntry* found = top.map->find(key.name);
  if (found == nullptr) {
    if (key.required) {
      const std::string owner = top.path.empty() ? "the file" : fmt::format("'{}'", top.path);
      diagnostics_.error(top.place, fmt::format("{} lacks the key '{}'", owner, key.name),
                         fmt::format("{}: {}", key.name, key.help));
    }
    return nullptr;
  }
  if (found->value.kind == YamlNode::Kind::null) {
    const SourcePlace& place = found->value.place.file == "--set" ? found->value.place : found->place;
    diagnostics_.error(place, fmt::format("'{}' has no value", path_of(key.name)));
    return nullptr;
  }
  return found;
}

void Reader::leaf(const KeyInfo& key, const ValueType& type, Value& value) {
  const YamlEntry* found = entry(key);
  if (found == nullptr) return;
  Value read = read_value(type, found->value, path_of(key.name), diagnostics_);
  if (!std::holds_alternative<std::monostate>(read)) value = std::move(read);
}

bool Reader::begin_map(const KeyInfo& key, const CatalogueFolder* catalogue, bool /*present*/) {
  const YamlEntry* found = entry(key);
  if (found == nullptr) return false;
  if (!found->value.is_map()) {
    // A catalogue reference that is still no map has been reported when it was looked up.
    if (catalogue == nullptr) {
      diagnostics_.error(found->value.place, fmt::format("'{}' is a map of keys", path_of(key.name)));
    }
    return false;
  }
  open_.push_back({&found->value, path_of(key.name), found->place, {}});
  return true;
}

void Reader::end_map() {
  finish();
  open_.pop_back();
}

std::size_t Reader::begin_list(const KeyInfo& key, std::size_t size) {
  const YamlEntry* found = entry(key);
  lists_.push_back(found);
  if (found == nullptr) return size;
  if (!found->value.is_sequence()) {
    diagnostics_.error(found->value.place, fmt::format("'{}' is a list of maps", path_of(key.name)));
    return 0;
  }
  for (const YamlNode& item : found->value.items) {
    if (!item.is_map()) {
      diagnostics_.error(item.place, fmt::format("an item of '{}' is a map of keys", path_of(key.name)));
      return 0;
    }
  }
  return found->value.items.size();
}

void Reader::begin_item(std::size_t index) {
  const YamlEntry* list = lists_.back();
  const YamlNode& item = list->value.items[index];
  open_.push_back({&item, fmt::format("{}.{}", path_of(list->key), index), item.place, {}});
}

void Reader::end_item() { end_map(); }

}  // namespace gpuhours
