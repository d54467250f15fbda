#pragma once
// Which scenarios a comparison estimates. Input: files, overrides, variations; output: a case a combination, in the
// order of the files and then of the values, the last variation fastest.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostic.hpp"

namespace gpuhours {

/// `--vary cluster.gpu=h800_sxm,h100_sxm`.
struct Variation {
  std::string path;
  std::vector<std::string> values;
};

/// Splits at the first '=' and at commas outside brackets; empty with an error for a text of another form.
std::optional<Variation> variation(std::string_view text, Diagnostics& diagnostics);

/// All of `texts`; a key that no scenario has, a value that is missing and a path that is varied twice are errors too.
std::vector<Variation> variations(const std::vector<std::string>& texts, Diagnostics& diagnostics);

/// One scenario to estimate.
struct ComparedCase {
  std::string label;  ///< file name without folder and .yaml (when there are several), then "gpu=h100_sxm ..."
  std::string file;
  std::vector<std::string> overrides;  ///< those in common, then one a variation
  std::vector<std::string> varied;     ///< paths of the variations
};

/// Labels name a path by its last word, by all of it where two paths end alike.
std::vector<ComparedCase> compared_cases(const std::vector<std::string>& files,
                                         const std::vector<std::string>& overrides,
                                         const std::vector<Variation>& variations);

}  // namespace gpuhours
