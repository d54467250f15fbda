#pragma once
// One axis of a sweep from its text, checked against the keys of a scenario.

#include <optional>
#include <string>

#include "plan/sweep_design.hpp"
#include "scenario/key_tree.hpp"

namespace gpuhours {

class AxisReader {
 public:
  AxisReader(const YamlNode& document, const KeyNode& keys, std::string root)
      : document_(document), keys_(keys), root_(std::move(root)) {}

  /// "path=a,b"; every value has been read as the key's type.
  std::optional<Variation> choices(const std::string& text, Diagnostics& diagnostics) const;
  /// "path=low:high" or "path=low:high:log".
  std::optional<SweepRange> range(const std::string& text, Diagnostics& diagnostics) const;

 private:
  /// False after an error: `path` leads nowhere, or `value` is not one that stands there. `flag` names the option.
  bool check(const std::string& flag, const std::string& path, const std::string& value,
             Diagnostics& diagnostics) const;
  /// The declaration at `path`, null when there is none.
  [[nodiscard]] const KeyNode* declaration(const std::string& path) const;

  const YamlNode& document_;
  const KeyNode& keys_;
  std::string root_;
};

}  // namespace gpuhours
