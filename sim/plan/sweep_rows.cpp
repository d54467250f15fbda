#include "plan/sweep_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <nlohmann/json.hpp>

#include "estimate/estimate.hpp"
#include "report/estimate_report.hpp"
#include "report/json_values.hpp"
#include "scenario/read_scenario.hpp"

namespace gpuhours {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kStatusNames[] = {"ok", "infeasible", "error"};

std::string_view status_name(PointStatus status) { return kStatusNames[static_cast<std::size_t>(status)]; }

/// What came of one point; `reason` says why there is no estimate.
struct PointOutcome {
  std::optional<Scenario> scenario;
  std::optional<Estimate> estimate;
  std::string reason;

  [[nodiscard]] PointStatus status() const {
    if (!estimate) return PointStatus::error;
    return estimate->memory.fits() ? PointStatus::ok : PointStatus::infeasible;
  }
};

/// Every error's message and hint, on one line.
std::string reasons(const Diagnostics& diagnostics) {
  std::string all;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.severity == Severity::warning) continue;
    if (!all.empty()) all += "; ";
    if (diagnostic.severity == Severity::fault) all += "internal fault: ";
    all += diagnostic.message;
    if (!diagnostic.hint.empty()) all += fmt::format(" ({})", diagnostic.hint);
  }
  return all;
}

PointOutcome outcome_of(const SweepDesign& design, const std::vector<std::string>& paths,
                        const std::vector<std::string>& values, const DataPaths& data) {
  PointOutcome outcome;
  Diagnostics diagnostics;
  std::vector<std::string> overrides = design.request.overrides;
  for (std::size_t i = 0; i < paths.size(); ++i) overrides.push_back(fmt::format("{}={}", paths[i], values[i]));
  try {
    outcome.scenario = read_scenario(design.request.file, overrides, data.root, diagnostics);
    if (outcome.scenario) outcome.estimate = estimate(*outcome.scenario, data, {}, diagnostics);
  } catch (const std::exception& fault) {
    outcome.estimate.reset();
    diagnostics.fault(fault.what());
  }
  outcome.reason = outcome.estimate ? "" : reasons(diagnostics);
  return outcome;
}

/// A cell without line ends: a row is one line.
std::string one_line(std::string cell) {
  std::replace_if(
      cell.begin(), cell.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return cell;
}

std::string csv_row(int point, const PointOutcome& outcome, const std::vector<std::string>& values) {
  std::vector<std::string> cells{fmt::format("{}", point), std::string(status_name(outcome.status())), outcome.reason};
  cells.insert(cells.end(), values.begin(), values.end());
  std::vector<std::string> metric_cells(csv_header().size());
  if (outcome.estimate) metric_cells = csv_cells({*outcome.scenario, *outcome.estimate});
  cells.insert(cells.end(), metric_cells.begin(), metric_cells.end());
  cells.emplace_back();  // the column whose name is the design
  for (std::string& cell : cells) cell = one_line(std::move(cell));
  return csv_line(cells);
}

std::string json_line(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";  // control characters are escaped
}

std::string json_row(int point, const PointOutcome& outcome, const std::vector<std::string>& paths,
                     const std::vector<std::string>& values) {
  Json row = {{"point", point}, {"status", status_name(outcome.status())}};
  row["error"] = outcome.estimate ? Json() : Json(outcome.reason);
  row["varied"] = Json::object();
  for (std::size_t i = 0; i < paths.size(); ++i) row["varied"][paths[i]] = values[i];
  if (outcome.estimate) {
    const Result result{*outcome.scenario, *outcome.estimate};
    for (const auto& metric : metrics()) json_at(row, metric.name) = json_of(metric.value(result));
  }
  return json_line(row);
}

/// The text of `line` between `before` and the next `end`, taken off its front; empty when it does not start so.
std::string_view field(std::string_view& line, std::string_view before, char end) {
  if (!line.starts_with(before)) return {};
  line.remove_prefix(before.size());
  const std::string_view found = line.substr(0, line.find(end));
  line.remove_prefix(found.size());
  return found;
}

}  // namespace

std::string sweep_header(const SweepDesign& design, const std::string& hash, SweepFormat format) {
  const std::vector<std::string> paths = SweepPoints(design).paths();
  if (format == SweepFormat::json_lines) {
    const Json sweep = {{"version", program_version()}, {"design", hash}, {"points", design.points}, {"varied", paths}};
    return json_line({{"sweep", sweep}});
  }
  std::vector<std::string> names{"point", "status", "error"};
  names.insert(names.end(), paths.begin(), paths.end());
  const std::vector<std::string> metric_names = csv_header();
  names.insert(names.end(), metric_names.begin(), metric_names.end());
  names.push_back(fmt::format("gpuhours-{}-design-{}", program_version(), hash));
  return csv_line(names);
}

SweepRow sweep_row(const SweepDesign& design, const SweepPoints& points, int point, const DataPaths& paths,
                   SweepFormat format) {
  const std::vector<std::string> values = points.values(point);
  const PointOutcome outcome = outcome_of(design, points.paths(), values, paths);
  return {
      point, outcome.status(),
      format == SweepFormat::csv ? csv_row(point, outcome, values) : json_row(point, outcome, points.paths(), values)};
}

SweepRow read_sweep_row(std::string_view line, SweepFormat format) {
  const bool csv = format == SweepFormat::csv;
  SweepRow row{-1, PointStatus::error, std::string(line)};
  const std::string_view number = field(line, csv ? "" : "{\"point\":", ',');
  const std::string_view status = field(line, csv ? "," : ",\"status\":\"", csv ? ',' : '"');
  const auto name = std::find(std::begin(kStatusNames), std::end(kStatusNames), status);
  int point = -1;
  const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), point);
  if (failure != std::errc() || end != number.data() + number.size() || name == std::end(kStatusNames)) return row;
  row.point = point;
  row.status = static_cast<PointStatus>(name - std::begin(kStatusNames));
  return row;
}

}  // namespace gpuhours
