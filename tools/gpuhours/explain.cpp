#include "plan/explain.hpp"

#include <memory>

#include "command.hpp"
#include "scenario/read_scenario.hpp"

namespace gpuhours::cli {
namespace {

struct ExplainCommand {
  CommonOptions common;
  std::string scenario;
};

std::string formatted(const Result& result, const std::vector<Sensitivity>& found, const CommonOptions& options) {
  if (options.format == "json") return explain_json(result, found);
  if (options.format == "csv") return explain_csv(found);
  return explain_text(result, found, style(options));
}

int run(const ExplainCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    const auto scenario = read_scenario(command.scenario, command.common.overrides(), paths.root, diagnostics);
    if (!scenario) return kBadInput;
    const Calibration calibration(paths);
    const auto base = estimate(*scenario, calibration, {}, diagnostics);
    if (!base) return kBadInput;
    const auto found = sensitivities(*scenario, *base, calibration, command.common.jobs, diagnostics);
    if (diagnostics.has_errors()) return kBadInput;
    return deliver(formatted({*scenario, *base}, found, command.common), command.common,
                   base->memory.fits() ? kGood : kInfeasible);
  });
}

}  // namespace

void add_explain(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<ExplainCommand>();
  CLI::App* sub = app.add_subcommand("explain", "where a step's time goes, and which resource would help");
  sub->add_option("SCENARIO", command->scenario, "scenario file")->required();
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
