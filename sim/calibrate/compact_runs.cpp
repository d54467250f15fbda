#include "calibrate/compact_runs.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "calibrate/published_run.hpp"
#include "report/estimate_report.hpp"

namespace gpuhours {
namespace {

/// Kept beside what a row's scenario needs.
constexpr auto kAlsoKept = std::to_array<std::string_view>({"source", "url_or_path"});

bool kept_column(std::string_view column) {
  const auto holds = [&](auto list) { return std::find(list.begin(), list.end(), column) != list.end(); };
  return holds(run_columns()) || holds(optional_run_columns()) || holds(std::span<const std::string_view>(kAlsoKept));
}

}  // namespace

std::string compact_runs(const CsvTable& table, const std::set<std::string>& left_out) {
  std::vector<std::string> header;
  for (const std::string& column : table.columns()) {
    if (kept_column(column)) header.push_back(column);
  }
  std::string out = csv_line(header);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (left_out.contains(std::string(table.cell(row, table.column("id"))))) continue;
    std::vector<std::string> cells;
    for (const std::string& column : header) {
      const std::string_view cell = table.cell(row, table.column(column));
      cells.emplace_back(cell);
    }
    out += csv_line(cells);
  }
  return out;
}

}  // namespace gpuhours
