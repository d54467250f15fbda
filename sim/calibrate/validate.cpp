#include "calibrate/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "calibrate/fill_layout.hpp"
#include "calibrate/published_run.hpp"
#include "plan/parallel.hpp"

namespace gpuhours {
namespace {

using Outcome = std::variant<RefusedRow, ValidationRow>;

RefusedRow refused(const PublishedRun& run, std::string reason) { return {run.at("id"), std::move(reason)}; }

std::string reason(const Diagnostics& diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.severity == Severity::error) return diagnostic.message;
  }
  return "no estimate";
}

Outcome outcome(const PublishedRun& run, const ValidationMap& map, const DataPaths& paths) {
  const std::optional<double> measured = finite_number(run.at("step_time_s"));
  if (!measured || *measured <= 0) return refused(run, "no step time");
  RunScenario built = run_scenario(run, map, paths.root);
  if (!built.scenario) return refused(run, built.refusal);
  Diagnostics diagnostics;
  fill_open_layout(built);
  const std::optional<Estimate> found = estimate(*built.scenario, paths, {}, diagnostics);
  if (!found) return refused(run, reason(diagnostics));
  ValidationRow row;
  row.id = run.at("id");
  row.group = run.group();
  row.measured = Seconds(*measured);
  row.predicted = found->step.time;
  row.interval = found->step_time_interval;
  row.guessed_share = found->provenance.guessed_share;
  row.fits = found->memory.fits();
  row.filled = built.filled;
  return row;
}

bool chosen(const PublishedRun& run, const std::vector<int>& tiers) {
  const auto tier = whole_number(run.at("tier"));
  return tier && std::find(tiers.begin(), tiers.end(), static_cast<int>(*tier)) != tiers.end();
}

}  // namespace

std::optional<ValidationReport> validation(const std::string& csv, const ValidationOptions& options,
                                           const DataPaths& paths, Diagnostics& diagnostics) {
  const CsvTable table = CsvTable::from_file(csv, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  std::vector<PublishedRun> runs = published_runs(table, diagnostics);
  const ValidationMap map = validation_map(paths.root, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  std::erase_if(runs, [&](const PublishedRun& run) { return !chosen(run, options.tiers); });

  std::vector<Outcome> outcomes(runs.size());
  for_each_index(static_cast<int>(runs.size()), options.jobs, [&](int i) {
    const auto at = static_cast<std::size_t>(i);
    outcomes[at] = outcome(runs[at], map, paths);
  });
  ValidationReport report;
  for (Outcome& one : outcomes) {
    if (auto* row = std::get_if<ValidationRow>(&one)) {
      report.rows.push_back(std::move(*row));
    } else {
      report.refused.push_back(std::move(std::get<RefusedRow>(one)));
    }
  }
  return report;
}

}  // namespace gpuhours
