#pragma once
// A transformer's architecture: one file of models/. Names follow the Hugging Face configurations.

#include <string>
#include <vector>

#include "scenario/source.hpp"

namespace gpuhours {

enum class AttentionKind { mha, gqa, mla };
enum class MlpKind { gelu, swiglu, geglu, squared_relu };  ///< swiglu and geglu have three matrices, the others two

/// Sizes are counts of elements; MTP modules are not part of `layers`.
struct Architecture {
  std::string id;
  std::string name;

  int layers = 0;
  int dense_layers = 0;  ///< the first layers of an MoE model that have a dense MLP; a dense model has experts == 0
  int hidden = 0;
  int ffn_hidden = 0;  ///< width of a dense MLP
  MlpKind mlp = MlpKind::swiglu;
  bool linear_bias = false;
  bool activation_clamp = false;  ///< gate and up are bounded before the activation
  bool qk_norm = false;           ///< queries and keys are normed head by head before rotation
  int vocab = 0;
  bool tied_embeddings = false;
  int learned_positions = 0;  ///< rows of a learned position table, 0: none (rotary)

  AttentionKind attention = AttentionKind::gqa;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;  ///< mla: qk_nope + qk_rope
  int q_lora = 0;    ///< mla only, as the next four
  int kv_lora = 0;
  int qk_nope = 0;
  int qk_rope = 0;
  int v_head_dim = 0;
  int sliding_window = 0;        ///< tokens, 0: full attention
  int sliding_window_every = 1;  ///< the window holds on one layer of this many

  int experts = 0;  ///< routed experts, 0: dense model
  int shared_experts = 0;
  int top_k = 0;
  int moe_ffn_hidden = 0;
  int moe_layer_freq = 1;    ///< after dense_layers, every n-th layer is MoE
  int expert_groups = 0;     ///< groups of experts for group-limited routing, 0: unlimited
  int groups_per_token = 0;  ///< groups that a token may visit

  int mtp_layers = 0;  ///< multi-token-prediction modules trained with the model

  double published_parameters = 0;         ///< total, 0: not published
  double published_active_parameters = 0;  ///< per token, 0: not published

  std::vector<Source> sources;

  [[nodiscard]] bool is_moe() const { return experts > 0; }
  /// Layer `index` (from 0) has routed experts.
  [[nodiscard]] bool moe_layer(int index) const {
    return is_moe() && index >= dense_layers && (index - dense_layers) % moe_layer_freq == moe_layer_freq - 1;
  }
  [[nodiscard]] int qk_head_dim() const { return attention == AttentionKind::mla ? qk_nope + qk_rope : head_dim; }
  [[nodiscard]] int value_head_dim() const { return attention == AttentionKind::mla ? v_head_dim : head_dim; }
};

}  // namespace gpuhours
