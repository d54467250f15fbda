#include "plan/search.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>

#include "command.hpp"
#include "fault.hpp"
#include "report/number_text.hpp"
#include "scenario/read_scenario.hpp"
#include "scenario/unit_text.hpp"

namespace gpuhours::cli {
namespace {

struct SearchCommand {
  CommonOptions common;
  std::string scenario;
  std::vector<std::string> over;
  std::string gpus;
  std::string objective = "step_time";
  std::string budget;
  std::string deadline;
  int top = 5;
  bool exhaustive = false;
};

/// Set by SIGINT; a signal handler can reach nothing else.
std::atomic<bool> interrupted{false};

void interrupt(int) {
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);  // a second one ends the program
}

Objective objective_of(const std::string& text) {
  for (const Objective one : {Objective::gpu_hours, Objective::usd, Objective::pareto}) {
    if (text == name(one)) return one;
  }
  return Objective::step_time;
}

std::optional<double> quantity(const char* option, const std::string& text, Unit unit, Diagnostics& diagnostics) {
  return text.empty() ? std::nullopt : option_quantity(option, text, unit, diagnostics);
}

void show_progress(std::int64_t visited, std::int64_t announced, Seconds best) {
  say(fmt::format("\r{} of {} layouts, best step {}   ", number_text(static_cast<double>(visited), 1),
                  number_text(static_cast<double>(announced), 1), best > Seconds{} ? seconds_text(best) : "-"));
}

SearchOptions options_of(const SearchCommand& command, Diagnostics& diagnostics) {
  SearchOptions options;
  options.objective = objective_of(command.objective);
  options.top = command.top;
  options.bound = !command.exhaustive;
  options.jobs = command.common.jobs;
  if (const auto value = quantity("--budget", command.budget, Unit::money, diagnostics))
    options.budget = Dollars(*value);
  if (const auto value = quantity("--deadline", command.deadline, Unit::time, diagnostics)) {
    options.deadline = Seconds(*value);
  }
  options.stop = &interrupted;
  if (::isatty(STDERR_FILENO) == 1 && !command.common.quiet) options.progress = show_progress;
  return options;
}

std::string formatted(const SearchReport& report, const CommonOptions& options) {
  if (options.format == "json") return search_json(report);
  if (options.format == "csv") return search_csv(report);
  return search_text(report, style(options));
}

int run(const SearchCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    const auto scenario = read_scenario(command.scenario, command.common.overrides(), paths.root, diagnostics);
    const SearchOptions options = options_of(command, diagnostics);
    if (!scenario) return kBadInput;
    SearchSpace space = default_space(*scenario);
    if (!command.gpus.empty()) restrict_space("gpus=" + command.gpus, paths.root, space, diagnostics);
    for (const std::string& text : command.over) restrict_space(text, paths.root, space, diagnostics);
    if (diagnostics.has_errors()) return kBadInput;
    std::signal(SIGINT, interrupt);
    const Calibration calibration(paths);
    const SearchReport report = search(*scenario, space, calibration, options, diagnostics);
    if (options.progress) say("\n");
    if (diagnostics.has_errors()) return kBadInput;
    const bool good = !report.best.empty() && report.unmet.empty();
    return deliver(formatted(report, command.common), command.common, good ? kGood : kInfeasible);
  });
}

}  // namespace

void add_search(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<SearchCommand>();
  CLI::App* sub = app.add_subcommand("search", "the best layouts of a model on a cluster");
  sub->add_option("SCENARIO", command->scenario, "scenario file; its layout is one of many")->required();
  sub->add_option("--over", command->over,
                  "axis=value,value: only these values of tp, pp, vpp, cp, ep, etp, micro_batch, "
                  "schedule, recompute, zero_stage, fsdp or precision (repeatable)")
      ->allow_extra_args(false);
  sub->add_option("--gpus", command->gpus, "cluster sizes to try: 512,1024,2048");
  sub->add_option("--objective", command->objective, "what the best layout has least of; pareto: days against dollars")
      ->check(CLI::IsMember({"step_time", "gpu_hours", "usd", "pareto"}));
  sub->add_option("--budget", command->budget, "the smallest cluster whose run costs no more (\"5.6M USD\")");
  sub->add_option("--deadline", command->deadline, "the smallest cluster whose run takes no longer (\"60 days\")");
  sub->add_option("--top", command->top, "layouts to print")->check(CLI::Range(1, 1000));
  sub->add_flag("--exhaustive", command->exhaustive, "simulate every layout that fits, without the lower bound");
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
