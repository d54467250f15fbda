// From a plan's row to an operator that can run. Each maker takes memory from the bench's arena.
#pragma once

#include "bench.hpp"

namespace gpuhours::profile {

/// The operator of a row; throws Unsupported where device or library has none.
Operation make_operation(Bench& bench, const PlanRow& row);

Operation make_gemm(Bench& bench, const PlanRow& row);
Operation make_grouped_gemm(Bench& bench, const PlanRow& row);
Operation make_attention(Bench& bench, const PlanRow& row);
Operation make_norm(Bench& bench, const PlanRow& row);
Operation make_activation(Bench& bench, const PlanRow& row);  ///< swiglu, gelu, add, scale, copy, rope
Operation make_cast(Bench& bench, const PlanRow& row);        ///< casts and transposes of FP8
Operation make_rows_op(Bench& bench, const PlanRow& row);     ///< permute, unpermute, softmax_cross_entropy
Operation make_optimizer(Bench& bench, const PlanRow& row);   ///< adamw, grad_norm
Operation make_launch_gap(Bench& bench, const PlanRow& row);  ///< one call is kLaunchesPerGapCall kernels

Operation make_collective(Bench& bench, const PlanRow& row);  ///< NCCL over all GPUs of this machine

inline constexpr int kLaunchesPerGapCall = 200;

}  // namespace gpuhours::profile
