#include <fmt/format.h>

#include <memory>

#include "calibrate/calibration.hpp"
#include "calibrate/profile_plan.hpp"
#include "command.hpp"
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
      fmt::print(stderr, "{} shapes; {} kinds of kernel that gpuhours-profile has no operator for\n", plan.rows,
                 plan.left_out.size());
    }
    return deliver(plan.csv, command.common);
  });
}

/// -o names the calibration file here; the report goes to stdout.
int run(const CalibrateCommand& command) {
  if (!command.plan.empty()) return write_plan(command);
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
  sub->add_flag("!--no-cross-validation", command->cross_validate, "leave the cross-validation out");
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
