#include "estimate/checks.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gpuhours {
namespace {

double micro_batches(const StepModel& model, int global_batch) { return model.shape(global_batch).micro_batches; }

FlopsPerSecond peak_of_recipe(const Scenario& scenario) {
  return std::max(scenario.cluster.gpu.peak(scenario.precision.gemm), scenario.cluster.gpu.peak(Format::bf16));
}

}  // namespace

Seconds compute_floor(const StepModel& model, int global_batch) {
  const Scenario& scenario = model.scenario();
  const Flops whole =
      model_flops_per_sequence(scenario.model, scenario.training.sequence_length) * static_cast<double>(global_batch);
  return whole / static_cast<double>(scenario.cluster.gpus) / peak_of_recipe(scenario);
}

Seconds bytes_floor(const StepModel& model, int global_batch) {
  const Scenario& scenario = model.scenario();
  double least = 0;
  for (const StageWork& stage : model.work().stages) least = std::max(least, stage.parameters.total());
  // Forward and backward of one stage on the rank that holds most; the widest format that a weight may be kept in is
  // not assumed.
  const double bytes =
      least * std::min(1.0, bytes_per_element(scenario.precision.gemm)) * 2.0 * micro_batches(model, global_batch);
  return Bytes(bytes) / scenario.cluster.gpu.memory_bandwidth;
}

std::vector<std::string> broken_laws(const StepModel& model, int global_batch, Seconds step_time) {
  std::vector<std::string> broken;
  const Seconds compute = compute_floor(model, global_batch);
  const Seconds bytes = bytes_floor(model, global_batch);
  if (step_time < compute) {
    broken.push_back(
        fmt::format("a step of {:.6g} s is below the compute floor of {:.6g} s", step_time.value(), compute.value()));
  }
  if (step_time < bytes) {
    broken.push_back(
        fmt::format("a step of {:.6g} s is below the bytes floor of {:.6g} s", step_time.value(), bytes.value()));
  }
  return broken;
}

}  // namespace gpuhours
