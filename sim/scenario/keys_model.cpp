// Keys of models/*.yaml and of the `sources` lists of every catalogue file.

#include "core/limits.hpp"
#include "scenario/keys.hpp"

namespace gpuhours {

namespace {

void describe_attention(Keys& keys, Architecture& model) {
  keys.choice({"attention", "mha, gqa (grouped queries) or mla (multi-head latent)"}, model.attention);
  keys.whole({"heads", "query heads", kRequired}, model.heads, between(1, kMostHeads));
  keys.whole({"kv_heads", "key and value heads; 0: as many as heads"}, model.kv_heads, between(0, kMostHeads));
  keys.whole({"head_dim", "width of a query and key head; 0: hidden / heads, for mla qk_nope + qk_rope"},
             model.head_dim, between(0, kMostHeads));
  keys.whole({"q_lora", "mla: rank of the query's down-projection, 0: none"}, model.q_lora, between(0, kMostHeads));
  keys.whole({"kv_lora", "mla: rank of the compressed keys and values"}, model.kv_lora, between(0, kMostHeads));
  keys.whole({"qk_nope", "mla: query and key width without rotary embedding"}, model.qk_nope, between(0, kMostHeads));
  keys.whole({"qk_rope", "mla: query and key width with rotary embedding"}, model.qk_rope, between(0, kMostHeads));
  keys.whole({"v_head_dim", "mla: width of a value head"}, model.v_head_dim, between(0, kMostHeads));
  keys.whole({"sliding_window", "tokens of the attention window, 0: full attention"}, model.sliding_window,
             between(0, kMostSequence));
  keys.whole({"sliding_window_every", "the window holds on one layer of this many"}, model.sliding_window_every,
             between(1, kMostLayers));
}

void describe_experts(Keys& keys, Architecture& model) {
  keys.whole({"experts", "routed experts a layer, 0: dense model"}, model.experts, between(0, kMostHeads));
  keys.whole({"shared_experts", "experts that every token visits"}, model.shared_experts, between(0, kMostHeads));
  keys.whole({"top_k", "routed experts that a token visits"}, model.top_k, between(0, kMostHeads));
  keys.whole({"moe_ffn_hidden", "width of one expert"}, model.moe_ffn_hidden, between(0, kMostWidth));
  keys.whole({"moe_layer_freq", "after dense_layers, every n-th layer has experts"}, model.moe_layer_freq,
             between(1, kMostLayers));
  keys.whole({"expert_groups", "groups of experts for group-limited routing, 0: unlimited"}, model.expert_groups,
             between(0, kMostHeads));
  keys.whole({"groups_per_token", "groups that a token may visit"}, model.groups_per_token, between(0, kMostHeads));
}

}  // namespace

void describe(Keys& keys, Architecture& model) {
  keys.text({"id", "name of the catalogue file"}, model.id);
  keys.text({"name", "name in plain words"}, model.name);
  keys.whole({"layers", "transformer layers, MTP modules not counted", kRequired}, model.layers,
             between(1, kMostLayers));
  keys.whole({"dense_layers", "first layers of an expert model that have a dense MLP"}, model.dense_layers,
             between(0, kMostLayers));
  keys.whole({"hidden", "width of the residual stream", kRequired}, model.hidden, between(1, kMostWidth));
  keys.whole({"ffn_hidden", "width of a dense MLP"}, model.ffn_hidden, between(0, kMostWidth));
  keys.choice({"mlp", "activation; swiglu and geglu have three matrices, the others two"}, model.mlp);
  keys.flag({"linear_bias", "linear layers have a bias"}, model.linear_bias);
  keys.flag({"activation_clamp", "gate and up are bounded before the activation"}, model.activation_clamp);
  keys.flag({"qk_norm", "queries and keys are normed head by head"}, model.qk_norm);
  keys.whole({"vocab", "rows of the embedding table", kRequired}, model.vocab, between(1, kMostWidth));
  keys.flag({"tied_embeddings", "the output projection is the embedding table"}, model.tied_embeddings);
  keys.whole({"learned_positions", "rows of a learned position table, 0: none"}, model.learned_positions,
             between(0, kMostSequence));
  describe_attention(keys, model);
  describe_experts(keys, model);
  keys.whole({"mtp_layers", "multi-token-prediction modules that belong to the model"}, model.mtp_layers,
             between(0, kMostLayers));
  keys.number({"published_parameters", "parameters in all as published, 0: not published"}, Unit::parameters,
              model.published_parameters, at_least(0), true);
  keys.number({"published_active_parameters", "parameters that a token uses as published, 0: not published"},
              Unit::parameters, model.published_active_parameters, at_least(0), true);
  keys.list({"sources", "citations of the figures above"}, model.sources);
}

void describe(Keys& keys, Source& source) {
  keys.texts({"keys", "keys of this file that the source stands behind", kRequired}, source.keys);
  keys.word({"confidence", "A vendor or own measurement, B paper, C press, R rumour, D derived", kRequired},
            source.confidence, {"A", "B", "C", "R", "D"});
  keys.text({"text", "title and place", kRequired}, source.text);
  keys.text({"ref", "address, arXiv or document number"}, source.ref);
  keys.text({"date", "YYYY, YYYY-MM or YYYY-MM-DD"}, source.date);
}

}  // namespace gpuhours
