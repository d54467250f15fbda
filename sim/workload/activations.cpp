#include "workload/activations.hpp"

#include <algorithm>

#include "workload/moe.hpp"

namespace gpuhours {

namespace {

double product(std::int64_t a, std::int64_t b) { return static_cast<double>(a) * static_cast<double>(b); }

/// Bytes an element of a linear layer's kept input takes.
double kept_input_bytes(const Dimensions& d) {
  const PrecisionRecipe& r = d.scenario.precision;
  if (!r.store_fp8_activations || !d.low_precision) return d.width;
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
  void mlp(std::int64_t rows, std::int64_t width);
  void experts();

  ActivationBytes take(Bytes transient) { return {total_, transient, std::move(tensors_)}; }
  [[nodiscard]] Bytes total() const { return total_; }

 private:
  void latents();

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

void KeptTensors::attention() {
  norm("attention norm input", "attention input");
  if (d_.model.attention == AttentionKind::mla) {
    latents();
  } else {
    keep("queries, keys, values", d_.tokens, d_.heads * d_.qk + d_.kv_heads * (d_.qk + d_.v), d_.width);
  }
  keep("attention output", d_.tokens, d_.heads * d_.v, d_.separate_casts ? 1.5 : d_.width);
  if (!d_.separate_casts && input_ < d_.width) keep("output projection input", d_.tokens, d_.heads * d_.v, input_);
  if (!d_.recomputes(RecomputeOp::attention)) keep("softmax statistics", d_.tokens, d_.heads, 4);
}

void KeptTensors::mlp(std::int64_t rows, std::int64_t width) {
  const std::int64_t up = (d_.gated ? 2 : 1) * width;
  keep("up projection", rows, up, d_.separate_casts ? input_ : d_.width);
  if (d_.recomputes(RecomputeOp::activation)) return;
  if (d_.gated && d_.scenario.stack.eager_modules) keep("activated gate", rows, width, d_.width);
  keep("down projection input", rows, width, input_);
}

void KeptTensors::experts() {
  const bool fp8 = d_.scenario.precision.dispatch == Format::fp8 && d_.scenario.precision.store_fp8_activations;
  keep("router scores", d_.moe_tokens, d_.model.experts, 4);
  keep("expert input", d_.routed_rows, d_.hidden,
       fp8 ? dispatch_bytes_per_token(d_) / static_cast<double>(d_.hidden) : input_);
  if (!d_.recomputes(RecomputeOp::moe_experts)) mlp(d_.routed_rows, d_.moe_ffn);
  if (d_.scenario.stack.eager_modules) keep("expert output", d_.routed_rows, d_.hidden, d_.width);
  if (d_.shared_ffn > 0) mlp(d_.tokens, d_.shared_ffn);
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
  return product(rows, up + width + d.hidden) * d.width + (restored ? product(rows, up) * d.width : 0);
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
    kept.mlp(d.tokens, d.ffn);
  }
  const bool full = d.scenario.training.recompute == Recompute::full || d.recomputes(RecomputeOp::layer);
  if (!full) return kept.take(workspace(d, moe));
  KeptTensors checkpoint(d);
  checkpoint.keep("layer input", d.norm_tokens, d.hidden, d.width);
  return checkpoint.take(workspace(d, moe) + kept.total());
}

Bytes embedding_activations(const Dimensions& d) { return Bytes(static_cast<double>(d.tokens) * 8); }

Bytes head_activations(const Dimensions& d) {
  const Stack& stack = d.scenario.stack;
  // Fused: logits in their format and one FP32 tensor that turns from softmax to gradient. Single kernels: an FP32
  // copy, its log-softmax and its gradient.
  const double logits = stack.fused_cross_entropy ? bytes_per_element(d.scenario.precision.head) + 4 : 12;
  const double norm = stack.eager_modules ? 4 + 2 * d.width : 2 * d.width;
  return Bytes(product(d.tokens, d.vocab) * logits + product(d.norm_tokens, d.hidden) * norm);
}

}  // namespace gpuhours
