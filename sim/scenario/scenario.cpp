#include "scenario/scenario.hpp"

#include <algorithm>
#include <limits>

#include "scenario/pipeline_layout.hpp"

namespace gpuhours {
namespace {

/// Forward FLOPs a token of the last layer's matrix products and causal attention (a multiply-add is two).
double layer_flops(const Architecture& m, double sequence_length) {
  const double q = static_cast<double>(m.heads) * m.qk_head_dim();
  const double v = static_cast<double>(m.heads) * m.value_head_dim();
  double attention = 0;
  if (m.attention == AttentionKind::mla) {
    attention = m.q_lora > 0 ? m.q_lora * (m.hidden + q) : m.hidden * q;
    attention += static_cast<double>(m.kv_lora + m.qk_rope) * m.hidden;
    attention += static_cast<double>(m.kv_lora) * m.heads * (m.qk_nope + m.v_head_dim);
  } else {
    attention = m.hidden * (q + 2.0 * m.kv_heads * m.head_dim);
  }
  attention += v * m.hidden;
  const double matrices = m.mlp == MlpKind::swiglu || m.mlp == MlpKind::geglu ? 3 : 2;
  const double width = m.is_moe() ? static_cast<double>(m.top_k + m.shared_experts) * m.moe_ffn_hidden : m.ffn_hidden;
  return 2 * (attention + matrices * m.hidden * width) + (q + v) * sequence_length;
}

/// Work of the last stage besides its layers, in layers: MTP modules and the passes through the output head.
double work_after_layers(const Scenario& scenario) {
  const Architecture& m = scenario.model;
  const int mtp = scenario.training.mtp ? m.mtp_layers : 0;
  const double layer = layer_flops(m, scenario.training.sequence_length);
  return layer > 0 ? mtp + (1 + mtp) * 2.0 * m.vocab * m.hidden / layer : 0;
}

/// Even with the embedding or the loss counted as a layer (Megatron's account_for_*_in_pipeline_split).
std::vector<int> with_ends_as_layers(const Parallelism& p, int layers) {
  const int stages = p.pp * p.vpp;
  const int counted = layers + (p.embedding_as_layer ? 1 : 0) + (p.loss_as_layer ? 1 : 0);
  std::vector<int> out(static_cast<std::size_t>(stages), counted / stages);
  if (p.embedding_as_layer) --out.front();
  if (p.loss_as_layer) --out.back();
  return out;
}

}  // namespace

int shard_ranks(const Parallelism& p, const Cluster& cluster) {
  const int all = p.cp * p.dp(cluster.gpus);
  if (p.fsdp != Fsdp::hybrid) return all;
  if (p.fsdp_group > 0) return p.fsdp_group;
  return std::min(all, std::max(1, cluster.node.gpus / p.tp));
}

std::vector<int> stage_layers(const Scenario& scenario) {
  const Parallelism& parallelism = scenario.parallelism;
  if (!parallelism.pipeline_layout.empty()) {
    std::vector<int> out;
    for (const StageContent& stage : stage_contents(scenario)) out.push_back(stage.layers);
    return out;
  }
  if (!parallelism.layers_per_stage.empty()) return parallelism.layers_per_stage;
  if (parallelism.embedding_as_layer || parallelism.loss_as_layer) {
    return with_ends_as_layers(parallelism, scenario.model.layers);
  }
  const int stages = parallelism.pp * parallelism.vpp;
  const int layers = scenario.model.layers;
  std::vector<int> out(static_cast<std::size_t>(stages), layers / stages);
  if (layers % stages == 0) return out;
  // Uneven: the last stage gets the number that leaves the longest stage shortest, the others are even, shortest at the
  // ends.
  const int others = stages - 1;
  const double after = work_after_layers(scenario);
  int last = 0;
  double shortest = std::numeric_limits<double>::infinity();
  for (int candidate = 0; candidate <= layers / stages + 1; ++candidate) {
    const double longest = std::max<double>((layers - candidate + others - 1) / others, candidate + after);
    if (longest > shortest) continue;
    shortest = longest;
    last = candidate;
  }
  const int surplus = (layers - last) % others;
  const int first = (others - surplus + 1) / 2;
  for (int i = 0; i < others; ++i) {
    out[static_cast<std::size_t>(i)] = (layers - last) / others + (i >= first && i < first + surplus ? 1 : 0);
  }
  out.back() = last;
  return out;
}

std::vector<StageContent> stage_contents(const Scenario& scenario) {
  const Parallelism& parallelism = scenario.parallelism;
  if (!parallelism.pipeline_layout.empty()) return parse_pipeline_layout(parallelism.pipeline_layout).stages;
  std::vector<StageContent> out;
  for (const int layers : stage_layers(scenario)) out.push_back({.layers = layers});
  out.front().embedding = true;
  out.back().loss = true;
  out.back().mtp = scenario.training.mtp ? scenario.model.mtp_layers : 0;
  return out;
}

}  // namespace gpuhours
