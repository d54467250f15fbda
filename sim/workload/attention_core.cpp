#include "workload/attention_core.hpp"

#include "workload/attention.hpp"

namespace gpuhours {

namespace {

bool exchanges(const Dimensions& d, CpExchange how) {
  return d.scenario.parallelism.cp > 1 && d.scenario.parallelism.cp_exchange == how;
}

AttentionShape attention_shape(const Dimensions& d) {
  AttentionShape shape;
  shape.batch = d.batch;
  shape.heads = d.heads;
  shape.kv_heads = d.kv_heads;
  shape.qk_dim = d.qk;
  shape.v_dim = d.v;
  shape.seq_q = d.sequence;
  shape.seq_kv = d.sequence;
  shape.window = mean_window(d.model, d.sequence);
  if (!exchanges(d, CpExchange::all_to_all)) return shape;
  shape.heads /= d.scenario.parallelism.cp;
  shape.kv_heads /= d.scenario.parallelism.cp;
  return shape;
}

/// Step `step` of a ring over cp ranks. Each rank holds the i-th and the i-th last of 2 cp pieces of the sequence, so
/// that all steps have the same work: its own keys causally, then all queries on half the keys of an earlier rank or
/// half the queries on all keys of a later one.
AttentionShape ring_shape(const Dimensions& d, int step) {
  const int cp = d.scenario.parallelism.cp;
  AttentionShape shape = attention_shape(d);
  shape.seq_q = d.sequence / cp;
  shape.seq_kv = step == 0 ? d.sequence / cp : d.sequence / cp / 2;
  shape.causal = step == 0;
  return shape;
}

void communicate(const Dimensions& d, PassBuilder& b, CommunicationKind kind, std::string_view name,
                 std::int64_t width_of_token, bool beside_next) {
  b.close("attn");
  Communication c;
  c.name = name;
  c.kind = kind;
  c.group = GroupKind::context;
  c.bytes = Bytes(static_cast<double>(d.tokens * width_of_token) * d.width);
  c.beside_next = beside_next;
  b.communicate(std::move(c));
}

std::int64_t kv_width(const Dimensions& d) { return d.kv_heads * (d.qk + d.v); }
std::int64_t qkv_width(const Dimensions& d) { return d.heads * d.qk + kv_width(d); }

/// Least traffic of the kernel. Forward reads Q, K, V and writes O; backward reads Q, K, V, O, dO and writes dK and dV,
/// dQ leaves through its accumulator.
double kernel_bytes(const Dimensions& d, bool backward) {
  const auto q = static_cast<double>(d.tokens * d.heads);
  const auto kv = static_cast<double>(d.tokens * kv_width(d));
  const auto qk = static_cast<double>(d.qk);
  const auto v = static_cast<double>(d.v);
  return (backward ? q * (qk + 2 * v) + 2 * kv : q * (qk + v) + kv) * d.width;
}

std::string_view kernel_law(const Dimensions& d) {
  return d.scenario.stack.attention_kernel == AttentionKernel::flash2 ? "flash2" : std::string_view();
}

/// `pieces` kernels make the whole; each reads and writes its part of the keys and all queries.
void kernel(const Dimensions& d, PassBuilder& b, const AttentionShape& shape, bool backward, int pieces) {
  const Pass pass = backward ? Pass::backward_input : Pass::forward;
  b.list
      .attention(backward ? "attention bwd" : "attention", shape, attention_kernel_flops(d, pass) / pieces,
                 kernel_bytes(d, backward), d.scenario.precision.attention)
      .law = kernel_law(d);
}

/// Keys and values of the next step travel while one step computes. Copies and sums as Transformer Engine's
/// AttnFuncWithCPAndKVP2P: keys and values joined in one buffer, each partial output scaled and added.
void ring_forward(const Dimensions& d, PassBuilder& b) {
  const int cp = d.scenario.parallelism.cp;
  b.list.memory("join keys and values", OperatorKind::copy, laws::kCopyStrided, d.tokens, kv_width(d), 2 * d.width);
  for (int step = 0; step < cp; ++step) {
    if (step + 1 < cp) communicate(d, b, CommunicationKind::send, "keys and values", kv_width(d), true);
    kernel(d, b, ring_shape(d, step), false, cp);
    if (step > 0) {
      b.add("add partial output", d.tokens, d.heads * d.v);
    } else {
      b.list.memory("scale partial output", OperatorKind::elementwise, laws::kScale, d.tokens, d.heads * d.v,
                    2 * d.width);
    }
  }
}

/// It starts with the keys that forward ended with and ends with the rank's own. Their gradients travel one step behind
/// them: the first transfer holds only keys and values, the last only gradients, the others both.
void ring_backward(const Dimensions& d, PassBuilder& b) {
  const int cp = d.scenario.parallelism.cp;
  for (int step = 0; step < cp; ++step) {
    const bool both = step > 0 && step + 1 < cp;
    const auto* name = both ? "keys, values and gradients" : step == 0 ? "keys and values" : "key and value gradients";
    communicate(d, b, CommunicationKind::send, name, (both ? 2 : 1) * kv_width(d), true);
    kernel(d, b, ring_shape(d, cp - 1 - step), true, cp);
    if (step > 0) b.add("add query gradients", d.tokens, d.heads * d.qk);
    b.list.memory("join key and value gradients", OperatorKind::copy, laws::kCopyStrided, d.tokens, kv_width(d),
                  2 * d.width);
    if (step + 1 == cp) b.close("attn");  // the last sum waits for the last transfer
    if (step > 0) b.add("add key and value gradients", d.tokens, kv_width(d));
  }
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

void attention_kernel(const Dimensions& d, PassBuilder& b) {
  if (d.scenario.stack.keeps_attention_scores) {  // cp 1: a square of scores is not exchanged
    UnfusedAttention(d, b).forward();
    return;
  }
  if (exchanges(d, CpExchange::ring)) {
    ring_forward(d, b);
    return;
  }
  const bool heads = exchanges(d, CpExchange::all_to_all);
  if (heads) communicate(d, b, CommunicationKind::all_to_all, "queries, keys, values by head", qkv_width(d), false);
  kernel(d, b, attention_shape(d), false, 1);
  if (heads) communicate(d, b, CommunicationKind::all_to_all, "attention output by token", d.heads * d.v, false);
}

void attention_kernel_backward(const Dimensions& d, PassBuilder& b) {
  if (d.scenario.stack.keeps_attention_scores) {
    UnfusedAttention(d, b).backward();
    return;
  }
  const bool heads = exchanges(d, CpExchange::all_to_all);
  if (heads) communicate(d, b, CommunicationKind::all_to_all, "attention gradient by head", d.heads * d.v, false);
  const auto qk = static_cast<double>(d.qk);
  const auto v = static_cast<double>(d.v);
  if (d.single_kernels) {
    b.list.memory("attention pre", OperatorKind::elementwise, laws::kAttentionPre, d.tokens, d.heads * d.v,
                  4 + 4 * qk / v);
  }
  if (exchanges(d, CpExchange::ring)) {
    ring_backward(d, b);
  } else {
    kernel(d, b, attention_shape(d), true, 1);
  }
  if (d.single_kernels) {
    b.list.memory("attention post", OperatorKind::elementwise, laws::kAttentionPost, d.tokens, d.heads * d.qk, 6);
  }
  if (heads) communicate(d, b, CommunicationKind::all_to_all, "query, key, value gradients", qkv_width(d), false);
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
