// The parts of one estimate: reading, preparing, simulating a step, memory, the whole.
#include <benchmark/benchmark.h>

#include "estimate/estimate.hpp"
#include "estimate/step_model.hpp"
#include "memory/ledger.hpp"
#include "scenario/read_scenario.hpp"

using namespace gpuhours;

namespace {

const std::string kRoot = GPUHOURS_REPOSITORY;
const std::string kFile = kRoot + "/scenarios/deepseek_v3_h800.yaml";

Scenario deepseek() {
  Diagnostics diagnostics;
  return *read_scenario(kFile, {}, kRoot, diagnostics);
}

void read(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(deepseek());
}
BENCHMARK(read)->Unit(benchmark::kMillisecond);

void work_of_a_step(benchmark::State& state) {
  const Scenario scenario = deepseek();
  for (auto _ : state) benchmark::DoNotOptimize(workload(scenario));
}
BENCHMARK(work_of_a_step)->Unit(benchmark::kMillisecond);

void prepare(benchmark::State& state) {
  const Scenario scenario = deepseek();
  Diagnostics diagnostics;
  for (auto _ : state) benchmark::DoNotOptimize(StepModel::make(scenario, kRoot + "/calibration", diagnostics));
}
BENCHMARK(prepare)->Unit(benchmark::kMillisecond);

void folded_step(benchmark::State& state) {
  Diagnostics diagnostics;
  const auto model = StepModel::make(deepseek(), kRoot + "/calibration", diagnostics);
  for (auto _ : state) benchmark::DoNotOptimize(model->step(15360, false));
}
BENCHMARK(folded_step)->Unit(benchmark::kMillisecond);

void memory(benchmark::State& state) {
  Diagnostics diagnostics;
  const auto model = StepModel::make(deepseek(), kRoot + "/calibration", diagnostics);
  const PipelinePlan plan = model->warmed_up_plan(15360);
  for (auto _ : state) benchmark::DoNotOptimize(memory_ledger(model->scenario(), model->work(), plan));
}
BENCHMARK(memory)->Unit(benchmark::kMillisecond);

void whole(benchmark::State& state) {
  const Scenario scenario = deepseek();
  Diagnostics diagnostics;
  for (auto _ : state) benchmark::DoNotOptimize(estimate(scenario, {kRoot}, {}, diagnostics));
}
BENCHMARK(whole)->Unit(benchmark::kMillisecond);

}  // namespace
