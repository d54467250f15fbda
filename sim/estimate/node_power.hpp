#pragma once
// What a node draws while it trains: its GPUs by the power law, its other parts at their measured power throughout.

#include "estimate/step_model.hpp"

namespace gpuhours {

/// Mean power of a GPU over the step, W, 0 and above and at most its limit: kernels draw what the power law says, the
/// rest of a step the idle power.
Watts mean_gpu_power(const StepModel& model, const StepResult& step);

/// Power of a node's other parts (hosts, switches, NICs, fans, losses): of the node while it trains what its GPUs at
/// the limit they were measured at leave. No other limit changes it.
Watts other_parts_power(const Node& node);

/// Node power over what it drew when it was measured while training (Latif et al. 2025); 0: not modelled.
double node_power_share(const Cluster& cluster, Watts mean_gpu_power);

}  // namespace gpuhours
