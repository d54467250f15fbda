#include "plan/compare.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>

#include "command.hpp"
#include "core/limits.hpp"
#include "core/visible.hpp"
#include "fault.hpp"
#include "report/compare_report.hpp"

namespace gpuhours::cli {
namespace {

struct CompareCommand {
  CommonOptions common;
  std::vector<std::string> scenarios;
  std::vector<std::string> vary;
  std::vector<std::string> over;
  std::string hold = "gpus";
  std::string price = "scenario";
  bool reoptimise = false;
  std::string rule;
  std::string date;
};

/// Set by SIGINT during a search; a signal handler can reach nothing else.
std::atomic<bool> interrupted{false};

void interrupt(int) {
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);  // a second one ends the program
}

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

std::string formatted(const Comparison& comparison, const CommonOptions& options) {
  if (options.format == "json") return compare_json(comparison);
  if (options.format == "csv") return compare_csv(comparison);
  return compare_text(comparison, style(options));
}

CompareOptions options_of(const CompareCommand& command) {
  CompareOptions options;
  options.jobs = command.common.jobs;
  for (const Hold hold : {Hold::gpus, Hold::days, Hold::dollars}) {
    if (command.hold == name(hold)) options.hold = hold;
  }
  options.reoptimise = command.reoptimise;
  options.over = command.over;
  options.default_price = command.price == "default";
  options.stop = &interrupted;
  if (::isatty(STDERR_FILENO) == 1 && !command.common.quiet) {
    options.progress = [](const std::string& label) { say(fmt::format("searching {}\n", visible_line(label))); };
  }
  return options;
}

int run(const CompareCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    if (!command.over.empty() && !command.reoptimise) {
      diagnostics.error({}, "--over restricts the search of --reoptimise, which is not asked for");
    }
    const std::vector<Variation> varied = variations(command.vary, diagnostics);
    const bool ruled = !command.rule.empty() || !command.date.empty();
    const auto rules = ruled ? export_rules(paths.root, diagnostics) : std::vector<ExportRule>{};
    const ExportRule* rule = wanted_rule(command, rules, diagnostics);
    if (diagnostics.has_errors()) return kBadInput;
    if (command.reoptimise) std::signal(SIGINT, interrupt);
    double columns = static_cast<double>(command.scenarios.size());
    for (const Variation& one : varied) columns *= static_cast<double>(one.values.size());
    if (columns > static_cast<double>(kMostColumns)) {
      diagnostics.error({}, fmt::format("the comparison has more than {} columns", kMostColumns),
                        "'gpuhours sweep' writes one row a case");
      return kBadInput;
    }
    const auto cases = compared_cases(command.scenarios, command.common.overrides(), varied);
    auto found = comparison(cases, paths, options_of(command), diagnostics);
    if (!found) return kBadInput;
    if (rule != nullptr) found->marks = marks(found->results, *rule, rules, command.date);
    if (command.common.format == "csv") {
      for (const RefusedColumn& one : found->refused) {
        diagnostics.warning({}, fmt::format("{} is left out: {}", one.label, one.reason));
      }
    }
    const bool feasible = found->refused.empty() && std::all_of(found->results.begin(), found->results.end(),
                                                                [](const auto& r) { return r.estimate.memory.fits(); });
    return deliver(formatted(*found, command.common), command.common, feasible ? kGood : kInfeasible);
  });
}

}  // namespace

void add_compare(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<CompareCommand>();
  CLI::App* sub = app.add_subcommand("compare", "several estimates side by side, with ratios to the first");
  sub->add_option("SCENARIO", command->scenarios, "scenario files")->required();
  sub->add_option("--vary", command->vary,
                  "path=value,value,...: one column a value (repeatable: every combination); with a GPU its "
                  "default_node follows")
      ->allow_extra_args(false);
  sub->add_option("--hold", command->hold,
                  "what is equal in all columns: gpus; days, by the number of GPUs; dollars, by the tokens")
      ->check(CLI::IsMember({"gpus", "days", "dollars"}));
  sub->add_flag("--reoptimise", command->reoptimise, "search the best layout of each column, as 'search' does");
  sub->add_option("--over", command->over, "axis=value,value: restricts that search (repeatable)")
      ->allow_extra_args(false);
  sub->add_option("--price", command->price,
                  "scenario: its price in every column; default: the catalogue's latest on-demand price of each GPU")
      ->check(CLI::IsMember({"scenario", "default"}));
  sub->add_option("--rule", command->rule, "mark whose GPUs may be sold under an export rule (with --date)")
      ->type_name("ID");
  sub->add_option("--date", command->date, "of the sale, YYYY-MM or YYYY-MM-DD")->type_name("DATE");
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
