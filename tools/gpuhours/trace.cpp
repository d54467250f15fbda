#include <memory>

#include "calibrate/match_command.hpp"
#include "calibrate/trace_command.hpp"
#include "command.hpp"
#include "scenario/read_scenario.hpp"

namespace gpuhours::cli {
namespace {

struct TraceCommand {
  CommonOptions common;
  std::string file;
  std::string scenario;
  std::string classes;
};

TraceFormat trace_format(const std::string& format) {
  return format == "json" ? TraceFormat::json : format == "csv" ? TraceFormat::csv : TraceFormat::table;
}

int run(const TraceCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    const TraceFormat format = trace_format(command.common.format);
    std::optional<std::string> result;
    if (command.scenario.empty()) {
      result = trace_command(command.file, format, diagnostics, command.classes);
    } else {
      const auto scenario = read_scenario(command.scenario, command.common.overrides(), paths.root, diagnostics);
      if (!scenario) return kBadInput;
      result = match_command(command.file, *scenario, format, diagnostics, command.classes);
    }
    return result ? deliver(*result, command.common) : kBadInput;
  });
}

}  // namespace

void add_trace(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<TraceCommand>();
  CLI::App* sub =
      app.add_subcommand("trace", "what a profiler trace holds (Kineto JSON, gzip or plain, or Nsight Systems SQLite)");
  sub->add_option("FILE", command->file, "trace file")->required();
  sub->add_option("--match", command->scenario,
                  "match kernels to the operators of this scenario; --format csv writes them as measurements")
      ->type_name("SCENARIO");
  sub->add_option("--classes", command->classes, "kernel class rules instead of calibration/kernel_classes.yaml")
      ->type_name("FILE");
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
