#include "calibrate/compact_runs.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "calibrate/published_run.hpp"
#include "report/estimate_report.hpp"

namespace gpuhours {
namespace {

/// Kept beside what a row's scenario needs.
constexpr auto kAlsoKept = std::to_array<std::string_view>({"source", "url_or_path", "fsdp_group"});

bool kept_column(std::string_view column) {
  const auto needed = run_columns();
  return std::find(needed.begin(), needed.end(), column) != needed.end() ||
         std::find(kAlsoKept.begin(), kAlsoKept.end(), column) != kAlsoKept.end();
}

/// What published_run.cpp and published_layout.cpp read in notes: whether MTP was trained, where the layers sit, what
/// CUDA graphs hold, whether exchanges hide, which columns their source inferred.
constexpr auto kRead =
    std::to_array<std::string_view>({"MTP", "pp_layout", "cuda graph", "EP all-to-all overlapped", "inferred:"});

/// The phrases of the notes that say what ran.
std::string kept_notes(std::string_view notes) {
  std::string out;
  while (!notes.empty()) {
    const std::size_t end = std::min(notes.find(';'), notes.size());
    std::string_view phrase = notes.substr(0, end);
    notes.remove_prefix(std::min(end + 1, notes.size()));
    while (phrase.starts_with(' ')) phrase.remove_prefix(1);
    const bool kept = std::any_of(kRead.begin(), kRead.end(),
                                  [&](std::string_view word) { return phrase.find(word) != std::string_view::npos; });
    if (!kept) continue;
    if (!out.empty()) out += "; ";
    out += phrase;
  }
  return out;
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
      cells.push_back(column == "notes" ? kept_notes(cell) : std::string(cell));
    }
    out += csv_line(cells);
  }
  return out;
}

}  // namespace gpuhours
