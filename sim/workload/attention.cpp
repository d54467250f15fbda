#include "workload/attention.hpp"

#include "workload/attention_core.hpp"

namespace gpuhours {

namespace {

using enum OperatorKind;
using Scope = OperatorList::RecomputeScope;

/// Latent norms and the slices that they read; `recompute` in backward.
void latent_norms(const Dimensions& d, PassBuilder& b, bool recompute) {
  const Architecture& m = d.model;
  b.norm("norm q_lora", d.norm_tokens, m.q_lora, false);
  b.list.memory("copy kv_a slice", copy, laws::kCopyStrided, d.norm_tokens, m.kv_lora, 4);
  b.norm("norm kv_lora", d.norm_tokens, m.kv_lora, false);
  if (!recompute) b.list.memory("copy k_rope", copy, laws::kCopyStrided, d.norm_tokens, m.qk_rope, 4);
}

/// Up-projections of queries, keys and values, rotation, and the assembly of keys.
void mla_up_projections(const Dimensions& d, PassBuilder& b, const AttentionLinears& l) {
  const Architecture& m = d.model;
  b.linear.cast_operand("q_b input", d.tokens, m.q_lora);
  b.linear.fprop(l.q_b);
  b.linear.cast_operand("kv_b input", d.tokens, m.kv_lora);
  b.linear.fprop(l.kv_b);
  rotate(d, b, "rope k", m.qk_rope);
  b.list.memory("copy k_nope", copy, laws::kCopyStrided, d.tokens, d.heads * m.qk_nope, 4);
  b.list.memory("broadcast k_rope", copy, laws::kBroadcastStrided, d.tokens, d.heads * m.qk_rope, 2);
  rotate(d, b, "rope q", d.heads * m.qk_rope);
}

std::int64_t latent_width(const Dimensions& d) { return d.model.q_lora + d.model.kv_lora + d.model.qk_rope; }

void mla_forward(const Dimensions& d, PassBuilder& b) {
  const AttentionLinears l(d);
  b.linear.cast_operand("q_a input", d.norm_tokens, d.hidden);
  b.linear.fprop(l.q_a);
  if (d.separate_casts) b.linear.cast_operand("kv_a input", d.norm_tokens, d.hidden);
  b.linear.fprop(l.kv_a);
  if (d.single_kernels) b.list.small("positions", router, 2);
  latent_norms(d, b, false);
  b.gather_tokens("attn", "latents", latent_width(d), false, false);
  mla_up_projections(d, b, l);
  attention_kernel(d, b);
  output_projection(d, b, l.output);
}

/// Gradients of queries, keys and values back to the latents.
void mla_up_backward(const Dimensions& d, PassBuilder& b, const AttentionLinears& l) {
  const Architecture& m = d.model;
  rotate(d, b, "rope dq", d.heads * m.qk_rope);
  b.linear.backward(l.q_b);
  b.list.memory("sum dk_rope over heads", elementwise, laws::kReduceHeads, d.tokens, d.heads * m.qk_rope, 2);
  rotate(d, b, "rope dk", m.qk_rope);
  b.list.memory("copy dk_nope", copy, laws::kCopyStrided, d.tokens, d.heads * m.qk_nope, 4);
  b.list.memory("copy dv", copy, laws::kCopyStrided, d.tokens, d.heads * m.v_head_dim, 4);
  b.linear.backward(l.kv_b);
}

/// The gradient of kv_a's output from those of its two slices.
void join_kv_slices(const Dimensions& d, PassBuilder& b, std::int64_t width) {
  const Architecture& m = d.model;
  if (!d.single_kernels) {
    b.list.memory("join kv_a slices", copy, laws::kCopyStrided, d.norm_tokens, width, 4);
    return;
  }
  b.list.memory("fill kv_a gradient", elementwise, laws::kFill, d.norm_tokens, width, 2);
  b.list.memory("copy dk_rope", copy, laws::kCopyStrided, d.norm_tokens, m.qk_rope, 4);
  b.list.memory("fill kv_a gradient", elementwise, laws::kFill, d.norm_tokens, width, 2);
  b.list.memory("copy dkv", copy, laws::kCopyStrided, d.norm_tokens, m.kv_lora, 4);
  b.add("add kv_a slices", d.norm_tokens, width);
}

void mla_recompute(const Dimensions& d, PassBuilder& b, const AttentionLinears& l) {
  const Scope scope(b.list);
  const bool up = d.recomputes(RecomputeOp::mla_up_projection);
  if (up || d.recomputes(RecomputeOp::norm)) latent_norms(d, b, true);
  if (up) {
    b.gather_tokens("attn", "latents", latent_width(d), false, false);
    mla_up_projections(d, b, l);
  }
}

void mla_backward(const Dimensions& d, PassBuilder& b) {
  const AttentionLinears l(d);
  output_projection_backward(d, b, l.output);
  mla_recompute(d, b, l);
  if (d.recomputes(RecomputeOp::attention)) {
    const Scope scope(b.list);
    attention_kernel(d, b);
  }
  attention_kernel_backward(d, b);
  mla_up_backward(d, b, l);
  b.reduce_tokens("attn", "latent gradients", latent_width(d));
  b.norm_backward("norm kv_lora bwd", d.norm_tokens, d.model.kv_lora, false);
  b.norm_backward("norm q_lora bwd", d.norm_tokens, d.model.q_lora, false);
  join_kv_slices(d, b, l.kv_a.outputs);
  if (d.recomputes(RecomputeOp::norm)) {
    const Scope scope(b.list);
    b.norm("input norm", d.norm_tokens, d.hidden, false);
  }
  b.linear.backward(l.kv_a);
  b.linear.backward(l.q_a);
  b.add("add input gradients", d.norm_tokens, d.hidden);
}

void grouped_query_forward(const Dimensions& d, PassBuilder& b) {
  const AttentionLinears l(d);
  b.linear.cast_norm_output("qkv input", d.norm_tokens, d.hidden);
  b.gather_tokens("attn", "attention input", d.hidden);
  if (!d.casts_with_norm) b.linear.cast_operand("qkv input", d.tokens, d.hidden);
  b.linear.fprop(l.qkv);
  if (d.model.qk_norm) b.norm("query and key norm", d.tokens * (d.heads + d.kv_heads), d.qk, false);
  rotate(d, b, "rope", (d.heads + d.kv_heads) * d.qk);
  attention_kernel(d, b);
  output_projection(d, b, l.output);
}

void grouped_query_backward(const Dimensions& d, PassBuilder& b) {
  const AttentionLinears l(d);
  output_projection_backward(d, b, l.output);
  if (d.recomputes(RecomputeOp::attention)) {
    const Scope scope(b.list);
    attention_kernel(d, b);
  }
  attention_kernel_backward(d, b);
  rotate(d, b, "rope bwd", (d.heads + d.kv_heads) * d.qk);
  if (d.model.qk_norm) b.norm_backward("query and key norm bwd", d.tokens * (d.heads + d.kv_heads), d.qk, false);
  if (d.recomputes(RecomputeOp::norm)) {
    const Scope scope(b.list);
    b.norm("input norm", d.norm_tokens, d.hidden, false);
  }
  b.gather_tokens("attn", "attention input for wgrad", d.hidden, true);
  if (d.casts_with_norm) b.linear.transpose_for_wgrad("qkv input", d.tokens, d.hidden);
  b.linear.backward(l.qkv);
  if (d.scenario.stack.eager_modules) {  // of three projections
    b.add("add query and key gradients", d.tokens, d.hidden);
    b.add("add value gradients", d.tokens, d.hidden);
  }
  b.reduce_tokens("attn", "attention input gradient", d.hidden);
}

}  // namespace

void attention_forward(const Dimensions& d, PassBuilder& b) {
  b.norm("input norm", d.norm_tokens, d.hidden, true);
  if (d.model.attention == AttentionKind::mla) {
    mla_forward(d, b);
  } else {
    grouped_query_forward(d, b);
  }
  b.reduce_tokens("attn", "attention output", d.hidden);
  b.scale("scale attention output", d.norm_tokens, d.hidden);
}

void attention_backward(const Dimensions& d, PassBuilder& b) {
  b.scale("scale attention gradient", d.norm_tokens, d.hidden);
  b.linear.cast_gradient_shard("dY of o", d.norm_tokens, d.hidden);
  b.gather_tokens("attn", "attention output gradient", d.hidden);
  if (d.gathers_operands) b.linear.transpose_for_wgrad("dY of o", d.tokens, d.hidden);
  if (d.model.attention == AttentionKind::mla) {
    mla_backward(d, b);
  } else {
    grouped_query_backward(d, b);
  }
  b.norm_backward("input norm bwd", d.norm_tokens, d.hidden, true);
}

void attention_weight(const Dimensions& d, PassBuilder& b) {
  const AttentionLinears l(d);
  b.linear.wgrad(l.output);
  if (d.model.attention == AttentionKind::mla) {
    b.linear.wgrad(l.kv_b);
    b.linear.wgrad(l.q_b);
    b.linear.wgrad(l.kv_a);
    b.linear.wgrad(l.q_a);
  } else {
    b.linear.wgrad(l.qkv);
  }
}

}  // namespace gpuhours
