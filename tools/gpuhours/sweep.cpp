#include "plan/sweep.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <memory>

#include "command.hpp"
#include "estimate/data_paths.hpp"
#include "fault.hpp"
#include "mpi_module.hpp"

namespace gpuhours::cli {
namespace {

struct SweepCommand {
  CommonOptions common;
  SweepRequest request;
  std::string sampling = "lhs";
  bool resume = false;
  bool mpi = false;

  [[nodiscard]] SweepFormat format() const {
    return common.format == "json" ? SweepFormat::json_lines : SweepFormat::csv;
  }
};

SweepRequest request_of(const SweepCommand& command) {
  SweepRequest request = command.request;
  request.overrides = command.common.overrides();
  request.sampling = command.sampling == "plain" ? Sampling::plain : Sampling::latin_hypercube;
  request.seed = command.common.seed.value_or(1);
  return request;
}

void check_options(const SweepCommand& command, Diagnostics& diagnostics) {
  if (command.common.format == "table") {
    diagnostics.error({}, "--format: a sweep writes csv or json (one object a line)");
  }
  if (command.resume && command.common.output.empty()) {
    diagnostics.error({}, "--resume needs the file to go on with", "name it with -o FILE");
  }
}

/// Rows so far on a terminal, every half second.
std::function<void(int)> progress_line(int points, const CommonOptions& options) {
  if (options.quiet || ::isatty(STDERR_FILENO) != 1) return {};
  using Clock = std::chrono::steady_clock;
  return [points, last = Clock::now()](int rows) mutable {
    if (rows < points && Clock::now() - last < std::chrono::milliseconds(500)) return;
    last = Clock::now();
    say(fmt::format("\r{} of {} points", rows, points));
    if (rows == points) say("\n");
  };
}

SweepRun run_of(const SweepCommand& command, const SweepDesign& design, const SweepPoints& points,
                const DataPaths& paths) {
  SweepRun run;
  run.points = design.points;
  run.hash = design_hash(design, paths.root);
  run.format = command.format();
  run.jobs = command.common.jobs;
  run.work = [&, format = command.format()](int point) { return sweep_row(design, points, point, paths, format); };
  run.progress = progress_line(design.points, command.common);
  return run;
}

/// A sweep whose every point fails is a mistake of the whole; its rows are there all the same.
int end_code(const SweepFile& file, const SweepDesign& design, const CommonOptions& options, Diagnostics& diagnostics) {
  const int errors = file.count(PointStatus::error);
  if (errors == design.points) {
    diagnostics.error({}, fmt::format("none of the {} points could be estimated", design.points),
                      "the column 'error' says why");
    return kBadInput;
  }
  if (!options.quiet && !file.reader_gone()) {
    say(fmt::format("{} points: {} ok, {} infeasible, {} without an estimate\n", design.points,
                    file.count(PointStatus::ok), file.count(PointStatus::infeasible), errors));
  }
  return kGood;
}

/// Rank 0, or the only one.
int lead(const SweepCommand& command, const SweepDesign& design, const SweepRun& run, SweepTransport* transport,
         Diagnostics& diagnostics) {
  const auto file = SweepFile::open(command.common.output, sweep_header(design, run.hash, run.format), run.format,
                                    command.resume, diagnostics);
  const std::string failure = file == nullptr ? "" : lead_sweep(run, *file, transport);
  if (transport != nullptr) stop_ranks(*transport);
  if (file == nullptr) return kBadInput;
  if (failure.empty()) return end_code(*file, design, command.common, diagnostics);
  diagnostics.error({}, failure,
                    command.common.output.empty() ? ""
                                                  : fmt::format("{} of {} rows are in '{}'; --resume goes on",
                                                                file->rows(), run.points, command.common.output));
  return kBadInput;
}

int run_on_rank(const SweepCommand& command, SweepTransport* transport, const DataPaths& paths,
                Diagnostics& diagnostics) {
  const bool follows = transport != nullptr && transport->rank() > 0;
  std::optional<SweepDesign> design;
  if (!diagnostics.has_errors()) design = sweep_design(request_of(command), paths.root, diagnostics);
  if (!design) {
    if (follows) refuse_sweep("the scenario or the design cannot be read there", *transport);
    if (transport != nullptr && !follows) stop_ranks(*transport);
    return kBadInput;
  }
  const SweepPoints points(*design);
  const SweepRun run = run_of(command, *design, points, paths);
  if (!follows) return lead(command, *design, run, transport, diagnostics);
  follow_sweep(run, *transport);
  return kGood;
}

int run(const SweepCommand& command) {
  Diagnostics early;
  check_options(command, early);
  SweepTransport* transport = command.mpi && !early.has_errors() ? mpi_transport(early) : nullptr;
  if (early.has_errors()) {
    print(early, command.common);
    return kBadInput;
  }
  const bool silent = transport != nullptr && transport->rank() > 0;  // rank 0 says it
  Diagnostics diagnostics;
  const DataPaths paths = data_paths(command.common.data, diagnostics);
  int code = run_on_rank(command, transport, paths, diagnostics);
  if (!silent) print(diagnostics, command.common);
  if (transport != nullptr) transport->close();
  if (silent) return kGood;
  return diagnostics.has_faults() ? kInternalFault : diagnostics.has_errors() ? kBadInput : code;
}

}  // namespace

void add_sweep(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<SweepCommand>();
  command->common.format = "csv";
  CLI::App* sub = app.add_subcommand("sweep", "one row for each point of a grid or random design");
  sub->add_option("SCENARIO", command->request.file, "scenario file")->required();
  sub->add_option("--vary", command->request.vary,
                  "path=value,value,...: every combination, or with --random a choice (repeatable)")
      ->allow_extra_args(false);
  sub->add_option("--random", command->request.random, "points of a random design instead of the grid")
      ->check(CLI::Range(1, static_cast<int>(kMaxSweepPoints)));
  sub->add_option("--range", command->request.ranges,
                  "path=low:high[:log]: numbers of a random design, evenly or evenly in the logarithm (repeatable)")
      ->allow_extra_args(false);
  sub->add_option("--sampling", command->sampling, "of a random design: lhs (Latin hypercube) or plain")
      ->check(CLI::IsMember({"lhs", "plain"}));
  sub->add_flag("--resume", command->resume, "go on with the rows that -o FILE holds");
  sub->add_flag("--mpi", command->mpi, "share the points among the ranks of mpirun or srun");
  add_common(*sub, command->common);
  sub->get_option("--output")->description("write rows to FILE as they finish, in order");
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
