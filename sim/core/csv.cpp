#include "core/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>

#include "core/checked.hpp"
#include "core/input_file.hpp"

namespace gpuhours {

/// Walks over the text once and fills a table.
class CsvScanner {
 public:
  CsvScanner(CsvTable& table, Diagnostics& problems) : table_(table), text_(table.text_), problems_(problems) {}

  void scan() {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") position_ = 3;
    line_start_ = position_;
    table_.line_starts_.push_back(line_start_);
    while (position_ < text_.size()) scan_row();
    if (table_.columns_.empty() && !problems_.has_errors())
      problems_.error({table_.file_, 0, 0, ""}, "no header row: the table is empty");
  }

 private:
  using Cell = CsvTable::Cell;

  [[nodiscard]] int column_here() const { return static_cast<int>(position_ - line_start_) + 1; }

  void error_at(int line, int column, std::string message) {
    problems_.error(place_in_line(table_.file_, line, column, table_.source_line(line)), std::move(message));
  }

  void next_line() {
    ++line_;
    line_start_ = position_;
    table_.line_starts_.push_back(line_start_);
  }

  [[nodiscard]] bool at_line_end() const {
    return text_[position_] == '\n' ||
           (text_[position_] == '\r' && position_ + 1 < text_.size() && text_[position_ + 1] == '\n');
  }

  void pass_line_end() {
    if (position_ >= text_.size()) return;
    position_ += text_[position_] == '\r' ? 2 : 1;
    next_line();
  }

  void scan_row() {
    row_.clear();
    const int row_line = line_;
    if (at_line_end()) return pass_line_end();
    for (;;) {
      row_.push_back(scan_field());
      if (position_ >= text_.size() || at_line_end()) break;
      ++position_;  // the comma
      if (position_ >= text_.size()) {
        row_.push_back({table_.content_.size(), 0, line_, column_here()});
        break;
      }
    }
    pass_line_end();
    keep_row(row_line);
  }

  Cell scan_field() {
    Cell cell{table_.content_.size(), 0, line_, column_here()};
    if (position_ < text_.size() && text_[position_] == '"') {
      scan_quoted(cell);
    } else {
      const std::size_t begin = position_;
      while (position_ < text_.size() && text_[position_] != ',' && !at_line_end()) ++position_;
      table_.content_.append(text_.substr(begin, position_ - begin));
    }
    cell.size = table_.content_.size() - cell.begin;
    return cell;
  }

  void scan_quoted(const Cell& cell) {
    ++position_;
    for (;;) {
      if (position_ >= text_.size()) return error_at(cell.line, cell.column, "quoted field is never closed");
      const char c = text_[position_++];
      if (c == '"') {
        if (position_ >= text_.size() || text_[position_] != '"') break;
        ++position_;
      }
      table_.content_ += c;
      if (c == '\n') next_line();
    }
    if (position_ >= text_.size() || text_[position_] == ',' || at_line_end()) return;
    error_at(line_, column_here(), "text after the closing quote");
    while (position_ < text_.size() && text_[position_] != ',' && !at_line_end()) ++position_;
  }

  void keep_row(int row_line) {
    if (table_.columns_.empty()) return keep_header(row_line);
    if (row_.size() == table_.columns_.size()) {
      table_.cells_.insert(table_.cells_.end(), row_.begin(), row_.end());
      return;
    }
    error_at(row_line, 1,
             fmt::format("{} field{} where the header has {}", row_.size(), row_.size() == 1 ? "" : "s",
                         table_.columns_.size()));
  }

  void keep_header(int row_line) {
    for (const Cell& cell : row_) {
      std::string name = table_.content_.substr(cell.begin, cell.size);
      if (std::find(table_.columns_.begin(), table_.columns_.end(), name) != table_.columns_.end())
        error_at(row_line, cell.column, fmt::format("column '{}' appears twice", name));
      table_.columns_.push_back(std::move(name));
    }
  }

