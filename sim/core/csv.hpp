#pragma once
// Comma-separated tables with a header row (RFC 4180: fields in double quotes may hold commas, line ends and doubled
// quotes; lines end in LF or CRLF; a byte order mark is skipped; empty lines are skipped).
// Input: a file (plain or gzip) or a text. Output: cells that know their place; every mistake becomes a diagnostic.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostic.hpp"

namespace gpuhours {

class CsvTable {
 public:
  /// A table whose rows all have as many fields as the header; a row that has not is reported and left out.
  static CsvTable from_text(std::string text, std::string file, Diagnostics& problems);
  static CsvTable from_file(const std::string& path, Diagnostics& problems);

  [[nodiscard]] std::size_t rows() const { return columns_.empty() ? 0 : cells_.size() / columns_.size(); }
  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
  /// Index of a column, or -1.
  [[nodiscard]] int column(std::string_view name) const;
  /// The same, reported as missing (with the nearest name as the hint) when it is not there.
  int needed_column(std::string_view name, Diagnostics& problems) const;

  /// The field without its quotes; empty for column -1.
  [[nodiscard]] std::string_view cell(std::size_t row, int column) const;
  [[nodiscard]] SourcePlace place(std::size_t row, int column) const;

  /// The finite number in a cell; a blank or malformed one is reported.
  std::optional<double> number(std::size_t row, int column, Diagnostics& problems) const;
  std::optional<std::int64_t> integer(std::size_t row, int column, Diagnostics& problems) const;
  /// `fallback` for a blank cell or column -1; a malformed one is reported and nothing is returned.
  std::optional<double> number_or(std::size_t row, int column, double fallback, Diagnostics& problems) const;
  std::optional<std::int64_t> integer_or(std::size_t row, int column, std::int64_t fallback,
                                         Diagnostics& problems) const;

 private:
  struct Cell {
    std::size_t begin = 0;  ///< in `content_`
    std::size_t size = 0;
    int line = 0;
    int column = 0;
  };
  friend class CsvScanner;

  [[nodiscard]] const Cell& at(std::size_t row, int column) const;
  [[nodiscard]] std::string_view source_line(int line) const;

  std::string file_;
  std::string text_;     ///< as read, for the source lines of messages
  std::string content_;  ///< fields one after another, unquoted
  std::vector<std::size_t> line_starts_;
  std::vector<std::string> columns_;
  std::vector<Cell> cells_;  ///< row by row
};

/// The finite decimal number that is the whole of `text`, or nothing.
std::optional<double> finite_number(std::string_view text);
/// The 64-bit whole number that is the whole of `text` ("4096", "4096.0" and "4.096e3" too), or nothing.
std::optional<std::int64_t> whole_number(std::string_view text);
/// The same for numbers of 32 bits.
std::optional<int> small_whole(std::string_view text);

}  // namespace gpuhours
