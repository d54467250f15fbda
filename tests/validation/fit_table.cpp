// Which layouts of a table of published runs are found to fit, all tiers, without simulating a step.
// usage: fit_table ROOT RUNS_CSV [-v]. Prints every row whose layout is found not to fit, with its ledger; with -v all.
// Then the same rows with twice the memory: the model made deeper until weights, gradients and optimizer alone, by
// bytes a parameter over the sharding, take twice the GPU; none may be found to fit.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>

#include "calibrate/fill_layout.hpp"
#include "memory/remedy.hpp"

namespace {

using namespace gpuhours;

constexpr double kGiB = 1024.0 * 1024 * 1024;

MemoryLedger ledger_of(const Scenario& s) {
  const Parallelism& p = s.parallelism;
  const int micro_batches = std::max(1, s.training.global_batch / (p.dp(s.cluster.gpus) * s.training.micro_batch));
  return fullest_rank(s, workload(s), pipeline_plan(p.schedule, p.pp, p.vpp, micro_batches));
}

/// Least bytes of states that a rank of the mean stage holds: everything sharded as far as the layout says.
double states(const Scenario& s) {
  const ParameterCounts counts = parameter_counts(s.model);
  const double ranks = s.cluster.gpus;
  const double copies = s.parallelism.dp(s.cluster.gpus) * s.parallelism.cp;
  const bool sharded = s.parallelism.fsdp != Fsdp::none;
  const double whole = sharded ? 1 : copies;  // copies of the weights; experts have fewer, which the caller leaves out
  return counts.total / ranks *
         (whole * (bytes_per_element(s.precision.weights) + bytes_per_element(s.precision.gradients)) + 8);
}

/// `s` with a model so deep that its states alone take twice the GPU.
Scenario twice_the_memory(Scenario s) {
  const int layers = s.model.layers;
  const std::vector<int> stages = s.parallelism.layers_per_stage;
  for (int times = 2; states(s) < 2 * s.cluster.gpu.memory_capacity.value(); ++times) {
    s.model.layers = layers * times;
    for (std::size_t i = 0; i < stages.size(); ++i) s.parallelism.layers_per_stage[i] = stages[i] * times;
  }
  return s;
}

void print(const PublishedRun& run, const RunScenario& built, const MemoryLedger& ledger) {
  fmt::print("{} {} {} {}x{} {} mbs {} [{}]: {:.1f} of {:.1f} GiB on rank {}:", run.at("id"), run.at("stack"),
             run.at("model"), run.at("n_gpus"), run.at("gpu"), run.at("precision"),
             built.scenario->training.micro_batch, fmt::join(built.filled, "; "), ledger.peak.value() / kGiB,
             ledger.capacity.value() / kGiB, ledger.rank);
  for (const LedgerEntry& e : ledger.entries) fmt::print(" {} {:.1f};", e.name, e.bytes.value() / kGiB);
  fmt::print("\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: fit_table ROOT RUNS_CSV [-v]\n", stderr);
    return 2;
  }
  const std::string root = argv[1];
  const bool all = argc > 3 && std::strcmp(argv[3], "-v") == 0;
  Diagnostics diagnostics;
  const CsvTable table = CsvTable::from_file(argv[2], diagnostics);
  const std::vector<PublishedRun> runs = published_runs(table, diagnostics);
  const ValidationMap map = validation_map(root, diagnostics);
  int fit = 0, no_fit = 0, twice = 0, twice_fit = 0;
  std::map<std::string, int> refused;
  for (const PublishedRun& run : runs) {
    RunScenario built = run_scenario(run, map, root);
    if (!built.scenario) {
      ++refused[built.refusal];
      continue;
    }
    fill_open_layout(built);
    const MemoryLedger ledger = ledger_of(*built.scenario);
    ++(ledger.fits() ? fit : no_fit);
    if (all || !ledger.fits()) print(run, built, ledger);
    if (built.scenario->model.is_moe()) continue;
    ++twice;
    if (layout_fits(twice_the_memory(*built.scenario))) {
      ++twice_fit;
      fmt::print("{} found to fit with twice the memory\n", run.at("id"));
    }
  }
  fmt::print("fit {}, not {}; with twice the memory (dense) {} of {} fit\n", fit, no_fit, twice_fit, twice);
  for (const auto& [reason, count] : refused) fmt::print("refused {}: {}\n", count, reason);
  std::fputs(text(diagnostics).c_str(), stderr);
  return diagnostics.has_errors() ? 1 : 0;
}
