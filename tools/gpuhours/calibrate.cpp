#include <fmt/format.h>

#include <memory>

#include "calibrate/calibration.hpp"
#include "command.hpp"
#include "scenario/catalogue.hpp"

namespace gpuhours::cli {
namespace {

struct CalibrateCommand {
  CommonOptions common;
  std::vector<std::string> files;
  std::string gpu;
  std::string family = "cublas";
  bool cross_validate = true;
};

/// -o names the calibration file here; the report goes to stdout.
int run(const CalibrateCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    if (command.common.output.empty()) {
      diagnostics.error({}, "-o FILE is missing: where the calibration goes");
      return kBadInput;
    }
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
  sub->add_option("MEASUREMENT", command->files, "measured tables (CSV, gzip or plain)")->required();
  sub->add_option("--gpu", command->gpu, "catalogue id of the GPU they were measured on")->required();
  sub->add_option("--family", command->family, "kernel family: cublas, deepgemm");
  sub->add_flag("!--no-cross-validation", command->cross_validate, "leave the cross-validation out");
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
