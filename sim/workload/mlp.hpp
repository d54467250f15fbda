#pragma once
// Gated and plain MLPs: of a dense layer, of the shared experts, and (as grouped GEMMs) of routed experts.

#include "workload/pass_builder.hpp"

namespace gpuhours {

/// One MLP on one rank. `up` holds gate and up together when gated.
struct Mlp {
  Linear up;
  Linear down;
  std::int64_t width = 0;  ///< after the activation
};
Mlp dense_mlp(const Dimensions& d);
Mlp shared_mlp(const Dimensions& d);
Mlp routed_mlp(const Dimensions& d);

/// The second half of a dense layer, norm included.
void dense_mlp_forward(const Dimensions& d, PassBuilder& b);
void dense_mlp_backward(const Dimensions& d, PassBuilder& b);

/// Where the operands of a token MLP come from.
struct MlpOperands {
  bool input_cast = false;     ///< forward: the input is already in the GEMM's format
  bool gradient_cast = false;  ///< backward: so is the output's gradient
};
/// Up-projection to down-projection.
void mlp_forward(const Dimensions& d, PassBuilder& b, const Mlp& mlp, MlpOperands operands);
/// Gradient of the output to gradient of the up-projection's result, cast for its GEMMs.
void mlp_down_backward(const Dimensions& d, PassBuilder& b, const Mlp& mlp, MlpOperands operands);
void mlp_up_backward(const Dimensions& d, PassBuilder& b, const Mlp& mlp);
void mlp_weight(PassBuilder& b, const Mlp& mlp);

/// GPT-OSS bounds gate and up before the activation. Megatron-Core does so half by half in eager PyTorch and joins the
/// halves again (weighted_bias_quick_geglu_impl); Transformer Engine's fused grouped MLP does it inside.
bool clamps_apart(const Dimensions& d, bool grouped);
/// Experts are launched one by one and each adds its bias to the down-projection's rows, times the token's weight for
/// it: Megatron-Core in eager PyTorch with FP32 intermediates (TEGroupedMLP::_apply_bias). Bytes an element: product 4,
/// sum 2 + 4 + 4, join 8, cast 6; backward cast 6, cast of the rows' gradient 6, join 4, products 8 + 8, sums 4 + 4.
bool weighs_expert_bias(const Dimensions& d);
void add_expert_bias(const Dimensions& d, PassBuilder& b, const Mlp& mlp);
void expert_bias_backward(const Dimensions& d, PassBuilder& b, const Mlp& mlp);
/// The activation, in one kernel with the cast of its result where the stack fuses them.
void activate(const Dimensions& d, PassBuilder& b, const Mlp& mlp);
void activation_backward(const Dimensions& d, PassBuilder& b, const Mlp& mlp);
/// Casts the up-projection's result to FP8 to keep it; separate casts only.
void save_up_result(const Dimensions& d, PassBuilder& b, const Mlp& mlp);
void restore_up_result(const Dimensions& d, PassBuilder& b, const Mlp& mlp);

}  // namespace gpuhours
