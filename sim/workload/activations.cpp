#include "workload/activations.hpp"

#include <algorithm>

#include "workload/mlp.hpp"
#include "workload/moe.hpp"

namespace gpuhours {

namespace {

double product(std::int64_t a, std::int64_t b) { return static_cast<double>(a) * static_cast<double>(b); }

/// Bytes an element of a linear layer's kept input takes.
double kept_input_bytes(const Dimensions& d) {
  const PrecisionRecipe& r = d.scenario.precision;
  if (!r.store_fp8_activations || !d.low_precision || !d.scenario.stack.keeps_cast_operands) return d.width;
  const double element = bytes_per_element(r.gemm);
  switch (r.scaling) {
    case Scaling::block_128:
      return element + 4.0 / 128;
    case Scaling::mx_32:
      return element + 1.0 / 32;
    case Scaling::nv_16:
      return element + 1.0 / 16;
    default:
      return element;
  }
}

class KeptTensors {
 public:
  explicit KeptTensors(const Dimensions& d) : d_(d), input_(kept_input_bytes(d)) {}

  void keep(std::string_view name, std::int64_t rows, std::int64_t cols, double bytes_per_element) {
    const Bytes bytes(product(rows, cols) * bytes_per_element);
    if (bytes.value() <= 0) return;
    tensors_.push_back({name, bytes});
    total_ += bytes;
  }

  /// A norm's input and, unless it is recomputed, its result. Eager modules keep the input in FP32 and the normalised
  /// value before the weight is applied too.
  void norm(std::string_view input, std::string_view output) {
    const bool recomputed = d_.recomputes(RecomputeOp::norm);
    if (recomputed || !d_.scenario.stack.eager_modules) {
      keep(input, d_.norm_tokens, d_.hidden, d_.width);
    } else {
      keep(input, d_.norm_tokens, d_.hidden, 4 + d_.width);
    }
    if (!recomputed) keep(output, d_.norm_tokens, d_.hidden, input_);
  }

  void attention();
  void dense_mlp();
  void mlp(std::int64_t rows, std::int64_t width, bool grouped);
  void experts();

  ActivationBytes take(Bytes transient) { return {total_, transient, std::move(tensors_)}; }
  [[nodiscard]] Bytes total() const { return total_; }

 private:
  void latents();
  void scores();
  void residual_mask(std::string_view name) {
    if (d_.scenario.stack.dropout_masks) keep(name, d_.norm_tokens, d_.hidden, 1);
  }

