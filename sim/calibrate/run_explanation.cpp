#include "calibrate/run_explanation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "calibrate/validate.hpp"
#include "estimate/checks.hpp"
#include "estimate/step_account.hpp"
#include "report/number_text.hpp"

namespace gpuhours {
namespace {

constexpr std::size_t kKernelsShown = 25;
constexpr std::size_t kCommunicationsShown = 15;

std::string ranks_text(const StepEstimate& step, TextStyle style) {
  TextTable table({"rank", "forward", "backward", "weight", "F&B", "bubble", "optimizer", "exp. TP", "exp. EP",
                   "exp. DP", "exp. PP", "exp. CP"});
  for (std::size_t rank = 0; rank < step.by_rank.size(); ++rank) {
    const StepBreakdown& b = step.by_rank[rank];
    std::vector<std::string> cells = {std::to_string(rank)};
    for (const Seconds part : {b.forward, b.backward, b.weight, b.forward_backward, b.bubble, b.optimizer, b.exposed_tp,
                               b.exposed_ep, b.exposed_dp, b.exposed_pp, b.exposed_cp}) {
      cells.push_back(fmt::format("{:.4g}", part.value()));
    }
    table.row(std::move(cells));
  }
  return fmt::format("Parts of the step by pipeline rank (seconds)\n{}", table.text(style));
}

/// The rank with most kernel time.
int busiest_rank(const StepResult& step) {
  const auto busy = [](const RankStep& rank) { return rank.use.account.kernel_seconds(); };
  const auto it = std::max_element(step.ranks.begin(), step.ranks.end(),
                                   [&](const RankStep& a, const RankStep& b) { return busy(a) < busy(b); });
  return static_cast<int>(it - step.ranks.begin());
}

std::string account_text(const RankStep& rank, Seconds step, TextStyle style) {
  TextTable table({"class of kernels", "time", "share of step", "standard error"});
  const KernelAccount& account = rank.use.account;
  for (int i = 0; i < kLawClasses; ++i) {
    const double seconds = account.class_seconds[static_cast<std::size_t>(i)];
    if (seconds <= 0) continue;
    table.row({std::string(name(static_cast<LawClass>(i))), seconds_text(Seconds(seconds)),
               percent_text(Seconds(seconds) / step),
               percent_text(account.class_error_seconds[static_cast<std::size_t>(i)] / seconds)});
  }
  table.row({"launch gaps and host", seconds_text(Seconds(account.launch_seconds)),
             percent_text(Seconds(account.launch_seconds) / step), "-"});
  table.row({"communication hidden", seconds_text(rank.use.hidden.seconds()),
             percent_text(rank.use.hidden.seconds() / step), "-"});
  return table.text(style);
}

std::string kernels_text(const StepModel& model, int batch, int rank, Seconds step, TextStyle style) {
  TextTable table({"kernel", "calls", "each", "time", "share of step", "law", "error"});
  table.align_left(5);
  const std::vector<KernelShare> shares = kernel_shares(model, batch, rank);
  for (std::size_t i = 0; i < std::min(shares.size(), kKernelsShown); ++i) {
    const KernelShare& s = shares[i];
    table.row({s.name, number_text(s.calls), seconds_text(s.time / s.calls), seconds_text(s.time),
               percent_text(s.time / step), fmt::format("{}, {}", name(s.law), name(s.provenance)),
               percent_text(s.relative_error)});
  }
  return table.text(style);
}

std::string communications_text(const StepModel& model, int batch, int rank, TextStyle style) {
  TextTable table({"communication", "group", "calls", "each", "all alone", "beside compute", "binds", "error"});
  table.align_left(1);
  table.align_left(6);
  const std::vector<CommunicationShare> shares = communication_shares(model, batch, rank);
  for (std::size_t i = 0; i < std::min(shares.size(), kCommunicationsShown); ++i) {
    const CommunicationShare& s = shares[i];
    table.row({s.name, s.group, number_text(s.calls), seconds_text(s.alone / s.calls), seconds_text(s.alone),
               seconds_text(s.beside), s.bottleneck, percent_text(s.relative_error)});
  }
  return table.empty() ? "No communication.\n" : table.text(style);
}

std::string errors_text(const Estimate& found, TextStyle style) {
  std::vector<ErrorFactor> factors = found.errors;
  std::stable_sort(factors.begin(), factors.end(), [](const ErrorFactor& a, const ErrorFactor& b) {
    return std::abs(a.loading) > std::abs(b.loading);
  });
  TextTable table({"what may be wrong", "effect on the step"});
  for (std::size_t i = 0; i < std::min<std::size_t>(factors.size(), 8); ++i) {
    table.row({factors[i].name, percent_text(std::abs(factors[i].loading))});
  }
  return table.text(style);
}

std::string explanation(const PublishedRun& run, const RunScenario& built, const Estimate& found,
                        const StepModel& model, TextStyle style) {
  const int batch = built.scenario->training.global_batch;
  const StepResult step = model.step(batch, false);
  const int rank = busiest_rank(step);
  const Seconds time = found.step.time;
  const Seconds measured(finite_number(run.at("step_time_s")).value_or(0));
  std::string out = bold(fmt::format("{}: measured {}, predicted {} ({})", run.at("id"), seconds_text(measured),
                                     seconds_text(time), change_text(time / measured - 1)),
                         style);
  out += fmt::format("\n{}, {} GPUs, {}\n", run.group(), built.scenario->cluster.gpus, run.at("notes"));
  out += fmt::format("stack profile {}, kernels {}\n", built.scenario->stack.id, model.laws().source());
  out +=
      fmt::format("filled: {}\n", built.filled.empty() ? "nothing" : fmt::format("{}", fmt::join(built.filled, "; ")));
  if (found.step_time_interval) {
    out += fmt::format("80 % interval {} .. {}\n", seconds_text(Seconds(found.step_time_interval->p10)),
                       seconds_text(Seconds(found.step_time_interval->p90)));
  }
  out += fmt::format("floors: compute {}, bytes {}; MFU {}; {} micro-batches; memory {} of {}\n",
                     seconds_text(compute_floor(model, batch)), seconds_text(bytes_floor(model, batch)),
                     percent_text(found.step.mfu), found.step.micro_batches, bytes_text(found.memory.peak),
                     bytes_text(found.memory.capacity));
  return fmt::format("{}\n{}\nPipeline rank {}, which has most kernel time\n{}\n{}\n{}\n{}", out,
                     ranks_text(found.step, style), rank,
                     account_text(step.ranks[static_cast<std::size_t>(rank)], time, style),
                     kernels_text(model, batch, rank, time, style), communications_text(model, batch, rank, style),
                     errors_text(found, style));
}

}  // namespace

std::optional<std::string> run_explanation(const std::string& csv, const std::string& id, const DataPaths& paths,
                                           TextStyle style, Diagnostics& diagnostics) {
  const CsvTable table = CsvTable::from_file(csv, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  const std::vector<PublishedRun> runs = published_runs(table, diagnostics);
  const ValidationMap map = validation_map(paths.root, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  const auto run = std::find_if(runs.begin(), runs.end(), [&](const PublishedRun& r) { return r.at("id") == id; });
  if (run == runs.end()) {
    std::vector<std::string> ids;
    for (const PublishedRun& one : runs) ids.push_back(one.at("id"));
    diagnostics.error({csv, 0, 0, {}}, fmt::format("no run '{}'", id),
                      ids.empty() ? "" : fmt::format("did you mean '{}'?", nearest(id, ids)));
    return std::nullopt;
  }
  RunScenario built = run_scenario(*run, map, paths.root);
  if (!built.scenario) {
    diagnostics.error({csv, 0, 0, {}}, fmt::format("{}: {}", id, built.refusal));
    return std::nullopt;
  }
  const std::optional<Estimate> found = published_estimate(built, paths, diagnostics);
  if (!found) return std::nullopt;
  const auto model = StepModel::make(*built.scenario, paths.root + "/calibration", diagnostics);
  if (!model) return std::nullopt;
  return explanation(*run, built, *found, *model, style);
}

}  // namespace gpuhours
