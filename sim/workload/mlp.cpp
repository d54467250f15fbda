#include "workload/mlp.hpp"

namespace gpuhours {

namespace {

using enum OperatorKind;
using Scope = OperatorList::RecomputeScope;

constexpr double kBlockCast = 3 + 4.0 / 128;

Mlp token_mlp(const Dimensions& d, std::string_view up, std::string_view down, std::int64_t width) {
  const bool bias = d.model.linear_bias;
  return {{up, d.tokens, (d.gated ? 2 : 1) * width, d.hidden, 1, false, bias},
          {down, d.tokens, d.hidden, width, 1, false, bias},
          width};
}

bool casts_with_activation(const Dimensions& d) {
  const Scaling scaling = d.scenario.precision.scaling;
  return d.scenario.stack.fused_activation && (scaling == Scaling::tensor_delayed || d.separate_casts);
}

void clamp(const Dimensions& d, PassBuilder& b, const Mlp& mlp) {
  if (!clamps_apart(d, mlp.up.grouped)) return;
  b.list.memory("clamp gate and up", OperatorKind::elementwise, laws::kScale, mlp.up.rows, mlp.up.outputs, 4).kernels =
      2;
  b.list.memory("join gate and up", OperatorKind::elementwise, laws::kCopyStrided, mlp.up.rows, mlp.up.outputs, 4);
}

/// PyTorch's derivative of clamp compares (3 bytes an element a bound: up has two and joins them, 3) and chooses (5):
/// 14 bytes for up in four kernels, 8 for gate in two. Then the gradients of the halves are joined.
void clamp_backward(const Dimensions& d, PassBuilder& b, const Mlp& mlp) {
  if (!clamps_apart(d, mlp.up.grouped)) return;
  b.list.memory("clamp bwd", OperatorKind::elementwise, laws::kScale, mlp.up.rows, mlp.up.outputs, 11).kernels = 6;
  b.list.memory("join gate and up gradients", OperatorKind::elementwise, laws::kCopyStrided, mlp.up.rows,
                mlp.up.outputs, 4);
}

}  // namespace

bool clamps_apart(const Dimensions& d, bool grouped) {
  return d.model.activation_clamp && d.gated && !(grouped && d.scenario.stack.fused_grouped_gemm);
}

bool weighs_expert_bias(const Dimensions& d) { return d.model.linear_bias && !d.scenario.stack.fused_grouped_gemm; }

void add_expert_bias(const Dimensions& d, PassBuilder& b, const Mlp& mlp) {
  if (!weighs_expert_bias(d)) return;
  const int groups = mlp.down.groups;
  b.list.memory("expert bias", OperatorKind::elementwise, laws::kAdd, mlp.down.rows, mlp.down.outputs, 20).kernels =
      2 * groups + 1;
  b.list.memory("join expert rows", OperatorKind::elementwise, laws::kCopyStrided, mlp.down.rows, mlp.down.outputs, 8);
}

void expert_bias_backward(const Dimensions& d, PassBuilder& b, const Mlp& mlp) {
  if (!weighs_expert_bias(d)) return;
  const int groups = mlp.down.groups;
  b.list.memory("expert bias bwd", OperatorKind::elementwise, laws::kAdd, mlp.down.rows, mlp.down.outputs, 28).kernels =
      3 * groups + 1;
  b.list.memory("expert bias sums", OperatorKind::elementwise, laws::kBiasGrad, mlp.down.rows, mlp.down.outputs, 8)
      .kernels = 2 * groups;
  b.list.memory("join expert row gradients", OperatorKind::elementwise, laws::kCopyStrided, mlp.down.rows,
                mlp.down.outputs, 4);
}

Mlp dense_mlp(const Dimensions& d) { return token_mlp(d, "gate_up", "down", d.ffn); }
Mlp shared_mlp(const Dimensions& d) { return token_mlp(d, "shared gate_up", "shared down", d.shared_ffn); }

Mlp routed_mlp(const Dimensions& d) {
  const bool bias = d.model.linear_bias;
  const int groups = static_cast<int>(d.experts);
  return {
      {"routed gate_up", d.routed_rows, (d.gated ? 2 : 1) * d.moe_ffn, d.hidden, groups, true, bias, d.row_spread},
      {"routed down", d.routed_rows, d.hidden, d.moe_ffn, groups, true, bias && !weighs_expert_bias(d), d.row_spread},
      d.moe_ffn};
}

void activate(const Dimensions& d, PassBuilder& b, const Mlp& mlp) {
  clamp(d, b, mlp);
  const std::int64_t rows = mlp.up.rows;
  const double read = (d.gated ? 2 : 1) * d.width;
  const bool fused = casts_with_activation(d);
  if (d.scenario.stack.eager_modules && d.gated) {  // SiLU 4, product 6
    b.list.memory("activation", OperatorKind::activation, laws::kAdd, rows, mlp.width, 10).kernels = 2;
    b.linear.cast_operand("down input", rows, mlp.width, mlp.up.groups);
    return;
  }
  if (fused && d.separate_casts && d.gated) {
    b.list.memory("activation+cast", OperatorKind::activation, laws::kSwigluCast1x128, rows, mlp.width, 5 + 4.0 / 128);
  } else {
    const double written = fused ? 2 : d.width;  // FP8 twice: as it is and transposed
    b.list.memory("activation", OperatorKind::activation, d.gated ? laws::kSwiglu : laws::kGelu, rows, mlp.width,
                  read + written);
    if (!fused) b.linear.cast_operand("down input", rows, mlp.width, mlp.up.groups);
    if (fused && !d.separate_casts) return;
  }
  if (!fused) return;
  if (mlp.up.grouped) {
    b.linear.copy_scales(rows, mlp.width);
  } else {
    b.linear.transpose_scales(rows, mlp.width);
  }
}

void activation_backward(const Dimensions& d, PassBuilder& b, const Mlp& mlp) {
  if (d.scenario.stack.eager_modules && d.gated) {  // gradients of the product 6 and 6, of SiLU 6
    b.list.memory("activation bwd", OperatorKind::activation, laws::kAdd, mlp.up.rows, mlp.width, 18).kernels = 3;
    return;
  }
  b.list.memory("activation bwd", OperatorKind::activation, d.gated ? laws::kSwigluBwd : laws::kGeluBwd, mlp.up.rows,
                mlp.width, (d.gated ? 5 : 3) * d.width);
  clamp_backward(d, b, mlp);
}

void save_up_result(const Dimensions& d, PassBuilder& b, const Mlp& mlp) {
  if (!d.separate_casts) return;
  b.list.memory("cast to keep up result", cast, laws::kCast1x128, mlp.up.rows, mlp.up.outputs, kBlockCast);
}

void restore_up_result(const Dimensions& d, PassBuilder& b, const Mlp& mlp) {
  if (!d.separate_casts) return;
  b.list.memory("cast back up result", cast, laws::kCastBack1x128, mlp.up.rows, mlp.up.outputs, kBlockCast);
}

void mlp_forward(const Dimensions& d, PassBuilder& b, const Mlp& mlp, MlpOperands operands) {
  if (operands.input_cast) {
    b.linear.transpose_scales(mlp.up.rows, mlp.up.inputs);
  } else {
    b.linear.cast_operand("mlp input", mlp.up.rows, mlp.up.inputs);
  }
  b.linear.fprop(mlp.up);
  activate(d, b, mlp);
  b.linear.fprop(mlp.down);
  save_up_result(d, b, mlp);
}

namespace {

/// The activation's result once more, as the operand of the down-projection's wgrad.
void down_wgrad_input(const Dimensions& d, PassBuilder& b, const Mlp& mlp) {
  const bool recompute = d.recomputes(RecomputeOp::activation);
  if (d.separate_casts && !recompute) {
    b.list.memory("recast+transpose down input", cast_transpose, laws::kRecastTranspose128, mlp.up.rows, mlp.width,
                  2 + 8.0 / 128);
  } else if (d.separate_casts) {
    b.list.memory("activation+cast+transpose", cast_transpose, laws::kSwigluCastTranspose128, mlp.up.rows, mlp.width,
                  5 + 4.0 / 128);
  } else if (recompute) {
    const Scope scope(b.list);
    activate(d, b, mlp);
  }
}

}  // namespace

void mlp_down_backward(const Dimensions& d, PassBuilder& b, const Mlp& mlp, MlpOperands operands) {
  restore_up_result(d, b, mlp);
  if (operands.gradient_cast) {
    b.linear.transpose_scales(mlp.down.rows, mlp.down.outputs);
  } else {
    b.linear.cast_operand("dY of down", mlp.down.rows, mlp.down.outputs);
  }
  b.linear.transpose_weights(mlp.down);
  b.linear.dgrad(mlp.down);
  if (operands.gradient_cast && d.separate_casts) {
    b.list.memory("recast+transpose dY of down", cast_transpose, laws::kRecastTranspose128, mlp.down.rows,
                  mlp.down.outputs, 2 + 8.0 / 128);
  } else {
    b.linear.cast_for_wgrad("dY of down", mlp.down.rows, mlp.down.outputs);
  }
  down_wgrad_input(d, b, mlp);
  activation_backward(d, b, mlp);
}

void mlp_up_backward(const Dimensions&, PassBuilder& b, const Mlp& mlp) { b.linear.backward(mlp.up); }

void mlp_weight(PassBuilder& b, const Mlp& mlp) {
  b.linear.wgrad(mlp.down);
  b.linear.wgrad(mlp.up);
}

void dense_mlp_forward(const Dimensions& d, PassBuilder& b) {
  b.norm("mlp norm", d.norm_tokens, d.hidden, true);
  b.linear.cast_norm_output("mlp input", d.norm_tokens, d.hidden);
  b.gather_tokens("mlp", "mlp input", d.hidden);
  mlp_forward(d, b, dense_mlp(d), {d.casts_with_norm, false});
  b.reduce_tokens("mlp", "mlp output", d.hidden);
}

void dense_mlp_backward(const Dimensions& d, PassBuilder& b) {
  const Mlp mlp = dense_mlp(d);
  b.linear.cast_gradient_shard("dY of down", d.norm_tokens, d.hidden);
  b.gather_tokens("mlp", "mlp output gradient", d.hidden);
  if (d.gathers_operands) b.linear.transpose_for_wgrad("dY of down", d.tokens, d.hidden);
  mlp_down_backward(d, b, mlp, {false, d.gathers_operands});
  if (d.recomputes(RecomputeOp::norm)) {
    const Scope scope(b.list);
    b.norm("mlp norm", d.norm_tokens, d.hidden, false);
  }
  b.gather_tokens("mlp", "mlp input for wgrad", d.hidden, true);
  if (d.casts_with_norm) b.linear.transpose_for_wgrad("mlp input", d.tokens, d.hidden);
  mlp_up_backward(d, b, mlp);
  if (d.scenario.stack.eager_modules && d.gated) b.add("add gate and up gradients", d.tokens, d.hidden);
  b.reduce_tokens("mlp", "mlp input gradient", d.hidden);
  b.norm_backward("mlp norm bwd", d.norm_tokens, d.hidden, true);
}

}  // namespace gpuhours
