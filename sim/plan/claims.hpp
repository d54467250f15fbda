#pragma once
// Claims as scenarios. Input: files of scenarios/claims; output: figures, checks and verdict of each.
//   id, claim, source, verdict; words: text with {figure}s
//   runs:      - {label, scenario: FILE (relative), set: [path=value, ...]}
//   published: - {name, value, unit, label, source}            value: a number, K M B T allowed behind it
//   computed:  - {name, is: EXPRESSION, unit, label}           over figures above it and runs: v3.run.gpu_hours
//   checks:    - {that: COMPARISON, says: words}
// A run's values are the metrics of `estimate --format json`.

#include <optional>
#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "estimate/estimate.hpp"
#include "report/claims_report.hpp"

namespace gpuhours {

/// The files of `root`/scenarios/claims, sorted.
std::vector<std::string> claim_files(const std::string& root);

/// In the order of `files`; empty with every mistake in `diagnostics`. `overrides` are laid over every run.
std::optional<std::vector<ClaimOutcome>> claim_outcomes(const std::vector<std::string>& files,
                                                        const std::vector<std::string>& overrides,
                                                        const DataPaths& paths, int jobs, Diagnostics& diagnostics);

}  // namespace gpuhours
