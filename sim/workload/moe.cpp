#include "workload/moe.hpp"

#include "workload/dispatch.hpp"
#include "workload/mlp.hpp"

namespace gpuhours {

namespace {

using enum OperatorKind;
using Scope = OperatorList::RecomputeScope;

constexpr double kBlockCast = 3 + 4.0 / 128;
constexpr double kBlockRecast = 2 + 8.0 / 128;
/// Launches of DeepSeek's router (scores, group-limited top-k, balance statistics) in its trace, forward and backward.
constexpr int kSingleRouterKernels = 37;
constexpr int kSingleRouterBackwardKernels = 26;
/// A fused router: scores, top-k, and maps with statistics.
constexpr int kRouterKernels = 3;

GemmFormats router_formats(const Dimensions& d, double result_bytes) {
  return {d.scenario.precision.router, Scaling::none, result_bytes};
}

void router_forward(const Dimensions& d, PassBuilder& b) {
  b.list.gemm("router fprop", {d.moe_tokens, d.model.experts, d.hidden, 1}, false, router_formats(d, 4));
  Operator& op = b.list.memory("router top-k", router, laws::kRouterTopk, d.moe_tokens, d.model.experts, 4);
  op.kernels = d.single_kernels ? kSingleRouterKernels : kRouterKernels;
  op.format = Format::fp32;
}

/// The router's wgrad is small and stays here.
void router_backward(const Dimensions& d, PassBuilder& b) {
  Operator& op = b.list.memory("router top-k bwd", router, laws::kRouterTopkBwd, d.moe_tokens, d.model.experts, 8);
  op.kernels = d.single_kernels ? kSingleRouterBackwardKernels : kRouterKernels;
  op.format = Format::fp32;
  b.list.gemm("router dgrad", {d.moe_tokens, d.hidden, d.model.experts, 1}, false, router_formats(d, d.width));
  b.list.gemm("router wgrad", {d.model.experts, d.hidden, d.moe_tokens, 1}, false, router_formats(d, 4));
}

bool has_shared(const Dimensions& d) { return d.model.shared_experts > 0; }

/// Without tensor parallelism the shared expert reads what was cast for dispatch.
MlpOperands shared_operands(const Dimensions& d) {
  const bool cast = d.separate_casts && d.scenario.precision.dispatch == Format::fp8 && d.tp == 1;
  return {cast, cast};
}

void shared_forward(const Dimensions& d, PassBuilder& b) {
  if (!has_shared(d)) return;
  b.gather_tokens("mlp shared", "shared expert input", d.hidden, false, false);
  mlp_forward(d, b, shared_mlp(d), shared_operands(d));
  b.reduce_tokens("mlp shared", "shared expert output", d.hidden);
}

void routed_forward(const Dimensions& d, PassBuilder& b, const Mlp& mlp) {
  const bool cast = d.low_precision && d.scenario.precision.dispatch == Format::fp8;
  if (!cast) b.linear.cast_operand("expert input", mlp.up.rows, mlp.up.inputs, mlp.up.groups);
  if (d.separate_casts) {
    b.linear.transpose_weights(mlp.up);
    b.linear.copy_scales(mlp.up.rows, mlp.up.inputs);
  }
  b.linear.fprop(mlp.up);
  if (d.separate_casts) b.list.small("scale routing weights", transpose, 1);
  activate(d, b, mlp);
  if (d.separate_casts) b.linear.transpose_weights(mlp.down);
  b.linear.fprop(mlp.down);
  add_expert_bias(d, b, mlp);
}

/// Gradient of the routed rows down to that of the activation's operands; DeepSeek fuses the activation's two passes.
void routed_down_backward(const Dimensions& d, PassBuilder& b, const Mlp& mlp) {
  expert_bias_backward(d, b, mlp);
  if (d.separate_casts) {
    b.linear.copy_scales(mlp.down.rows, mlp.down.outputs);
  } else if (!(d.low_precision && d.scenario.precision.dispatch == Format::fp8)) {
    b.linear.cast_operand("dY of routed down", mlp.down.rows, mlp.down.outputs, mlp.down.groups);
  }
  if (!d.separate_casts) b.linear.transpose_weights(mlp.down);
  b.linear.dgrad(mlp.down);
  const bool recompute = d.recomputes(RecomputeOp::activation) || d.recomputes(RecomputeOp::moe_experts);
  const bool fused = d.separate_casts && recompute && d.gated;
  if (fused) {
    b.list.memory("activation fwd+bwd", OperatorKind::activation, laws::kSwigluRecomputeBwd, mlp.up.rows, mlp.width,
                  12);
  } else {
    if (recompute) {
      const Scope scope(b.list);
      activate(d, b, mlp);
    }
    activation_backward(d, b, mlp);
  }
  b.list.memory("routing weight bwd", OperatorKind::activation, laws::kSwigluProbBwd, mlp.up.rows, mlp.width, 4);
  if (d.separate_casts) {
    b.linear.cast_for_wgrad("routed down input", mlp.up.rows, mlp.width);
    b.list.small("scale routing weights", transpose, 1);
  }
}

void routed_up_backward(const Dimensions& d, PassBuilder& b, const Mlp& mlp) {
  if (!d.separate_casts) {
    b.linear.backward(mlp.up);
    return;
  }
  b.list.memory("cast dY of routed gate_up", cast, laws::kCast1x128, mlp.up.rows, mlp.up.outputs, kBlockCast);
  b.linear.copy_scales(mlp.up.rows, mlp.up.outputs);
  b.linear.dgrad(mlp.up);
}

void recompute_norm(const Dimensions& d, PassBuilder& b) {
  if (!d.recomputes(RecomputeOp::norm)) return;
  const Scope scope(b.list);
  b.norm("mlp norm", d.norm_tokens, d.hidden, false);
  if (shared_operands(d).input_cast) {
    b.list.memory("cast mlp input", cast, laws::kCast1x128, d.norm_tokens, d.hidden, kBlockCast);
  }
}

/// The up-projection of the experts once more, from their kept input.
void recompute_experts(const Dimensions& d, PassBuilder& b, const Mlp& routed) {
  if (!d.recomputes(RecomputeOp::moe_experts)) return;
  const Scope scope(b.list);
  if (d.separate_casts) b.linear.transpose_weights(routed.up);
  b.linear.fprop(routed.up);
}

void recompute_shared(const Dimensions& d, PassBuilder& b) {
  if (!d.recomputes(RecomputeOp::shared_experts)) return;
  const Scope scope(b.list);
  shared_forward(d, b);
}

void shared_up_backward(const Dimensions& d, PassBuilder& b, const Mlp& shared) {
  if (shared_operands(d).input_cast) {
    b.list.memory("cast back mlp input", cast, laws::kCastBack1x128, d.tokens, d.hidden, kBlockCast);
  }
  b.gather_tokens("mlp", "shared expert input for wgrad", d.hidden, true, false);
  mlp_up_backward(d, b, shared);
  b.reduce_tokens("mlp", "shared expert input gradient", d.hidden);
}

void recast_for_wgrad(const Dimensions& d, PassBuilder& b, std::string_view name) {
  if (!d.separate_casts) return;
  b.list.memory(name, cast_transpose, laws::kRecastTranspose128, d.routed_rows, d.hidden, kBlockRecast);
}

}  // namespace

void moe_forward(const Dimensions& d, PassBuilder& b) {
  b.norm("mlp norm", d.norm_tokens, d.hidden, true);
  router_forward(d, b);
  send_to_experts(d, b, "attn", true);
  shared_forward(d, b);
  if (d.scenario.stack.shared_expert_overlap) b.close("mlp shared");
  expand_rows(d, b, true);
  const Mlp routed = routed_mlp(d);
  routed_forward(d, b, routed);
  reduce_rows(d, b);
  save_up_result(d, b, routed);
  return_from_experts(d, b, "mlp", true);
  if (has_shared(d) && !d.single_kernels) b.add("add shared expert", d.norm_tokens, d.hidden);
  b.close("mlp");
}

void moe_backward(const Dimensions& d, PassBuilder& b) {
  const Mlp shared = shared_mlp(d);
  const Mlp routed = routed_mlp(d);
  send_to_experts(d, b, "mlp", false);
  if (has_shared(d)) {
    recompute_shared(d, b);
    b.gather_tokens("mlp", "shared expert output gradient", d.hidden, false, false);
    mlp_down_backward(d, b, shared, shared_operands(d));
  }
  if (d.scenario.stack.shared_expert_overlap) b.close("mlp shared");
  recompute_experts(d, b, routed);
  if (!d.recomputes(RecomputeOp::moe_experts)) restore_up_result(d, b, routed);
  expand_rows(d, b, false);
  routed_down_backward(d, b, routed);
  recompute_norm(d, b);
  routed_up_backward(d, b, routed);
  reduce_rows(d, b);
  b.linear.cast_for_wgrad("dY of routed gate_up", routed.up.rows, routed.up.outputs);
  if (has_shared(d)) shared_up_backward(d, b, shared);
  return_from_experts(d, b, "mlp", false);
  router_backward(d, b);
  b.add("add router gradient", d.norm_tokens, d.hidden);
  b.norm_backward("mlp norm bwd", d.norm_tokens, d.hidden, true);
}

void moe_weight(const Dimensions& d, PassBuilder& b) {
  const Mlp shared = shared_mlp(d);
  const Mlp routed = routed_mlp(d);
  if (has_shared(d)) b.linear.wgrad(shared.down);
  recast_for_wgrad(d, b, "recast+transpose dY of routed down");
  b.linear.wgrad(routed.down);
  recast_for_wgrad(d, b, "recast+transpose expert input");
  b.linear.wgrad(routed.up);
  if (has_shared(d)) b.linear.wgrad(shared.up);
}

}  // namespace gpuhours
