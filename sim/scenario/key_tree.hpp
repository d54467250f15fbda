#pragma once
// The declarations of keys.hpp as data: what the JSON Schema prints and what --set checks paths against.

#include <string>
#include <string_view>
#include <vector>

#include "scenario/catalogue.hpp"
#include "scenario/value.hpp"

namespace gpuhours {

struct KeyNode {
  enum class Shape { leaf, map, list };

  std::string name;
  std::string help;
  bool required = false;
  Shape shape = Shape::leaf;
  ValueType type;            ///< of a leaf
  std::string default_text;  ///< of a leaf
  const CatalogueFolder* catalogue = nullptr;
  std::vector<KeyNode> children;  ///< of a map, or of each item of a list

  [[nodiscard]] const KeyNode* find(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> child_names() const;
};

/// Every key of a scenario, below a nameless map.
KeyNode scenario_keys();

/// Every key of a catalogue file, below a nameless map.
KeyNode catalogue_keys(CatalogueKind kind);

}  // namespace gpuhours
