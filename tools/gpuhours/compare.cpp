#include "plan/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "command.hpp"

namespace gpuhours::cli {
namespace {

struct CompareCommand {
  CommonOptions common;
  std::vector<std::string> scenarios;
  std::vector<std::string> vary;
  std::string rule;
  std::string date;
};

/// The rule that is asked for; null without one, and after an error in `diagnostics`.
const ExportRule* wanted_rule(const CompareCommand& command, const std::vector<ExportRule>& rules,
                              Diagnostics& diagnostics) {
  if (command.rule.empty() && command.date.empty()) return nullptr;
  if (command.rule.empty()) {
    diagnostics.error({}, "--date needs --rule", "for example --rule us_2022_10 --date 2023-03");
    return nullptr;
  }
  if (command.date.empty()) {
    diagnostics.error({}, fmt::format("--rule {} needs a date", command.rule), "for example --date 2023-03");
    return nullptr;
  }
  const ExportRule* rule = find_rule(rules, command.rule);
  if (rule == nullptr) {
    std::vector<std::string> ids;
    for (const ExportRule& one : rules) ids.push_back(one.id);
    const std::string near = nearest(command.rule, ids);
    diagnostics.error({}, fmt::format("unknown rule '{}'", command.rule),
                      fmt::format("{}the rules are {}", near.empty() ? "" : fmt::format("did you mean '{}'? ", near),
                                  fmt::join(ids, ", ")));
    return nullptr;
  }
  if (!is_date(command.date)) {
    diagnostics.error({}, fmt::format("--date '{}' is not a date", command.date),
                      "write it like 2023-03 or 2023-03-21");
    return nullptr;
  }
  if (is_before(command.date, rule->date)) {
    diagnostics.error({}, fmt::format("--date {} lies before rule {} of {}", command.date, rule->id, rule->date));
    return nullptr;
  }
  const ExportRule* in_force = rule_in_force(rules, command.date);
  if (in_force != rule) {
    diagnostics.warning({}, fmt::format("at {} the rule in force is {}, not {}", command.date,
                                        in_force == nullptr ? "none" : in_force->id, rule->id));
  }
  return rule;
}

std::vector<RuleMark> marks(const std::vector<LabelledResult>& results, const ExportRule& rule,
                            const std::vector<ExportRule>& rules, const std::string& date) {
  std::vector<RuleMark> out;
  for (const LabelledResult& result : results) {
    const Gpu& gpu = result.scenario.cluster.gpu;
    out.push_back({date, gpu.released, export_finding(chip_figures(gpu), rule, rules)});
  }
  return out;
}

std::string formatted(const std::vector<LabelledResult>& results, const std::vector<RuleMark>& rule_marks,
                      const CommonOptions& options) {
  if (options.format == "json") return compare_json(results, rule_marks);
  if (options.format == "csv") return compare_csv(results, rule_marks);
  return compare_text(results, style(options), rule_marks);
}

int run(const CompareCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    std::vector<Variation> variations;
    for (const std::string& text : command.vary) {
      if (auto one = variation(text, diagnostics)) variations.push_back(std::move(*one));
    }
    const bool ruled = !command.rule.empty() || !command.date.empty();
    const auto rules = ruled ? export_rules(paths.root, diagnostics) : std::vector<ExportRule>{};
    const ExportRule* rule = wanted_rule(command, rules, diagnostics);
    if (diagnostics.has_errors()) return kBadInput;
    const auto cases = compared_cases(command.scenarios, command.common.overrides(), variations);
    const auto results = comparison(cases, paths, command.common.jobs, diagnostics);
    if (!results) return kBadInput;
    const bool feasible =
        std::all_of(results->begin(), results->end(), [](const auto& r) { return r.estimate.memory.fits(); });
    const auto rule_marks = rule == nullptr ? std::vector<RuleMark>{} : marks(*results, *rule, rules, command.date);
    return deliver(formatted(*results, rule_marks, command.common), command.common, feasible ? kGood : kInfeasible);
  });
}

}  // namespace

void add_compare(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<CompareCommand>();
  CLI::App* sub = app.add_subcommand("compare", "several estimates side by side, with ratios to the first");
  sub->add_option("SCENARIO", command->scenarios, "scenario files")->required();
  sub->add_option("--vary", command->vary, "path=value,value,...: one estimate a value (repeatable: every combination)")
      ->allow_extra_args(false);
  sub->add_option("--rule", command->rule, "mark whose GPUs may be sold under an export rule (with --date)")
      ->type_name("ID");
  sub->add_option("--date", command->date, "of the sale, YYYY-MM or YYYY-MM-DD")->type_name("DATE");
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
