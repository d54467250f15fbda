#include "workload/stages.hpp"

#include <algorithm>
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

/// Ranks' stages are known by schedule: the rank that holds `stage` holds another with the embedding.
bool holds_embedding_too(const Scenario& s, const std::vector<StageContent>& contents, std::size_t stage) {
  for (int rank = 0; rank < s.parallelism.pp; ++rank) {
    const std::vector<int> held = stages_of_rank(s.parallelism, rank);
    if (std::find(held.begin(), held.end(), static_cast<int>(stage)) == held.end()) continue;
    return std::any_of(held.begin(), held.end(),
                       [&](int other) { return contents[static_cast<std::size_t>(other)].embedding; });
  }
  return false;
}

/// Final norm and output table; a tied table is there already where the embedding is.
void add_loss(const Scenario& s, bool has_embedding, StageWork& stage) {
  const Architecture& m = s.model;
  const Parallelism& p = s.parallelism;
  const double table = static_cast<double>(m.vocab) * m.hidden;
  stage.head = true;
  stage.parameters.dense += m.hidden + (m.tied_embeddings && has_embedding ? 0 : table / p.tp);
  stage.model_flops += Flops(3 * s.training.micro_batch * head_forward_flops(m, s.training.sequence_length) /
                             (static_cast<double>(p.tp) * p.cp));
}

/// MTP modules look up inputs and pass the head, so copies of both tables stand beside them where they are not already.
/// Their FLOPs are not model FLOPs (DESIGN 3.3).
void add_mtp(const Scenario& s, const ParameterCounts& counts, int modules, bool has_embedding, StageWork& stage) {
  if (modules == 0) return;
  const Architecture& m = s.model;
  const double table = static_cast<double>(m.vocab) * m.hidden / s.parallelism.tp;
  stage.mtp_heads = modules;
  if (!has_embedding) stage.parameters.dense += table;
  if (!stage.head && !(m.tied_embeddings && has_embedding)) stage.parameters.dense += table;
  const RankParameters layer = layer_rank_parameters(s, counts, m.is_moe());
  for (int i = 0; i < modules; ++i) {
    stage.layers.push_back(mtp_kind(m));
    stage.parameters.dense += layer.dense + 2.0 * m.hidden * m.hidden + 2.0 * m.hidden;
    stage.parameters.expert += layer.expert;
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
  const std::vector<StageContent> contents = stage_contents(s);
  std::vector<StageWork> stages(contents.size());
  assert(!stages.empty());
  int first = 0;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const StageContent& content = contents[i];
    add_layers(s, counts, stages[i], first, content.layers);
    first += content.layers;
    stages[i].embedding = content.embedding;
    if (content.embedding) stages[i].parameters.dense += counts.embedding / s.parallelism.tp;
    if (!content.loss && content.mtp == 0) continue;
    const bool has_embedding = holds_embedding_too(s, contents, i);
    if (content.loss) add_loss(s, has_embedding, stages[i]);
    add_mtp(s, counts, content.mtp, has_embedding, stages[i]);
  }
  return stages;
}

}  // namespace gpuhours
