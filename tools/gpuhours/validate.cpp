#include "calibrate/validate.hpp"

#include <memory>

#include "command.hpp"

namespace gpuhours::cli {
namespace {

struct ValidateCommand {
  CommonOptions common;
  std::string runs;
  std::vector<int> tiers{1, 2};
};

std::string formatted(const ValidationReport& report, const CommonOptions& options) {
  if (options.format == "json") return validation_json(report);
  if (options.format == "csv") return validation_csv(report);
  return validation_text(report, style(options));
}

int run(const ValidateCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    if (!command.common.overrides().empty()) {
      diagnostics.error({}, "validate simulates every row from its own columns: --set and --seed have no use here");
      return kBadInput;
    }
    const auto report = validation(command.runs, {command.tiers, command.common.jobs}, paths, diagnostics);
    if (!report) return kBadInput;
    return deliver(formatted(*report, command.common), command.common);
  });
}

}  // namespace

void add_validate(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<ValidateCommand>();
  CLI::App* sub = app.add_subcommand("validate", "predicted against published step times");
  sub->add_option("RUNS", command->runs, "CSV table of published runs")->required();
  sub->add_option("--tiers", command->tiers, "rows of these tiers")->delimiter(',')->allow_extra_args(false);
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
