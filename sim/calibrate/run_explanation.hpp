#pragma once
// Where the time of one published run goes, as predicted: beside the measured time the floors, the parts of the step by
// pipeline rank, the kernels and communications that take most, and what was filled in. Input: a table of runs and an
// id; output: text.

#include <optional>
#include <string>

#include "core/diagnostic.hpp"
#include "estimate/estimate.hpp"
#include "report/text_table.hpp"

namespace gpuhours {

/// Empty with errors in `diagnostics` when the table cannot be read, has no such row, or the row cannot be expressed.
std::optional<std::string> run_explanation(const std::string& csv, const std::string& id, const DataPaths& paths,
                                           TextStyle style, Diagnostics& diagnostics);

}  // namespace gpuhours
