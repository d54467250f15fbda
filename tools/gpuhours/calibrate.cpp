#include <fmt/format.h>

#include <memory>

#include "calibrate/calibration.hpp"
#include "calibrate/profile_plan.hpp"
#include "calibrate/stack_calibration.hpp"
#include "command.hpp"
#include "fault.hpp"
#include "scenario/catalogue.hpp"
#include "scenario/read_scenario.hpp"

namespace gpuhours::cli {
namespace {

struct CalibrateCommand {
  CommonOptions common;
  std::vector<std::string> files;
  std::string gpu;
  std::string family = "cublas";
  std::string plan;
  std::string runs;
  std::string stack;
  std::vector<std::string> constants;
  bool cross_validate = true;
};

/// The shapes that a scenario needs, for gpuhours-profile.
int write_plan(const CalibrateCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    if (!command.files.empty()) {
      diagnostics.error({}, "--plan SCENARIO takes no MEASUREMENT: it says what to measure");
      return kBadInput;
    }
    const auto scenario = read_scenario(command.plan, command.common.overrides(), paths.root, diagnostics);
    if (!scenario) return kBadInput;
    const ProfilePlan plan = profile_plan(*scenario);
    if (!command.common.quiet) {
      say(fmt::format("{} shapes; {} kinds of kernel that gpuhours-profile has no operator for\n", plan.rows,
                      plan.left_out.size()));
    }
    return deliver(plan.csv, command.common);
  });
}

/// Fits a stack's constants; the fit goes to -o, or to where stacks are read from; the report to stdout.
int fit_stack(const CalibrateCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    if (!command.files.empty()) diagnostics.error({}, "--runs RUNS takes no MEASUREMENT");
    if (command.stack.empty()) diagnostics.error({}, "--stack NAME is missing: whose constants to fit");
    if (diagnostics.has_errors()) return kBadInput;
    const CsvTable table = CsvTable::from_file(command.runs, diagnostics);
    if (diagnostics.has_errors()) return kBadInput;
    const std::vector<PublishedRun> runs = published_runs(table, diagnostics);
    if (diagnostics.has_errors()) return kBadInput;
    const StackCalibrationOptions options{.constants = command.constants, .jobs = command.common.jobs};
    const auto calibration = stack_calibration(runs, command.stack, options, paths, diagnostics);
    if (!calibration) return kBadInput;
    const std::string file = command.runs.substr(command.runs.find_last_of('/') + 1);
    CommonOptions fit = command.common;
    if (fit.output.empty()) fit.output = stack_fit_file(command.stack, paths.root);
    const int code = deliver(
        fit_yaml(*calibration, fmt::format("gpuhours calibrate --runs {} --stack {}", file, command.stack)), fit);
    if (code != kGood) return code;
    CommonOptions to_stdout = command.common;
    to_stdout.output.clear();
    return deliver(stack_calibration_text(*calibration, style(command.common)), to_stdout);
  });
}

/// -o names the calibration file here; the report goes to stdout.
int run(const CalibrateCommand& command) {
  if (!command.plan.empty()) return write_plan(command);
  if (!command.runs.empty()) return fit_stack(command);
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    if (command.files.empty()) diagnostics.error({}, "a MEASUREMENT or --plan SCENARIO is missing");
    if (command.gpu.empty()) diagnostics.error({}, "--gpu ID is missing: the GPU that the kernels were measured on");
    if (command.common.output.empty()) {
      diagnostics.error({}, "-o FILE is missing: where the calibration goes");
    }
    if (diagnostics.has_errors()) return kBadInput;
    const auto gpu = read_gpu(command.gpu, paths.root, diagnostics);
    if (!gpu) return kBadInput;
    const CalibrationOptions options{.family = command.family, .cross_validate = command.cross_validate};
    const auto report = calibrate_files(command.files, *gpu, options, command.common.output, diagnostics);
    if (!report) return kBadInput;
    CommonOptions to_stdout = command.common;
    to_stdout.output.clear();
    return deliver(*report, to_stdout);
  });
}

}  // namespace

void add_calibrate(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<CalibrateCommand>();
  CLI::App* sub =
      app.add_subcommand("calibrate", "fit kernel laws to measured kernels; -o FILE is the calibration written");
  sub->add_option("MEASUREMENT", command->files, "measured tables (CSV, gzip or plain)");
  sub->add_option("--gpu", command->gpu, "catalogue id of the GPU they were measured on");
  sub->add_option("--family", command->family, "kernel family: cublas, deepgemm");
  sub->add_option("--plan", command->plan, "write the shapes that a scenario needs, as gpuhours-profile reads them")
      ->type_name("SCENARIO");
  sub->add_option("--runs", command->runs, "fit a stack's constants to published runs")->type_name("RUNS.csv");
  sub->add_option("--stack", command->stack, "profile whose constants are fitted")->type_name("NAME");
  sub->add_option("--constants", command->constants, "constants to fit, default: as many as the runs can carry")
      ->delimiter(',')
      ->allow_extra_args(false);
  sub->add_flag("!--no-cross-validation", command->cross_validate, "leave the cross-validation out");
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
