#include "workload/attention_core.hpp"

#include "workload/attention.hpp"

namespace gpuhours {

namespace {

AttentionShape attention_shape(const Dimensions& d) {
  AttentionShape shape;
  shape.batch = d.batch;
  shape.heads = d.heads;
  shape.kv_heads = d.kv_heads;
  shape.qk_dim = d.qk;
  shape.v_dim = d.v;
  shape.seq_q = d.sequence / d.scenario.parallelism.cp;
  shape.seq_kv = d.sequence;
  shape.window = mean_window(d.model, d.sequence);
  return shape;
}

void context_exchange(const Dimensions& d, PassBuilder& b, CommunicationKind kind, std::string_view name) {
  if (d.scenario.parallelism.cp == 1) return;
  b.close("attn");
  Communication c;
  c.name = name;
  c.kind = kind;
  c.group = GroupKind::context;
  c.bytes = Bytes(static_cast<double>(d.batch * d.sequence * d.kv_heads * (d.qk + d.v)) * d.width);
  c.beside_next = kind == CommunicationKind::all_gather;  // a ring attends to one part while the next is under way
  b.communicate(std::move(c));
}

}  // namespace

double attention_kernel_flops(const Dimensions& d, Pass pass) {
  const double area = attention_area(d.model, d.sequence) / d.scenario.parallelism.cp;
  const auto heads = static_cast<double>(d.batch * d.heads);
  const auto dims = static_cast<double>(pass == Pass::forward ? d.qk + d.v : 3 * d.qk + 2 * d.v);
  return 2 * area * heads * dims;
}

AttentionLinears::AttentionLinears(const Dimensions& d) {
  const Architecture& m = d.model;
  const bool bias = m.linear_bias;
  qkv = {"qkv", d.tokens, d.heads * d.qk + d.kv_heads * (d.qk + d.v), d.hidden, 1, false, bias};
  q_a = {"q_a", d.norm_tokens, m.q_lora, d.hidden, 1, false, false};
  kv_a = {"kv_a", d.norm_tokens, m.kv_lora + m.qk_rope, d.hidden, 1, false, false};
  q_b = {"q_b", d.tokens, d.heads * d.qk, m.q_lora, 1, false, false};
  kv_b = {"kv_b", d.tokens, d.heads * (m.qk_nope + d.v), m.kv_lora, 1, false, false};
  output = {"o", d.tokens, d.hidden, d.heads * d.v, 1, false, bias};
}

namespace {

std::string_view kernel_law(const Dimensions& d) {
  return d.scenario.stack.attention_kernel == AttentionKernel::flash2 ? "flash2" : std::string_view();
}

/// Attention by single kernels as Megatron-LM ran it before FlashAttention: products over the whole square of scores,
/// scale, mask and softmax in one kernel, dropout of the scores in another; queries, keys and values into heads-first
/// order and the result back. Bytes a score: softmax 4, its gradient 6, dropout 5 with its mask.
class UnfusedAttention {
 public:
  UnfusedAttention(const Dimensions& d, PassBuilder& b)
      : d_(d), list_(b.list), heads_(d.batch * d.heads), queries_(d.sequence / d.scenario.parallelism.cp) {}

  void forward() const {
    order("order heads", 3 * d_.qk + d_.v);
    product("scores", queries_, d_.sequence, d_.qk);
    scores("softmax", 4);
    if (d_.scenario.stack.dropout_masks) scores("score dropout", 5);
    product("weighted values", queries_, d_.v, d_.sequence);
  }

  void backward() const {
    order("order heads bwd", 3 * d_.qk + d_.v);
    product("value gradients", d_.sequence, d_.v, queries_);
    product("weight gradients of scores", queries_, d_.sequence, d_.v);
    if (d_.scenario.stack.dropout_masks) scores("score dropout bwd", 5);
    scores("softmax bwd", 6);
    product("query gradients", queries_, d_.qk, d_.sequence);
    product("key gradients", d_.sequence, d_.qk, queries_);
  }

 private:
  void order(std::string_view name, std::int64_t width) const {
    list_.memory(name, OperatorKind::copy, laws::kCopyStrided, d_.batch * queries_ * d_.heads, width, 2 * d_.width);
  }
  void scores(std::string_view name, double bytes) const {
    list_.memory(name, OperatorKind::elementwise, laws::kAdd, heads_ * queries_, d_.sequence, bytes);
  }
  /// One product a head.
  void product(std::string_view name, std::int64_t m, std::int64_t n, std::int64_t k) const {
    const GemmFormats formats{d_.scenario.precision.attention, Scaling::none, d_.width};
    list_.gemm(std::string(name), {heads_ * m, n, k, static_cast<int>(heads_)}, false, formats).flops *= kCausalShare;
  }

