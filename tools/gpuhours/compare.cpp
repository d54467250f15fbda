#include "plan/compare.hpp"

#include <algorithm>
#include <memory>

#include "command.hpp"

namespace gpuhours::cli {
namespace {

struct CompareCommand {
  CommonOptions common;
  std::vector<std::string> scenarios;
  std::vector<std::string> vary;
};

std::string formatted(const std::vector<LabelledResult>& results, const CommonOptions& options) {
  if (options.format == "json") return compare_json(results);
  if (options.format == "csv") return compare_csv(results);
  return compare_text(results, style(options));
}

int run(const CompareCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    std::vector<Variation> variations;
    for (const std::string& text : command.vary) {
      if (auto one = variation(text, diagnostics)) variations.push_back(std::move(*one));
    }
    if (diagnostics.has_errors()) return kBadInput;
    const auto cases = compared_cases(command.scenarios, command.common.overrides(), variations);
    const auto results = comparison(cases, paths, command.common.jobs, diagnostics);
    if (!results) return kBadInput;
    const bool feasible =
        std::all_of(results->begin(), results->end(), [](const auto& r) { return r.estimate.memory.fits(); });
    return deliver(formatted(*results, command.common), command.common, feasible ? kGood : kInfeasible);
  });
}

}  // namespace

void add_compare(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<CompareCommand>();
  CLI::App* sub = app.add_subcommand("compare", "several estimates side by side, with ratios to the first");
  sub->add_option("SCENARIO", command->scenarios, "scenario files")->required();
  sub->add_option("--vary", command->vary, "path=value,value,...: one estimate a value (repeatable: every combination)")
      ->allow_extra_args(false);
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
