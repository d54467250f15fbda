#pragma once
// Predicted against published step times. Input: a table of runs (validation/README.md); output: a row a run that can
// be expressed, and the reason for every other.

#include <optional>
#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "estimate/estimate.hpp"
#include "report/validation_report.hpp"

namespace gpuhours {

struct ValidationOptions {
  std::vector<int> tiers{1, 2};  ///< rows of other tiers are passed over
  int jobs = 0;                  ///< threads, 0: one a core
};

/// Empty with errors in `diagnostics` when the table cannot be read.
std::optional<ValidationReport> validation(const std::string& csv, const ValidationOptions& options,
                                           const DataPaths& paths, Diagnostics& diagnostics);

}  // namespace gpuhours
