#pragma once
// An estimate for people (text), for scripts (JSON as in DESIGN 3.3) and for spreadsheets (CSV: one row, every metric
// that is one value). An infeasible result is written in full and marked.

#include <string>
#include <vector>

#include "report/metrics.hpp"
#include "report/text_table.hpp"

namespace gpuhours {

/// "DeepSeek-V3 on 2,048 H800: 2.71 M GPU hours, 55.1 days, $5.42 M".
std::string summary_line(const Result& result);
/// "does not fit: 93.1 GiB of 80.0 GiB on rank 3; would fit with training.recompute: full", empty when feasible.
std::string infeasible_line(const Result& result);

/// Label and value of each metric named; those without a value are left out.
std::string metric_lines(const Result& result, const std::vector<std::string_view>& names);
/// The tree of costs, and what it rests on.
std::string cost_section(const Result& result, TextStyle style);
std::string cost_tree_text(const CostEstimate& cost, TextStyle style);
/// How much of the kernel time rests on measured, interpolated and guessed laws, and the guesses that matter most.
std::string provenance_section(const Result& result, TextStyle style);
std::string estimate_text(const Result& result, TextStyle style);
std::string estimate_json(const Result& result);
std::string estimate_csv(const Result& result);

/// Cells of one CSV row, an interval giving two; header alike.
std::vector<std::string> csv_header();
std::vector<std::string> csv_cells(const Result& result);
/// A value as a CSV cell: numbers in full, nothing for null.
std::string csv_cell(const MetricValue& value);
/// Joined by commas, quoted where needed (RFC 4180), with a line feed.
std::string csv_line(const std::vector<std::string>& cells);

}  // namespace gpuhours
