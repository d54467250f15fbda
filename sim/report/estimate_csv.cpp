#include <fmt/format.h>

#include "report/estimate_report.hpp"

namespace gpuhours {
namespace {

/// The shortest text that reads back as the same number.
std::string exact_text(double value) { return fmt::format("{}", value); }

bool is_interval(std::string_view name) { return name.starts_with("interval."); }

}  // namespace

std::string csv_cell(const MetricValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *whole);
  if (const auto* number = std::get_if<double>(&value)) return exact_text(*number);
  if (const auto* words = std::get_if<std::string>(&value)) return *words;
  return {};
}

std::vector<std::string> csv_header() {
  std::vector<std::string> header;
  for (const auto& metric : metrics()) {
    if (is_interval(metric.name)) {
      header.push_back(fmt::format("{}.p10", metric.name));
      header.push_back(fmt::format("{}.p90", metric.name));
    } else {
      header.emplace_back(metric.name);
    }
  }
  return header;
}

std::vector<std::string> csv_cells(const Result& result) {
  std::vector<std::string> cells;
  for (const auto& metric : metrics()) {
    const MetricValue value = metric.value(result);
    if (!is_interval(metric.name)) {
      cells.push_back(csv_cell(value));
      continue;
    }
    const auto* ends = std::get_if<std::array<double, 2>>(&value);
    cells.push_back(ends != nullptr ? exact_text((*ends)[0]) : "");
    cells.push_back(ends != nullptr ? exact_text((*ends)[1]) : "");
  }
  return cells;
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += ',';
    if (cells[i].find_first_of(",\"\r\n") == std::string::npos) {
      line += cells[i];
      continue;
    }
    line += '"';
    for (const char c : cells[i]) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    line += '"';
  }
  return line + "\n";
}

std::string estimate_csv(const Result& result) { return csv_line(csv_header()) + csv_line(csv_cells(result)); }

}  // namespace gpuhours
