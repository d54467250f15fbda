#include "calibrate/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <variant>

#include "calibrate/fill_layout.hpp"
#include "calibrate/published_run.hpp"
#include "calibrate/stack_calibration.hpp"
#include "calibrate/stack_constants.hpp"
#include "plan/parallel.hpp"
#include "scenario/catalogue.hpp"

namespace gpuhours {
namespace {

using Outcome = std::variant<RefusedRow, ValidationRow>;

RefusedRow refused(const PublishedRun& run, std::string reason) { return {run.at("id"), std::move(reason)}; }

std::string reason(const Diagnostics& diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.severity != Severity::warning) return diagnostic.message;
  }
  return "no estimate";
}

/// Sizes and choices of a run other than those that ValidationRow holds by themselves, in one line.
std::string layout_text(const PublishedRun& run) {
  std::string out;
  for (const std::string_view column : {"seq_len", "mbs", "tp", "pp", "vpp", "cp", "ep", "etp", "zero_stage", "fsdp",
                                        "fsdp_group", "sequence_parallel", "recompute", "recompute_detail", "schedule",
                                        "moe_dispatcher", "router_balance", "cuda_graphs", "truncated_layers"}) {
    if (!run.blank(column)) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", column, run.at(column));
  }
  return out;
}

/// What predicts a row without its group, by stack profile.
struct LeftOut {
  std::map<std::string, StackCalibration> fits;
  std::map<std::string, Stack> profiles;  ///< not fitted at all, where the table has too few groups
  std::vector<std::string> notes;

  [[nodiscard]] Stack stack(const std::string& profile, const std::string& group, const Stack& whole) const {
    if (const auto fit = fits.find(profile); fit != fits.end()) return without_class(fit->second, group, whole);
    const auto unfitted = profiles.find(profile);
    return unfitted == profiles.end() ? whole : with_constants_of(unfitted->second, whole);
  }

 private:
  static Stack with_constants_of(const Stack& profile, Stack stack) {
    for (const std::string& constant : constant_names()) {
      set_constant(constant, constant_value(profile, constant), stack);
    }
    stack.step_error = profile.step_error;
    stack.fit.reset();
    return stack;
  }
};

Outcome outcome(const PublishedRun& run, const ValidationMap& map, const LeftOut& left_out, const DataPaths& paths) {
  const std::optional<double> measured = finite_number(run.at("step_time_s"));
  if (!measured || *measured <= 0) return refused(run, "no step time");
  RunScenario built = run_scenario(run, map, paths.root);
  if (!built.scenario) return refused(run, built.refusal);
  built.scenario->stack = left_out.stack(stack_profile(run, map, paths.root), run.group(), built.scenario->stack);
  Diagnostics diagnostics;
  const std::optional<Estimate> found = published_estimate(built, paths, diagnostics);
  if (!found) return refused(run, reason(diagnostics));
  return validation_row(run, built, *found);
}

/// The fits that the catalogue holds, made anew from `runs`. A profile that only inherits another's fit keeps it: none of
/// its own runs went into that. A stack with too few runs in the table never stops the others.
LeftOut left_out_fits(const std::vector<PublishedRun>& runs, const ValidationMap& map, const ValidationOptions& options,
                      const DataPaths& paths, Diagnostics& diagnostics) {
  LeftOut out;
  std::set<std::string> stacks;
  for (const PublishedRun& run : runs) stacks.insert(stack_profile(run, map, paths.root));
  stacks.erase("");
  for (const std::string& stack : stacks) {
    const auto found = read_stack(stack, paths.root, diagnostics);
    if (!found || !found->fit || found->fit->constants.empty()) continue;
    if (!std::filesystem::exists(stack_fit_file(stack, paths.root))) continue;
    StackCalibrationOptions own{.tiers = {1, 2}, .jobs = options.jobs};
    for (const FittedConstant& one : found->fit->constants) own.constants.push_back(one.constant);
    Diagnostics problems;
    auto calibration = stack_calibration(runs, stack, own, paths, problems);
    if (calibration) {
      out.fits.emplace(stack, std::move(*calibration));
    } else if (auto profile = read_stack_profile(stack, paths.root, diagnostics)) {
      out.notes.push_back(
          fmt::format("{}; its rows are predicted with the profile's constants, fitted to no run", reason(problems)));
      out.profiles.emplace(stack, std::move(*profile));
    }
  }
  return out;
}

bool chosen(const PublishedRun& run, const std::vector<int>& tiers) {
  const auto tier = small_whole(run.at("tier"));
  return tier && std::find(tiers.begin(), tiers.end(), *tier) != tiers.end();
}

}  // namespace

ValidationRow validation_row(const PublishedRun& run, const RunScenario& built, const Estimate& found) {
  const Scenario& scenario = *built.scenario;
  ValidationRow row;
  row.id = run.at("id");
  row.group = run.group();
  row.stack = run.at("stack");
  row.release = run.at("stack_release");
  row.family = scenario.stack.family.empty() ? row.stack : scenario.stack.family;
  row.model = run.at("model");
  row.gpu = run.at("gpu");
  row.generation = name(scenario.cluster.gpu.generation);
  row.precision = run.at("precision");
  row.mixture = scenario.model.is_moe();
  row.parameters = parameter_counts(scenario.model).total;
  row.tier = small_whole(run.at("tier")).value_or(1);
  row.gpus = scenario.cluster.gpus;
  row.global_batch = scenario.training.global_batch;
  row.setting = fmt::format("{} {} {} {}", run.at("seq_len"), scenario.model.layers, run.at("router_balance"),
                            run.at("inter_node"));
  row.layout = layout_text(run);
  row.measured = Seconds(finite_number(run.at("step_time_s")).value_or(0));
  row.predicted = found.step.time;
  row.interval = found.step_time_interval;
  row.guessed_share = found.provenance.guessed_share;
  row.fits = found.memory.fits();
  row.filled = built.filled;
  return row;
}

std::optional<Estimate> published_estimate(RunScenario& run, const DataPaths& paths, Diagnostics& diagnostics) {
  fill_open_layout(run);
  return estimate(*run.scenario, paths, {}, diagnostics);
}

std::optional<ValidationReport> validation(const std::string& csv, const ValidationOptions& options,
                                           const DataPaths& paths, Diagnostics& diagnostics) {
  const CsvTable table = CsvTable::from_file(csv, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  std::vector<PublishedRun> runs = published_runs(table, diagnostics);
  const ValidationMap map = validation_map(paths.root, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  std::erase_if(runs, [&](const PublishedRun& run) { return !chosen(run, options.tiers); });

  LeftOut left_out;
  if (options.leave_one_group_out) left_out = left_out_fits(runs, map, options, paths, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  std::vector<Outcome> outcomes(runs.size());
  for_each_index(static_cast<int>(runs.size()), options.jobs, [&](int i) {
    const auto at = static_cast<std::size_t>(i);
    outcomes[at] = outcome(runs[at], map, left_out, paths);
  });
  ValidationReport report;
  report.left_out = options.leave_one_group_out;
  report.notes = std::move(left_out.notes);
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
