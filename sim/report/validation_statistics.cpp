#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "report/validation_report.hpp"

namespace gpuhours {
namespace {

/// The value below which `share` of the sorted values lie, between neighbours in proportion (R's type 7).
double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

/// The mean error of the rows of one point.
struct Point {
  double error = 0;
  int rows = 0;
};

ErrorStatistics statistics(const ValidationReport& report, const std::function<bool(const ValidationRow&)>& counts) {
  ErrorStatistics out;
  std::map<std::string, Point> points;
  int with_interval = 0;
  int inside = 0;
  for (const ValidationRow& row : report.rows) {
    if (!counts(row)) continue;
    ++out.rows;
    Point& point = points[row.point()];
    point.error += row.error();
    ++point.rows;
    if (!row.interval) continue;
    ++with_interval;
    if (row.interval->p10 <= row.measured.value() && row.measured.value() <= row.interval->p90) ++inside;
  }
  if (points.empty()) return out;
  out.points = static_cast<int>(points.size());
  std::vector<double> sizes;
  for (const auto& [key, point] : points) {
    const double error = point.error / point.rows;
    sizes.push_back(std::abs(error));
    out.mape += std::abs(error) / out.points;
    out.bias += error / out.points;
    if (std::abs(error) > std::abs(out.worst)) out.worst = error;
  }
  std::sort(sizes.begin(), sizes.end());
  out.median = quantile(sizes, 0.5);
  out.p90 = quantile(sizes, 0.9);
  out.p95 = quantile(sizes, 0.95);
  if (with_interval > 0) out.inside_80 = static_cast<double>(inside) / with_interval;
  return out;
}

std::vector<ErrorStatistics> statistics_by(const ValidationReport& report, const RowClass& row_class, bool weak) {
  std::set<std::string> classes;
  for (const ValidationRow& row : report.rows) {
    if (row.weak() == weak) classes.insert(row_class(row));
  }
  classes.erase("");
  std::vector<ErrorStatistics> out;
  for (const std::string& one : classes) {
    out.push_back(
        statistics(report, [&](const ValidationRow& row) { return row.weak() == weak && row_class(row) == one; }));
    out.back().group = one;
  }
  return out;
}

}  // namespace

std::string ValidationRow::point() const {
  if (layout.empty()) return id;
  return fmt::format("{}|{}|{}|{}|{}|{}|{}", family, model, gpu, gpus, precision, global_batch, layout);
}

std::string group_of(const ValidationRow& row) { return row.group; }

std::string stack_of(const ValidationRow& row) { return row.stack; }

std::string family_of(const ValidationRow& row) { return fmt::format("{} {} {}", row.stack, row.release, row.gpu); }

std::string format_of(const ValidationRow& row) { return row.precision.starts_with("fp8") ? "fp8" : row.precision; }

std::string hardware_class_of(const ValidationRow& row) {
  return fmt::format("{} {} {}", row.generation, row.mixture ? "MoE" : "dense", format_of(row));
}

ErrorStatistics error_statistics(const ValidationReport& report) {
  return statistics(report, [](const ValidationRow& row) { return !row.weak(); });
}

ErrorStatistics tier_3_statistics(const ValidationReport& report) {
  ErrorStatistics out = statistics(report, [](const ValidationRow& row) { return row.weak(); });
  out.group = "tier 3";
  return out;
}

std::vector<ErrorStatistics> statistics_by(const ValidationReport& report, const RowClass& row_class) {
  return statistics_by(report, row_class, false);
}

std::vector<ErrorStatistics> tier_3_families(const ValidationReport& report) {
  return statistics_by(report, family_of, true);
}

}  // namespace gpuhours
