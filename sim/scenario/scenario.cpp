#include "scenario/scenario.hpp"

#include <algorithm>
#include <limits>

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

}  // namespace

std::vector<int> stage_layers(const Scenario& scenario) {
  const Parallelism& parallelism = scenario.parallelism;
  if (!parallelism.layers_per_stage.empty()) return parallelism.layers_per_stage;
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

}  // namespace gpuhours
