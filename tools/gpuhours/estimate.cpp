#include <memory>

#include "command.hpp"
#include "core/atomic_file.hpp"
#include "report/estimate_report.hpp"
#include "report/trace_json.hpp"
#include "scenario/print_config.hpp"
#include "scenario/read_scenario.hpp"

namespace gpuhours::cli {
namespace {

struct EstimateCommand {
  CommonOptions common;
  std::string scenario;
  std::string trace;
  bool print_config = false;
};

std::string formatted(const Result& result, const CommonOptions& options) {
  if (options.format == "json") return estimate_json(result);
  if (options.format == "csv") return estimate_csv(result);
  return estimate_text(result, style(options));
}

/// False after an error in `diagnostics`.
bool trace_written(const Timeline& timeline, const std::string& path, Diagnostics& diagnostics) {
  if (path.empty()) return true;
  const std::string json = trace_json(timeline);
  const std::string failure = write_whole_file(path, path.ends_with(".gz") ? gzipped(json) : json);
  if (!failure.empty()) diagnostics.error({}, failure);
  return failure.empty();
}

int run(const EstimateCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    const auto resolved = resolved_scenario(command.scenario, command.common.overrides(), paths.root, diagnostics);
    if (!resolved) return kBadInput;
    const Scenario& scenario = resolved->scenario;
    if (command.print_config) return deliver(resolved_config(scenario, resolved->document), command.common);
    const auto found = estimate(scenario, paths, {.timeline = !command.trace.empty()}, diagnostics);
    if (!found || !trace_written(found->step.timeline, command.trace, diagnostics)) return kBadInput;
    const Result result{scenario, *found};
    return deliver(formatted(result, command.common), command.common, found->memory.fits() ? kGood : kInfeasible);
  });
}

}  // namespace

void add_estimate(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<EstimateCommand>();
  CLI::App* sub = app.add_subcommand("estimate", "step time, memory, GPU hours, dollars and energy of a run");
  sub->add_option("SCENARIO", command->scenario, "scenario file")->required();
  sub->add_option("--trace", command->trace, "write a step as a Chrome/Perfetto trace (gzip if FILE ends in .gz)")
      ->type_name("FILE");
  sub->add_flag("--print-config", command->print_config, "print the resolved scenario and where each value came from");
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
