#include "workload/dimensions.hpp"

#include <algorithm>
#include <cmath>

#include "core/checked.hpp"
#include "workload/routing.hpp"

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

/// Rows of all experts of the rank, `mean` of one. Experts of equal rows are padded alike; of uneven ones each by half
/// an alignment on average.
std::int64_t routed_rows(Dimensions& d, double mean) {
  const Training& training = d.scenario.training;
  if (training.capacity_factor > 0) mean *= training.capacity_factor;
  const bool uneven = training.router_balance == RouterBalance::natural && training.capacity_factor == 0;
  if (uneven) {
    d.row_spread = RankLoads(d.scenario).expert_deviation();
    const double padding = d.low_precision ? 0.5 * static_cast<double>(kGroupedRowAlignment) : 0.0;
    return nearest_whole<std::int64_t>((d.load * mean + padding) * static_cast<double>(d.experts));
  }
  auto rows = nearest_whole<std::int64_t>(std::ceil(mean));
  if (d.low_precision) rows = (rows + kGroupedRowAlignment - 1) / kGroupedRowAlignment * kGroupedRowAlignment;
  return rows * d.experts;
}

void set_expert_rows(Dimensions& d) {
  const Parallelism& p = d.scenario.parallelism;
  d.experts = d.model.experts / p.ep;
  const int gathered = d.sequence_parallel || d.tp == 1 ? p.etp : 1;
  const double tokens = static_cast<double>(d.moe_tokens) * gathered;
  const double mean = tokens * d.model.top_k / static_cast<double>(std::max<std::int64_t>(1, d.experts));
  d.routed_rows = routed_rows(d, mean);
  d.received =
      nearest_whole<std::int64_t>(d.load * distinct_tokens(d.model, tokens, p.ep, static_cast<double>(d.experts)));
}

void set_recipe(Dimensions& d) {
  const PrecisionRecipe& r = d.scenario.precision;
  d.width = bytes_per_element(r.activations);
  d.low_precision = r.low_precision_gemm();
  d.separate_casts =
      r.gemm == Format::fp8 && r.scaling == Scaling::block_128 && r.store_fp8_activations && !r.weight_transpose_cached;
  d.single_kernels = d.scenario.stack.kernels == KernelFamily::deepgemm;
  d.gathers_operands = d.sequence_parallel && d.low_precision && !d.separate_casts;
  const bool norm_casts = d.scenario.stack.fused_norm_cast && r.scaling == Scaling::tensor_delayed;
  d.casts_with_norm = d.gathers_operands || norm_casts;
}

}  // namespace

Dimensions::Dimensions(const Scenario& s, double load_of_rank) : scenario(s), model(s.model), load(load_of_rank) {
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
  return nearest_whole<std::int64_t>(s - std::sqrt(std::max(0.0, s * s - 2 * attention_area(model, sequence))));
}

}  // namespace gpuhours
