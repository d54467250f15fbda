// Layouts a second: a whole search of GPT-3 175B on 4,096 GPUs, and one feasible layout from nothing but its family.
#include <benchmark/benchmark.h>

#include "estimate/layout_family.hpp"
#include "plan/search.hpp"
#include "scenario/read_scenario.hpp"

using namespace gpuhours;

namespace {

const std::string kRoot = GPUHOURS_REPOSITORY;

Scenario scenario(const std::string& name) {
  Diagnostics diagnostics;
  return *read_scenario(kRoot + "/scenarios/" + name, {}, kRoot, diagnostics);
}

void whole_search(benchmark::State& state, bool bound) {
  const Scenario s = scenario("gpt3_175b_4096_h100.yaml");
  const Calibration calibration(DataPaths{kRoot});
  std::int64_t visited = 0;
  std::int64_t simulated = 0;
  for (auto _ : state) {
    Diagnostics diagnostics;
    const SearchReport report = search(s, default_space(s), calibration,
                                       {.bound = bound, .jobs = static_cast<int>(state.range(0))}, diagnostics);
    visited += report.visited;
    simulated += report.simulated;
  }
  state.counters["layouts"] = benchmark::Counter(static_cast<double>(visited), benchmark::Counter::kIsRate);
  state.counters["simulated"] = benchmark::Counter(static_cast<double>(simulated), benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(whole_search, pruned, true)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(1);
BENCHMARK_CAPTURE(whole_search, every_layout, false)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(1);

/// One layout whose family has been timed: memory, bound and step.
void one_layout(benchmark::State& state, const char* name) {
  const Scenario s = scenario(name);
  const Calibration calibration(DataPaths{kRoot});
  Diagnostics diagnostics;
  const auto laws = calibration.kernels(s.cluster.gpu, s.stack.kernels, diagnostics);
  LayoutFamily family(s, *laws, calibration.network(diagnostics));
  LastPlans plans;
  for (auto _ : state) {
    family.take(s, plans);
    benchmark::DoNotOptimize(family.memory());
    benchmark::DoNotOptimize(family.compute_floor());
    benchmark::DoNotOptimize(family.step());
  }
}
BENCHMARK_CAPTURE(one_layout, gpt3, "gpt3_175b_4096_h100.yaml")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(one_layout, deepseek, "deepseek_v3_h800.yaml")->Unit(benchmark::kMicrosecond);

}  // namespace
