#include "plan/explain.hpp"

#include <cmath>

#include "core/checked.hpp"
#include "plan/parallel.hpp"

namespace gpuhours {
namespace {

constexpr double kBetter = 0.1;

/// SMs after giving a tenth back, at least one.
int fewer_sms(int held) { return std::max(0, held - std::max(1, nearest_whole<int>(kBetter * held))); }

/// A scenario of one steady phase: what comes after it does not change with the step.
Scenario main_phase_only(Scenario scenario) {
  scenario.training.ramp = {};
  scenario.training.phases.clear();
  return scenario;
}

}  // namespace

std::vector<Alteration> alterations(const Scenario& scenario) {
  std::vector<Alteration> out;
  const auto altered = [&](const char* resource, const char* what) -> Scenario& {
    out.push_back({resource, what, scenario});
    return out.back().scenario;
  };
  altered("peak FLOPs", "matrix units x 1.1 at equal power").cluster.gpu.tensor_factor *= 1 + kBetter;
  altered("HBM bandwidth", "memory_bandwidth x 1.1").cluster.gpu.memory_bandwidth *= 1 + kBetter;
  altered("NVLink", "nvlink_per_direction x 1.1").cluster.gpu.nvlink_per_direction *= 1 + kBetter;
  if (scenario.cluster.gpus > scenario.cluster.node.nvlink_domain) {
    Cluster& nic = altered("NIC", "nic_per_direction and switch ports x 1.1").cluster;
    nic.node.nic_per_direction *= 1 + kBetter;
    nic.fabric.port_per_direction *= 1 + kBetter;
  }
  altered("latency", "every communication's start-up and hop time x 0.9").cluster.latency_factor *= 1 - kBetter;
  if (scenario.stack.communication_sms > 0 || scenario.stack.collective_sms > 0) {
    Stack& stack = altered("SMs held by communication", "communication_sms and collective_sms x 0.9").stack;
    stack.communication_sms = fewer_sms(stack.communication_sms);
    stack.collective_sms = fewer_sms(stack.collective_sms);
  }
  return out;
}

std::vector<Sensitivity> sensitivities(const Scenario& scenario, const Estimate& base, const Calibration& calibration,
                                       int jobs, Diagnostics& diagnostics) {
  const std::vector<Alteration> altered = alterations(scenario);
  std::vector<Sensitivity> out(altered.size());
  std::vector<Diagnostics> found(altered.size());
  for_each_index(static_cast<int>(altered.size()), jobs, [&](int i) {
    const auto at = static_cast<std::size_t>(i);
    const Alteration& one = altered[at];
    const auto result = estimate(main_phase_only(one.scenario), calibration, {}, found[at]);
    if (!result) return;
    const double change = result->step.time / base.step.time - 1;
    out[at] = {one.resource, one.what, kBetter, result->step.time, change, base.run.gpu_hours};
    double simulated = 0;
    for (const PhaseEstimate& phase : base.run.phases) simulated += phase.simulated ? phase.gpu_hours : 0;
    out[at].gpu_hours += change * simulated;  // all simulated phases are taken to change alike
  });
  for (const Diagnostics& one : found) diagnostics.append(one);
  if (diagnostics.has_errors()) return {};
  return out;
}

}  // namespace gpuhours
