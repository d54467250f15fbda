#pragma once
// Files, includes and catalogue references -> one tree.
// Any map may say `extends: FILE` and `include: FILE` (relative to the file it stands in); the file's map is the base,
// `include` goes over `extends`, the map's own keys over both: maps merge key by key, lists and single values replace.
// Where a scenario refers to the catalogue (catalogue_folders()) a value may be an id or a file, and `extends` too. A
// word is a file when it ends in .yaml or .yml or holds a '/'.

#include <optional>
#include <string>
#include <vector>

#include "scenario/catalogue.hpp"
#include "scenario/document.hpp"

namespace gpuhours {

/// `over` laid over `base`. At the place of a catalogue reference, a map over an id extends that id.
YamlNode merged(YamlNode base, YamlNode over, const std::string& key_path);

/// Whether a stack gets what was fitted for it (calibration/stacks/fits/ID.yaml) laid over its profile.
enum class StackFits { merged, ignored };

class Resolver {
 public:
  Resolver(std::string root, Diagnostics& diagnostics, StackFits fits = StackFits::merged)
      : root_(std::move(root)), diagnostics_(diagnostics), fits_(fits) {}

  /// `file` with its file references followed; catalogue ids stay, so that overrides can change them.
  std::optional<YamlNode> scenario(const std::string& file);

  /// The same for `text`, which is called `file`.
  std::optional<YamlNode> scenario_text(const std::string& text, const std::string& file);

  /// Follows the file references in `node`, which stands at `key_path` in a file of `folder`.
  void follow_files(YamlNode& node, const std::string& key_path, const std::string& folder);

  /// Replaces every catalogue reference of a scenario by the entry, and gives a cluster without a node its GPU's. A
  /// reference that fails is reported and stays a single value.
  void follow_ids(YamlNode& scenario);

  /// The entry that `reference` (an id, or a map with `extends`) means, with the map's own keys laid over it.
  std::optional<YamlNode> entry(const CatalogueFolder& folder, YamlNode reference);

 private:
  /// A file on the way from the scenario to the current place.
  using Chain = std::vector<std::string>;

  void follow(YamlNode& node, const std::string& key_path, const std::string& folder, const Chain& chain);
  void follow_map(YamlNode& map, const std::string& key_path, const std::string& folder, const Chain& chain);
  std::optional<YamlNode> load(const std::string& file, const SourcePlace& place, const std::string& key_path,
                               const Chain& chain);
  std::optional<YamlNode> entry(const CatalogueFolder& folder, YamlNode reference, const Chain& chain);
  std::optional<YamlNode> load_id(const CatalogueFolder& folder, const YamlNode& id, const Chain& chain);
  std::optional<YamlNode> tree(const std::string& text, const std::string& file, const std::string& key_path,
                               const Chain& chain);
  /// Counts a file that has been read; false after an error where that was one too many.
  bool within_limits(const std::string& file, const SourcePlace& place, std::size_t depth, std::size_t bytes);
  bool on_chain(const std::string& file, const SourcePlace& place, const Chain& chain);
  void follow_id_at(YamlNode& parent, const CatalogueFolder& folder, const std::string& key);
  static void add_default_node(YamlNode& cluster);
  void lay_fit_over(const YamlNode& id, YamlNode& stack);

  std::string root_;
  Diagnostics& diagnostics_;
  StackFits fits_;
  int files_ = 0;          ///< read so far
  std::size_t bytes_ = 0;  ///< of them
  int nodes_ = 0;
  bool over_ = false;  ///< a limit has been met, and said
};

}  // namespace gpuhours