  CsvTable& table_;
  std::string_view text_;
  Diagnostics& problems_;
  std::size_t position_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 1;
  std::vector<Cell> row_;
};

CsvTable CsvTable::from_text(std::string text, std::string file, Diagnostics& problems) {
  CsvTable table;
  table.file_ = std::move(file);
  table.text_ = std::move(text);
  if (table.text_.find('\0') != std::string::npos) {
    problems.error({table.file_, 0, 0, ""}, "not a text file: it holds a NUL byte");
    return table;
  }
  CsvScanner(table, problems).scan();
  return table;
}

CsvTable CsvTable::from_file(const std::string& path, Diagnostics& problems) {
  std::string failure;
  std::string text = file_content(path, failure);
  if (!failure.empty()) {
    problems.error({path, 0, 0, ""}, failure);
    return {};
  }
  return from_text(std::move(text), path, problems);
}

int CsvTable::column(std::string_view name) const {
  const auto found = std::find(columns_.begin(), columns_.end(), name);
  return found == columns_.end() ? -1 : static_cast<int>(found - columns_.begin());
}

int CsvTable::needed_column(std::string_view name, Diagnostics& problems) const {
  const int index = column(name);
  if (index >= 0) return index;
  const std::string near = nearest(name, columns_);
  problems.error(place_in_line(file_, 1, 1, source_line(1)), fmt::format("column '{}' is missing", name),
                 near.empty() ? "" : fmt::format("did you mean '{}'?", near));
  return -1;
}

const CsvTable::Cell& CsvTable::at(std::size_t row, int column) const {
  assert(row < rows() && column >= 0 && static_cast<std::size_t>(column) < columns_.size());
  return cells_[row * columns_.size() + static_cast<std::size_t>(column)];
}

std::string_view CsvTable::cell(std::size_t row, int column) const {
  if (column < 0) return {};
  const Cell& found = at(row, column);
  return std::string_view(content_).substr(found.begin, found.size);
}

SourcePlace CsvTable::place(std::size_t row, int column) const {
  const Cell& found = at(row, std::max(column, 0));
  return place_in_line(file_, found.line, found.column, source_line(found.line));
}

std::string_view CsvTable::source_line(int line) const {
  if (line < 1 || static_cast<std::size_t>(line) > line_starts_.size()) return {};
  const std::size_t begin = line_starts_[static_cast<std::size_t>(line) - 1];
  std::size_t end = std::min(text_.find('\n', begin), text_.size());
  if (end > begin && text_[end - 1] == '\r') --end;
  return std::string_view(text_).substr(begin, end - begin);
}

namespace {

std::string fault(std::string_view text, std::string_view wanted) {
  return text.empty() ? fmt::format("empty field where {} belongs", wanted)
                      : fmt::format("'{}' is not {}", text, wanted);
}

}  // namespace

std::optional<double> CsvTable::number(std::size_t row, int column, Diagnostics& problems) const {
  const std::string_view text = cell(row, column);
  const std::optional<double> value = finite_number(text);
  if (!value) problems.error(place(row, column), fault(text, "a finite number"));
  return value;
}

std::optional<std::int64_t> CsvTable::integer(std::size_t row, int column, Diagnostics& problems) const {
  const std::string_view text = cell(row, column);
  const std::optional<std::int64_t> value = whole_number(text);
  if (!value) problems.error(place(row, column), fault(text, "a whole number"));
  return value;
}

std::optional<double> CsvTable::number_or(std::size_t row, int column, double fallback, Diagnostics& problems) const {
  return cell(row, column).empty() ? fallback : number(row, column, problems);
}

std::optional<std::int64_t> CsvTable::integer_or(std::size_t row, int column, std::int64_t fallback,
                                                 Diagnostics& problems) const {
  return cell(row, column).empty() ? fallback : integer(row, column, problems);
}

std::optional<double> finite_number(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault == std::errc() && end == text.data() + text.size()) return value;
  const std::optional<double> real = finite_number(text);
  if (!real || std::abs(*real) > 9007199254740992.0) return std::nullopt;  // beyond 2^53 digits are lost
  return exact_whole<std::int64_t>(*real);
}

std::optional<int> small_whole(std::string_view text) {
  const std::optional<std::int64_t> value = whole_number(text);
  return value ? narrowed<int>(*value) : std::nullopt;
}

}  // namespace gpuhours
