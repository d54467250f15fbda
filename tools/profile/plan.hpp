// The plan: a CSV file that says which operators to measure, one a row. See README.md for its columns.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gpuhours::profile {

/// Columns of a plan, in the order in which measurements repeat them.
enum class Column : std::uint8_t {
  kId,
  kOp,
  kDirection,
  kDtype,
  kM,
  kN,
  kK,
  kGroups,
  kBatch,
  kHeads,
  kKvHeads,
  kHeadDimQk,
  kHeadDimV,
  kSeq,
  kCausal,
  kRows,
  kCols,
  kElements,
  kNote,
};
inline constexpr std::size_t kColumns = 19;
inline constexpr std::array<std::string_view, kColumns> kColumnNames = {
    "id",       "op",          "direction",  "dtype", "m",      "n",    "k",    "groups",   "batch", "heads",
    "kv_heads", "head_dim_qk", "head_dim_v", "seq",   "causal", "rows", "cols", "elements", "note"};

/// One row: its text as written, and its whole numbers (0 where empty).
struct PlanRow {
  std::array<std::string, kColumns> text;
  std::array<std::int64_t, kColumns> number{};
  std::vector<std::int64_t> group_rows;  ///< of a grouped GEMM: the rows of each group; they add up to m (wgrad: k)

  const std::string& operator[](Column column) const { return text[static_cast<std::size_t>(column)]; }
  std::int64_t at(Column column) const { return number[static_cast<std::size_t>(column)]; }
  const std::string& op() const { return (*this)[Column::kOp]; }
  const std::string& direction() const { return (*this)[Column::kDirection]; }
  const std::string& dtype() const { return (*this)[Column::kDtype]; }
};

/// A mistake in a plan, at a place counted from 1.
struct Diagnostic {
  int line = 0;
  int column = 0;
  std::string message;
  std::string source;  ///< the line it stands in
};

struct Plan {
  std::vector<PlanRow> rows;
  std::vector<Diagnostic> errors;  ///< every mistake of the file; rows count only where this is empty
};

/// Reads a plan's text; all mistakes come out together.
Plan parse_plan(std::string_view text);

/// "file:line:column: error: message", the line and a caret under the place.
std::string to_string(const Diagnostic& diagnostic, std::string_view file);

/// The text as one CSV field, quoted where it must be.
std::string csv_field(std::string_view text);

}  // namespace gpuhours::profile
