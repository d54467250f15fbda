#include "workload/dimensions.hpp"

#include <algorithm>
#include <cmath>

namespace gpuhours {

namespace {

constexpr std::int64_t kGroupedRowAlignment = 128;  ///< rows of an expert are padded to it under scaled FP8

/// Ways to leave out one rank's experts over all ways: C(n - held, k) / C(n, k).
double probability_missed(double candidates, double held, int choices) {
  double missed = 1;
  for (int i = 0; i < choices; ++i) missed *= std::max(0.0, candidates - held - i) / (candidates - i);
  return missed;
}

/// Tokens that reach a rank at least once. Experts are drawn without replacement from the groups that a token may
/// visit.
double distinct_tokens(const Architecture& model, double tokens, int ep, double held) {
  const bool limited = model.expert_groups > 0 && model.groups_per_token > 0;
  const double share = limited ? static_cast<double>(model.groups_per_token) / model.expert_groups : 1.0;
  const double candidates = model.experts * share;
  return tokens * ep * share * (1.0 - probability_missed(candidates, std::min(held, candidates), model.top_k));
}

void set_expert_rows(Dimensions& d) {
  const Parallelism& p = d.scenario.parallelism;
  d.experts = d.model.experts / p.ep;
  const int gathered = d.sequence_parallel || d.tp == 1 ? p.etp : 1;
  const double tokens = static_cast<double>(d.moe_tokens) * gathered;
  const double rows = tokens * d.model.top_k / static_cast<double>(std::max<std::int64_t>(1, d.experts));
  auto rows_per_expert = static_cast<std::int64_t>(std::ceil(rows));
  if (d.low_precision)
    rows_per_expert = (rows_per_expert + kGroupedRowAlignment - 1) / kGroupedRowAlignment * kGroupedRowAlignment;
  d.routed_rows = rows_per_expert * d.experts;
  d.received = std::llround(distinct_tokens(d.model, tokens, p.ep, static_cast<double>(d.experts)));
}

void set_recipe(Dimensions& d) {
  const PrecisionRecipe& r = d.scenario.precision;
  d.width = bytes_per_element(r.activations);
  d.low_precision = r.low_precision_gemm();
  d.separate_casts =
      r.gemm == Format::fp8 && r.scaling == Scaling::block_128 && r.store_fp8_activations && !r.weight_transpose_cached;
  d.single_kernels = d.scenario.stack.kernels == "deepgemm";
  d.gathers_operands = d.sequence_parallel && d.low_precision && !d.separate_casts;
  const bool norm_casts = d.scenario.stack.fused_norm_cast && r.scaling == Scaling::tensor_delayed;
  d.casts_with_norm = d.gathers_operands || norm_casts;
}

}  // namespace

Dimensions::Dimensions(const Scenario& s) : scenario(s), model(s.model) {
  const Parallelism& p = s.parallelism;
  tp = p.tp;
  sequence_parallel = p.sequence_parallel && tp > 1;
  batch = s.training.micro_batch;
  sequence = s.training.sequence_length;
  tokens = batch * sequence / p.cp;
  norm_tokens = sequence_parallel ? tokens / tp : tokens;
  moe_tokens = sequence_parallel || p.etp == tp ? norm_tokens : tokens / tp;

  hidden = model.hidden;
  heads = model.heads / tp;
  kv_heads = std::max<std::int64_t>(1, (model.attention == AttentionKind::gqa ? model.kv_heads : model.heads) / tp);
  qk = model.qk_head_dim();
  v = model.value_head_dim();
  ffn = model.ffn_hidden / tp;
  shared_ffn = static_cast<std::int64_t>(model.shared_experts) * model.moe_ffn_hidden / tp;
  moe_ffn = model.moe_ffn_hidden / p.etp;
  vocab = (model.vocab + tp - 1) / tp;
  gated = model.mlp == MlpKind::swiglu || model.mlp == MlpKind::geglu;
  layernorm = !gated;
  set_recipe(*this);
  if (model.is_moe()) set_expert_rows(*this);
}

bool Dimensions::recomputes(RecomputeOp op) const {
  const Training& t = scenario.training;
  if (t.recompute != Recompute::selective) return false;
  return std::find(t.recompute_ops.begin(), t.recompute_ops.end(), op) != t.recompute_ops.end();
}

double attention_area(const Architecture& model, std::int64_t sequence) {
  const auto s = static_cast<double>(sequence);
  const double full = s * s / 2;
  const auto w = static_cast<double>(model.sliding_window);
  if (w <= 0 || w >= s) return full;
  const double windowed = s * w - w * w / 2;
  return (windowed + full * (model.sliding_window_every - 1)) / model.sliding_window_every;
}

std::int64_t mean_window(const Architecture& model, std::int64_t sequence) {
  const auto s = static_cast<double>(sequence);
  if (model.sliding_window <= 0 || model.sliding_window >= sequence) return 0;
  // s w - w^2 / 2 = area, solved for w.
  return std::llround(s - std::sqrt(std::max(0.0, s * s - 2 * attention_area(model, sequence))));
}

}  // namespace gpuhours
