#pragma once
// A tree -> a struct through its key declarations. Every mistake is reported: unknown and missing keys, wrong types,
// units and ranges. A value that is wrong leaves the default in place.

#include <string>
#include <vector>

#include "scenario/document.hpp"
#include "scenario/keys.hpp"

namespace gpuhours {

/// Reports that `key`, written at `place`, is none of `known`; `owner` is the path of its map, empty at the top.
void report_unknown_key(const SourcePlace& place, const std::string& key, const std::string& owner,
                        const std::vector<std::string>& known, Diagnostics& diagnostics);

class Reader : public KeyVisitor {
 public:
  /// Reads `map`, which stands at `path` (empty: a whole file) and belongs to the key at `place`.
  Reader(const YamlNode& map, std::string path, SourcePlace place, Diagnostics& diagnostics);

  /// After the last key: reports the keys of the outermost map that no declaration asked for.
  void finish();

  void leaf(const KeyInfo& key, const ValueType& type, Value& value) override;
  bool begin_map(const KeyInfo& key, const CatalogueFolder* catalogue, bool present) override;
  void end_map() override;
  std::size_t begin_list(const KeyInfo& key, std::size_t size) override;
  void begin_item(std::size_t index) override;
  void end_item() override;
  void end_list() override { lists_.pop_back(); }

 private:
  struct Open {
    const YamlNode* map;
    std::string path;
    SourcePlace place;
    std::vector<std::string> known;
  };

  const YamlEntry* entry(const KeyInfo& key);
  [[nodiscard]] std::string path_of(std::string_view key) const;

  std::vector<Open> open_;
  std::vector<const YamlEntry*> lists_;
  Diagnostics& diagnostics_;
};

/// Fills `object` from `map`.
template <class Struct>
void read_struct(Struct& object, const YamlNode& map, const std::string& path, const SourcePlace& place,
                 Diagnostics& diagnostics) {
  Reader reader(map, path, place, diagnostics);
  Keys keys(reader);
  describe(keys, object);
  reader.finish();
}

}  // namespace gpuhours
