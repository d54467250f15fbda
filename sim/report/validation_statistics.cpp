#include <algorithm>
#include <cmath>
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

}  // namespace

ErrorStatistics error_statistics(const ValidationReport& report, const std::string& group) {
  ErrorStatistics out;
  out.group = group;
  std::vector<double> sizes;
  int with_interval = 0;
  int inside = 0;
  for (const ValidationRow& row : report.rows) {
    if (!group.empty() && row.group != group) continue;
    const double error = row.error();
    sizes.push_back(std::abs(error));
    out.mape += std::abs(error);
    out.bias += error;
    if (std::abs(error) > std::abs(out.worst)) out.worst = error;
    if (!row.interval) continue;
    ++with_interval;
    if (row.interval->p10 <= row.measured.value() && row.measured.value() <= row.interval->p90) ++inside;
  }
  out.rows = static_cast<int>(sizes.size());
  if (out.rows == 0) return out;
  std::sort(sizes.begin(), sizes.end());
  out.mape /= out.rows;
  out.bias /= out.rows;
  out.median = quantile(sizes, 0.5);
  out.p90 = quantile(sizes, 0.9);
  if (with_interval > 0) out.inside_80 = static_cast<double>(inside) / with_interval;
  return out;
}

std::vector<ErrorStatistics> group_statistics(const ValidationReport& report) {
  std::set<std::string> groups;
  for (const ValidationRow& row : report.rows) groups.insert(row.group);
  std::vector<ErrorStatistics> out;
  for (const std::string& group : groups) out.push_back(error_statistics(report, group));
  return out;
}

}  // namespace gpuhours
