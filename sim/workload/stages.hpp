#pragma once
// What stages and layers hold and compute, without operators.

#include "workload/dimensions.hpp"
#include "workload/workload.hpp"

namespace gpuhours {

/// Parameters of one layer of the model, and of one rank's share (biases and MLA's down-projections: the latter are
/// replicated over the tensor group).
double layer_parameters(const Architecture& model, const ParameterCounts& counts, bool moe);
RankParameters layer_rank_parameters(const Scenario& scenario, const ParameterCounts& counts, bool moe);

/// Forward FLOPs of one layer, or of the output layer, for one sequence.
double layer_forward_flops(const Architecture& model, std::int64_t sequence_length, bool moe);
double head_forward_flops(const Architecture& model, std::int64_t sequence_length);

/// Stages with layers, parameters and model FLOPs.
std::vector<StageWork> stage_works(const Scenario& scenario);

}  // namespace gpuhours
