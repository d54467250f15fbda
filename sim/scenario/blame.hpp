#pragma once
// Which written value a rule over several keys points at.

#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "scenario/document.hpp"

namespace gpuhours {

bool same_place(const SourcePlace& a, const SourcePlace& b);

class Blame {
 public:
  /// `found` holds what reading has reported; errors that are added later do not count.
  Blame(const YamlNode& document, const Diagnostics& found) : document_(document), read_(found) {}

  /// No value that the rule reads has been reported already, so that the rule may speak.
  [[nodiscard]] bool clean(const std::vector<std::string>& key_paths) const;

  /// The place of the first of `key_paths` that is written, an override (of the key or of a map around it) before all;
  /// when none is written, the key of the map around the first.
  [[nodiscard]] SourcePlace place(const std::vector<std::string>& key_paths) const;

 private:
  const YamlNode& document_;
  Diagnostics read_;
};

}  // namespace gpuhours