  const Dimensions& d_;
  double input_;
  Bytes total_;
  std::vector<KeptTensor> tensors_;
};

void KeptTensors::latents() {
  const Architecture& m = d_.model;
  const bool up = d_.recomputes(RecomputeOp::mla_up_projection);
  keep("latents", d_.norm_tokens, m.q_lora + m.kv_lora + m.qk_rope, d_.width);
  if (!up && !d_.recomputes(RecomputeOp::norm)) keep("normed latents", d_.norm_tokens, m.q_lora + m.kv_lora, input_);
  if (!up) keep("queries, keys, values", d_.tokens, d_.heads * (2 * d_.qk + d_.v), d_.width);
}

/// FlashAttention keeps a row's log-sum; other kernels the softmax and, with dropout, its result and mask
/// (Korthikanti's 5 a s^2 b).
void KeptTensors::scores() {
  if (!d_.scenario.stack.keeps_attention_scores) {
    keep("softmax statistics", d_.tokens, d_.heads, 4);
    return;
  }
  const bool dropout = d_.scenario.stack.dropout_masks;
  keep("attention scores", d_.tokens * d_.heads, d_.sequence, d_.width + (dropout ? d_.width + 1 : 0));
}

void KeptTensors::attention() {
  norm("attention norm input", "attention input");
  if (d_.model.attention == AttentionKind::mla) {
    latents();
  } else {
    keep("queries, keys, values", d_.tokens, d_.heads * d_.qk + d_.kv_heads * (d_.qk + d_.v), d_.width);
    // The norm of queries and keys needs what it read; eager modules keep that in FP32 and the normalised value.
    const double read = d_.scenario.stack.eager_modules ? 4 + d_.width : d_.width;
    if (d_.model.qk_norm) keep("query and key norm input", d_.tokens, (d_.heads + d_.kv_heads) * d_.qk, read);
  }
  keep("attention output", d_.tokens, d_.heads * d_.v, d_.separate_casts ? 1.5 : d_.width);
  if (!d_.separate_casts && input_ < d_.width) keep("output projection input", d_.tokens, d_.heads * d_.v, input_);
  if (!d_.recomputes(RecomputeOp::attention)) scores();
  residual_mask("attention dropout mask");
}

void KeptTensors::dense_mlp() {
  if (!d_.recomputes(RecomputeOp::mlp)) mlp(d_.tokens, d_.ffn, false);
  residual_mask("mlp dropout mask");
}

void KeptTensors::mlp(std::int64_t rows, std::int64_t width, bool grouped) {
  const std::int64_t up = (d_.gated ? 2 : 1) * width;
  keep("up projection", rows, up, d_.separate_casts ? input_ : d_.width);
  if (d_.recomputes(RecomputeOp::activation)) return;
  if (clamps_apart(d_, grouped)) keep("bounded up projection", rows, up, d_.width);
  if (d_.gated && d_.scenario.stack.eager_modules) keep("activated gate", rows, width, d_.width);
  keep("down projection input", rows, width, input_);
}

void KeptTensors::experts() {
  if (d_.recomputes(RecomputeOp::moe)) return;
  const bool fp8 = d_.scenario.precision.dispatch == Format::fp8 && d_.scenario.precision.store_fp8_activations;
  keep("router scores", d_.moe_tokens, d_.model.experts, 4);
  keep("expert input", d_.routed_rows, d_.hidden,
       fp8 ? dispatch_bytes_per_token(d_) / static_cast<double>(d_.hidden) : input_);
  if (!d_.recomputes(RecomputeOp::moe_experts)) mlp(d_.routed_rows, d_.moe_ffn, true);
  if (d_.scenario.stack.eager_modules) keep("expert output", d_.routed_rows, d_.hidden, d_.width);
  if (d_.shared_ffn > 0 && !d_.recomputes(RecomputeOp::shared_experts)) mlp(d_.tokens, d_.shared_ffn, false);
}

/// Gradients and recomputed tensors of the attention half at its fullest: queries, keys, values, output and theirs, and
/// the FP32 accumulator of dQ.
double attention_workspace(const Dimensions& d) {
  const std::int64_t qkv = d.heads * d.qk + d.kv_heads * (d.qk + d.v);
  const std::int64_t output = d.heads * d.v;
  const bool mla = d.model.attention == AttentionKind::mla;
  const double recomputed = mla && d.recomputes(RecomputeOp::mla_up_projection) ? product(d.tokens, qkv) * d.width : 0;
  return recomputed + product(d.tokens, qkv + 2 * output) * d.width + product(d.tokens, d.heads * d.qk) * 4;
}

/// The same of an MLP: gradients of the activation's result and operands, and of its input.
double mlp_workspace(const Dimensions& d, std::int64_t rows, std::int64_t width) {
  const std::int64_t up = (d.gated ? 2 : 1) * width;
  const bool restored = d.separate_casts || d.recomputes(RecomputeOp::activation);
  // The kept result of the activation goes before its gradient turns into those of the operands.
  const bool freed = !d.recomputes(RecomputeOp::activation);
  const double gradients = product(rows, up + (freed ? 0 : width) + d.hidden) * d.width;
  return gradients + (restored ? product(rows, up) * d.width : 0);
}

Bytes workspace(const Dimensions& d, bool moe) {
  const double second = moe ? mlp_workspace(d, d.routed_rows, d.moe_ffn) + product(d.routed_rows, d.hidden) * d.width
                            : mlp_workspace(d, d.tokens, d.ffn);
  return Bytes(std::max(attention_workspace(d), second));
}

}  // namespace

ActivationBytes layer_activations(const Dimensions& d, bool moe) {
  KeptTensors kept(d);
  kept.attention();
  kept.norm("mlp norm input", "mlp input");
  if (moe) {
    kept.experts();
  } else {
    kept.dense_mlp();
  }
  const bool full = d.scenario.training.recompute == Recompute::full || d.recomputes(RecomputeOp::layer);
  if (!full) return kept.take(workspace(d, moe));
  // A checkpoint holds for a chunk of layers, which then run forward again and stand whole before their backward.
  const int chunk = d.scenario.training.recompute == Recompute::full ? d.scenario.training.recompute_chunk : 1;
  KeptTensors checkpoint(d);
  checkpoint.keep("layer input", d.norm_tokens, d.hidden, d.width / chunk);
  const Bytes result(product(d.norm_tokens, d.hidden) * d.width);
  return checkpoint.take(workspace(d, moe) + chunk * kept.total() + result);
}

Bytes embedding_activations(const Dimensions& d) { return Bytes(static_cast<double>(d.tokens) * 8); }

Bytes head_activations(const Dimensions& d) {
  const Stack& stack = d.scenario.stack;
  // In place: logits in their format, turned into their gradient. Fused: one FP32 tensor besides, which turns from
  // softmax to gradient. Single kernels: an FP32 copy, its log-softmax and its gradient.
  const double format = bytes_per_element(d.scenario.precision.head);
  const double logits = stack.cross_entropy_in_place ? format : stack.fused_cross_entropy ? format + 4 : 12;
  const double norm = stack.eager_modules ? 4 + 2 * d.width : 2 * d.width;
  const double gathered = d.sequence_parallel ? product(d.tokens, d.hidden) * d.width : 0;
  return Bytes(product(d.tokens, d.vocab) * logits + product(d.norm_tokens, d.hidden) * norm + gathered);
}

}  // namespace gpuhours
