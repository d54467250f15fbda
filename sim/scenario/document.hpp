#pragma once
// YAML text -> a tree that knows where every key and value was written.
// Built from yaml-cpp's events, whose marks are exact. Refused by name: duplicate keys, merge keys (<<), tags, a second
// document, more levels, values or keys than core/limits.hpp allows (aliases counted as often as they are used).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostic.hpp"

namespace gpuhours {

struct YamlEntry;

/// A value: nothing, text, a list or a map whose entries keep the file's order.
struct YamlNode {
  enum class Kind { null, scalar, sequence, map };

  Kind kind = Kind::null;
  SourcePlace place;
  std::string scalar;
  bool quoted = false;
  std::vector<YamlNode> items;
  std::vector<YamlEntry> entries;

  [[nodiscard]] bool is_map() const { return kind == Kind::map; }
  [[nodiscard]] bool is_scalar() const { return kind == Kind::scalar; }
  [[nodiscard]] bool is_sequence() const { return kind == Kind::sequence; }
  [[nodiscard]] const YamlEntry* find(std::string_view key) const;
  [[nodiscard]] YamlEntry* find(std::string_view key);
};

/// One line of a map; `place` is the key's.
struct YamlEntry {
  std::string key;
  SourcePlace place;
  YamlNode value;
};

/// The entry at a dotted path ("cluster.gpus", "training.phases.0.tokens") below `root`, or null. A list's item has no
/// entry: a path that ends in an index gives null.
const YamlEntry* find_path(const YamlNode& root, std::string_view path);

/// Values of a tree, its own root included.
int size_of(const YamlNode& node);

/// The text of `file`, or empty with "cannot read 'x.yaml': No such file or directory" at `place`.
std::optional<std::string> file_text(const std::string& file, const SourcePlace& place, Diagnostics& diagnostics);

/// The tree of `text`; `file` names it in every place. Empty when the text is not YAML; mistakes that leave a tree
/// (duplicate keys, merge keys) are reported and dropped.
std::optional<YamlNode> parse_document(const std::string& text, const std::string& file, Diagnostics& diagnostics);

}  // namespace gpuhours
