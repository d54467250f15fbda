#include "workload/stages.hpp"

#include <cassert>

namespace gpuhours {

namespace {

double attention_matrix_parameters(const Architecture& m) {
  const double h = m.hidden;
  const double heads = m.heads;
  if (m.attention == AttentionKind::mla) {
    const double q = heads * m.qk_head_dim();
    const double queries = m.q_lora > 0 ? h * m.q_lora + m.q_lora * q : h * q;
    return queries + h * (m.kv_lora + m.qk_rope) + m.kv_lora * heads * (m.qk_nope + m.v_head_dim) +
           heads * m.v_head_dim * h;
  }
  const double kv_heads = m.attention == AttentionKind::mha ? heads : m.kv_heads;
  return h * (2 * heads + 2 * kv_heads) * m.head_dim;
}

double mlp_matrix_parameters(const Architecture& m, double width) {
  const bool gated = m.mlp == MlpKind::swiglu || m.mlp == MlpKind::geglu;
  return (gated ? 3 : 2) * static_cast<double>(m.hidden) * width;
}

LayerKind mtp_kind(const Architecture& m) { return m.is_moe() ? LayerKind::mtp_moe : LayerKind::mtp_dense; }

void add_layers(const Scenario& s, const ParameterCounts& counts, StageWork& stage, int first, int count) {
  const double sequence_share = static_cast<double>(s.training.micro_batch) / (s.parallelism.tp * s.parallelism.cp);
  for (int i = first; i < first + count; ++i) {
    const bool moe = s.model.moe_layer(i);
    stage.layers.push_back(moe ? LayerKind::moe : LayerKind::dense);
    const RankParameters rank = layer_rank_parameters(s, counts, moe);
    stage.parameters.dense += rank.dense;
    stage.parameters.expert += rank.expert;
    stage.model_flops += Flops(3 * sequence_share * layer_forward_flops(s.model, s.training.sequence_length, moe));
  }
}

/// The first and the last stage lie on one rank, which then holds one copy of a shared table.
bool ends_share_rank(const Parallelism& p) {
  return p.pp == 1 || p.schedule == Schedule::dualpipe || p.schedule == Schedule::dualpipe_v ||
         p.schedule == Schedule::zero_bubble_v;
}

/// Embedding first, head and MTP modules last; MTP FLOPs are not model FLOPs (DESIGN 3.3).
void add_ends(const Scenario& s, const ParameterCounts& counts, std::vector<StageWork>& stages) {
  const Architecture& m = s.model;
  const Parallelism& p = s.parallelism;
  stages.front().embedding = true;
  stages.front().parameters.dense += counts.embedding / p.tp;
  StageWork& last = stages.back();
  last.head = true;
  const double table = static_cast<double>(m.vocab) * m.hidden;
  const bool shares_embedding = ends_share_rank(p);
  last.parameters.dense += m.hidden + (m.tied_embeddings && shares_embedding ? 0 : table / p.tp);
  last.model_flops += Flops(3 * s.training.micro_batch * head_forward_flops(m, s.training.sequence_length) /
                            (static_cast<double>(p.tp) * p.cp));
  if (!s.training.mtp) return;
  last.mtp_heads = m.mtp_layers;
  if (m.mtp_layers > 0 && !shares_embedding) last.parameters.dense += table / p.tp;  // the modules look up inputs
  const RankParameters layer = layer_rank_parameters(s, counts, m.is_moe());
  for (int i = 0; i < m.mtp_layers; ++i) {
    last.layers.push_back(mtp_kind(m));
    last.parameters.dense += layer.dense + 2.0 * m.hidden * m.hidden + 2.0 * m.hidden;
    last.parameters.expert += layer.expert;
  }
}

}  // namespace

double layer_forward_flops(const Architecture& m, std::int64_t sequence_length, bool moe) {
  const auto s = static_cast<double>(sequence_length);
  double parameters = attention_matrix_parameters(m);
  if (moe) {
    const double width = static_cast<double>(m.shared_experts + m.top_k) * m.moe_ffn_hidden;
    parameters += mlp_matrix_parameters(m, width) + static_cast<double>(m.hidden) * m.experts;
  } else {
    parameters += mlp_matrix_parameters(m, m.ffn_hidden);
  }
  const double kernel = 2 * attention_area(m, sequence_length) * m.heads * (m.qk_head_dim() + m.value_head_dim());
  return 2 * s * parameters + kernel;
}

double head_forward_flops(const Architecture& m, std::int64_t sequence_length) {
  return 2 * static_cast<double>(sequence_length) * m.hidden * m.vocab;
}

Flops forward_flops_per_sequence(const Architecture& m, std::int64_t sequence_length) {
  double flops = head_forward_flops(m, sequence_length);
  const double dense = layer_forward_flops(m, sequence_length, false);
  const double moe = m.is_moe() ? layer_forward_flops(m, sequence_length, true) : 0;
  for (int i = 0; i < m.layers; ++i) flops += m.moe_layer(i) ? moe : dense;
  return Flops(flops);
}

Flops model_flops_per_sequence(const Architecture& m, std::int64_t sequence_length) {
  return 3 * forward_flops_per_sequence(m, sequence_length);
}

std::vector<StageWork> stage_works(const Scenario& s) {
  const ParameterCounts counts = parameter_counts(s.model);
  const std::vector<int> layers = stage_layers(s);
  std::vector<StageWork> stages(layers.size());
  assert(!stages.empty());
  int first = 0;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    add_layers(s, counts, stages[i], first, layers[i]);
    first += layers[i];
  }
  add_ends(s, counts, stages);
  return stages;
}

}  // namespace gpuhours