  const Dimensions& d_;
  OperatorList& list_;
  std::int64_t heads_, queries_;
  /// FLOPs count the causal half; the kernels compute all.
  static constexpr double kCausalShare = 0.5;
};

}  // namespace

void attention_kernel(const Dimensions& d, PassBuilder& b) {
  context_exchange(d, b, CommunicationKind::all_gather, "keys and values");
  if (d.scenario.stack.keeps_attention_scores) {
    UnfusedAttention(d, b).forward();
    return;
  }
  const AttentionShape shape = attention_shape(d);
  const auto q = static_cast<double>(d.tokens * d.heads);
  const auto kv = static_cast<double>(d.tokens * d.kv_heads);
  const double bytes = (q * static_cast<double>(d.qk + d.v) + kv * static_cast<double>(d.qk + d.v)) * d.width;
  b.list
      .attention("attention", shape, attention_kernel_flops(d, Pass::forward), bytes, d.scenario.precision.attention)
      .law = kernel_law(d);
}

void attention_kernel_backward(const Dimensions& d, PassBuilder& b) {
  context_exchange(d, b, CommunicationKind::all_gather, "keys and values");
  if (d.scenario.stack.keeps_attention_scores) {
    UnfusedAttention(d, b).backward();
    context_exchange(d, b, CommunicationKind::reduce_scatter, "key and value gradients");
    return;
  }
  const auto q = static_cast<double>(d.tokens * d.heads);
  const auto kv = static_cast<double>(d.tokens * d.kv_heads);
  const auto qk = static_cast<double>(d.qk);
  const auto v = static_cast<double>(d.v);
  if (d.single_kernels) {
    b.list.memory("attention pre", OperatorKind::elementwise, laws::kAttentionPre, d.tokens, d.heads * d.v,
                  4 + 4 * qk / v);
  }
  // Reads Q, K, V, O, dO; writes dK and dV; dQ leaves through its accumulator.
  const double bytes = (q * (qk + 2 * v) + 2 * kv * (qk + v)) * d.width;
  b.list
      .attention("attention bwd", attention_shape(d), attention_kernel_flops(d, Pass::backward_input), bytes,
                 d.scenario.precision.attention)
      .law = kernel_law(d);
  if (d.single_kernels) {
    b.list.memory("attention post", OperatorKind::elementwise, laws::kAttentionPost, d.tokens, d.heads * d.qk, 6);
  }
  context_exchange(d, b, CommunicationKind::reduce_scatter, "key and value gradients");
}

void output_projection(const Dimensions& d, PassBuilder& b, const Linear& output) {
  if (d.separate_casts) {
    b.list.memory("cast E5M6 attention output", OperatorKind::cast, laws::kCastE5m6, output.rows, output.inputs, 3.5);
  }
  b.linear.cast_operand("o input", output.rows, output.inputs);
  b.linear.fprop(output);
}

void output_projection_backward(const Dimensions& d, PassBuilder& b, const Linear& output) {
  if (d.separate_casts) {
    b.list.memory("cast back E5M6 attention output", OperatorKind::cast, laws::kCastBackE5m6, output.rows,
                  output.inputs, 3.5);
  }
  b.linear.backward(output, d.gathers_operands);
}

void rotate(const Dimensions& d, PassBuilder& b, std::string_view name, std::int64_t cols) {
  if (d.model.learned_positions > 0) return;
  if (d.scenario.stack.fused_rope) {
    b.list.memory(name, OperatorKind::rope, laws::kRope, d.tokens, cols, 4);
    return;
  }
  if (d.scenario.stack.eager_modules) {
    // Forward: negated half 2, concatenation 4, two products 8, sum 6. Backward: two products 8, gradients summed in
    // place 12, halves copied 4, cleared 4 and negated 2.
    const bool forward = b.list.pass() == Pass::forward;
    b.list.memory(name, OperatorKind::rope, laws::kAdd, d.tokens, cols, forward ? 20 : 30).kernels = forward ? 5 : 9;
    return;
  }
  // q cos + rotate(q) sin by single kernels: copy of the rotated half, two products, one sum.
  b.list.memory(name, OperatorKind::rope, laws::kAdd, d.tokens, cols, 18).kernels = 4;
}

}  // namespace gpuhours
