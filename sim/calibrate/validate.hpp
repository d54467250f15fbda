#pragma once
// Predicted against published step times. Input: a table of runs (validation/README.md); output: a row a run that can
// be expressed, and the reason for every other.

#include <optional>
#include <string>
#include <vector>

#include "calibrate/published_run.hpp"
#include "core/diagnostic.hpp"
#include "estimate/estimate.hpp"
#include "report/validation_report.hpp"

namespace gpuhours {

struct ValidationOptions {
  std::vector<int> tiers{1, 2};      ///< rows of other tiers are passed over
  int jobs = 0;                      ///< threads, 0: one a core
  bool leave_one_group_out = false;  ///< each group is predicted with stack constants fitted without it
};

/// The estimate of one row; chooses a micro-batch where the row leaves it open and says so in `run.filled`.
std::optional<Estimate> published_estimate(RunScenario& run, const DataPaths& paths, Diagnostics& diagnostics);

/// A row with its estimate.
ValidationRow validation_row(const PublishedRun& run, const RunScenario& built, const Estimate& found);

/// Empty with errors in `diagnostics` when the table cannot be read.
std::optional<ValidationReport> validation(const std::string& csv, const ValidationOptions& options,
                                           const DataPaths& paths, Diagnostics& diagnostics);

}  // namespace gpuhours
