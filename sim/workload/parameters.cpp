#include <algorithm>

#include "workload/stages.hpp"

namespace gpuhours {

namespace {

bool gated(const Architecture& m) { return m.mlp == MlpKind::swiglu || m.mlp == MlpKind::geglu; }

/// Weights of a norm; LayerNorm (models with biases) has two.
double norm_parameters(const Architecture& m, double width) { return (m.linear_bias && !gated(m) ? 2 : 1) * width; }

double mlp_parameters(const Architecture& m, double width) {
  const double h = m.hidden;
  const double up = gated(m) ? 2 * width : width;
  return h * up + width * h + (m.linear_bias ? up + h : 0);
}

double mla_parameters(const Architecture& m) {
  const double h = m.hidden;
  const double heads = m.heads;
  const double q = heads * m.qk_head_dim();
  const double queries = m.q_lora > 0 ? h * m.q_lora + m.q_lora + m.q_lora * q : h * q;
  const double latents = h * (m.kv_lora + m.qk_rope) + m.kv_lora;
  return queries + latents + m.kv_lora * heads * (m.qk_nope + m.v_head_dim) + heads * m.v_head_dim * h;
}

double grouped_query_parameters(const Architecture& m) {
  const double h = m.hidden;
  const double kv_heads = m.attention == AttentionKind::mha ? m.heads : m.kv_heads;
  const double qkv = (m.heads + 2 * kv_heads) * m.head_dim;
  const double norms = m.qk_norm ? 2.0 * m.head_dim : 0;
  return h * qkv + m.heads * m.head_dim * h + (m.linear_bias ? qkv + h : 0) + norms;
}

}  // namespace

double layer_parameters(const Architecture& m, const ParameterCounts& counts, bool moe) {
  if (!moe) return counts.attention + counts.dense_mlp;
  return counts.attention + counts.router + counts.shared_expert + m.experts * counts.routed_expert;
}

ParameterCounts parameter_counts(const Architecture& m) {
  ParameterCounts c;
  const double h = m.hidden;
  c.embedding = (static_cast<double>(m.vocab) + m.learned_positions) * h;
  c.head = m.tied_embeddings ? 0 : static_cast<double>(m.vocab) * h;
  const double attention = m.attention == AttentionKind::mla ? mla_parameters(m) : grouped_query_parameters(m);
  c.attention = attention + 2 * norm_parameters(m, h);
  c.dense_mlp = mlp_parameters(m, m.ffn_hidden);
  if (m.is_moe()) {
    c.routed_expert = mlp_parameters(m, m.moe_ffn_hidden);
    c.shared_expert =
        m.shared_experts > 0 ? mlp_parameters(m, static_cast<double>(m.shared_experts) * m.moe_ffn_hidden) : 0;
    c.router = h * m.experts;
  }
  c.total = c.embedding + c.head + norm_parameters(m, h);
  c.active = c.total;
  for (int i = 0; i < m.layers; ++i) {
    const bool moe = m.moe_layer(i);
    c.total += layer_parameters(m, c, moe);
    c.active += layer_parameters(m, c, moe) - (moe ? (m.experts - m.top_k) * c.routed_expert : 0);
  }
  if (m.mtp_layers > 0) c.mtp = layer_parameters(m, c, m.is_moe()) + 2 * h * h + 2 * h;
  return c;
}

RankParameters layer_rank_parameters(const Scenario& s, const ParameterCounts& counts, bool moe) {
  const Architecture& m = s.model;
  const Parallelism& p = s.parallelism;
  RankParameters rank;
  const double norms = 2 * norm_parameters(m, m.hidden);
  double replicated = norms;
  if (m.attention == AttentionKind::mla) {
    replicated += static_cast<double>(m.hidden) * (m.q_lora + m.kv_lora + m.qk_rope) + m.q_lora + m.kv_lora;
  }
  double sharded = counts.attention - replicated;
  if (moe) {
    replicated += counts.router;
    sharded += counts.shared_expert;
    rank.expert = m.experts * counts.routed_expert / (static_cast<double>(p.ep) * p.etp);
  } else {
    sharded += counts.dense_mlp;
  }
  rank.dense = replicated + sharded / p.tp;
  return rank;
}

}  // namespace gpuhours
