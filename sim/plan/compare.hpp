#pragma once
// Several scenarios, or one scenario with some values varied, estimated side by side. Input: files, overrides,
// variations; output: an estimate a combination, in the order of the files and then of the values, the last variation
// fastest.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostic.hpp"
#include "estimate/estimate.hpp"
#include "report/compare_report.hpp"

namespace gpuhours {

/// `--vary cluster.gpu=h800_sxm,h100_sxm`.
struct Variation {
  std::string path;
  std::vector<std::string> values;
};

/// Splits at the first '=' and at commas outside brackets; empty with an error for a text of another form.
std::optional<Variation> variation(std::string_view text, Diagnostics& diagnostics);

/// One scenario to estimate.
struct ComparedCase {
  std::string label;  ///< file name without folder and .yaml (when there are several), then "gpu=h100_sxm ..."
  std::string file;
  std::vector<std::string> overrides;
};

std::vector<ComparedCase> compared_cases(const std::vector<std::string>& files,
                                         const std::vector<std::string>& overrides,
                                         const std::vector<Variation>& variations);

/// Empty with every mistake of every case, each once, in `diagnostics` when one cannot be estimated.
std::optional<std::vector<LabelledResult>> comparison(const std::vector<ComparedCase>& cases, const DataPaths& paths,
                                                      int jobs, Diagnostics& diagnostics);

}  // namespace gpuhours
