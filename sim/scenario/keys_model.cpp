// Keys of models/*.yaml and of the `sources` lists of every catalogue file.

#include "scenario/keys.hpp"

namespace gpuhours {

namespace {

void describe_attention(Keys& keys, Architecture& model) {
  keys.choice({"attention", "mha, gqa (grouped queries) or mla (multi-head latent)"}, model.attention);
  keys.whole({"heads", "query heads", kRequired}, model.heads, at_least(1));
  keys.whole({"kv_heads", "key and value heads; 0: as many as heads"}, model.kv_heads, at_least(0));
  keys.whole({"head_dim", "width of a query and key head; 0: hidden / heads, for mla qk_nope + qk_rope"},
             model.head_dim, at_least(0));
  keys.whole({"q_lora", "mla: rank of the query's down-projection, 0: none"}, model.q_lora, at_least(0));
  keys.whole({"kv_lora", "mla: rank of the compressed keys and values"}, model.kv_lora, at_least(0));
  keys.whole({"qk_nope", "mla: query and key width without rotary embedding"}, model.qk_nope, at_least(0));
  keys.whole({"qk_rope", "mla: query and key width with rotary embedding"}, model.qk_rope, at_least(0));
  keys.whole({"v_head_dim", "mla: width of a value head"}, model.v_head_dim, at_least(0));
  keys.whole({"sliding_window", "tokens of the attention window, 0: full attention"}, model.sliding_window,
             at_least(0));
  keys.whole({"sliding_window_every", "the window holds on one layer of this many"}, model.sliding_window_every,
             at_least(1));
}

void describe_experts(Keys& keys, Architecture& model) {
  keys.whole({"experts", "routed experts a layer, 0: dense model"}, model.experts, at_least(0));
  keys.whole({"shared_experts", "experts that every token visits"}, model.shared_experts, at_least(0));
  keys.whole({"top_k", "routed experts that a token visits"}, model.top_k, at_least(0));
  keys.whole({"moe_ffn_hidden", "width of one expert"}, model.moe_ffn_hidden, at_least(0));
  keys.whole({"moe_layer_freq", "after dense_layers, every n-th layer has experts"}, model.moe_layer_freq, at_least(1));
  keys.whole({"expert_groups", "groups of experts for group-limited routing, 0: unlimited"}, model.expert_groups,
             at_least(0));
  keys.whole({"groups_per_token", "groups that a token may visit"}, model.groups_per_token, at_least(0));
}

}  // namespace

void describe(Keys& keys, Architecture& model) {
  keys.text({"id", "name of the catalogue file"}, model.id);
  keys.text({"name", "name in plain words"}, model.name);
  keys.whole({"layers", "transformer layers, MTP modules not counted", kRequired}, model.layers, at_least(1));
  keys.whole({"dense_layers", "first layers of an expert model that have a dense MLP"}, model.dense_layers,
             at_least(0));
  keys.whole({"hidden", "width of the residual stream", kRequired}, model.hidden, at_least(1));
  keys.whole({"ffn_hidden", "width of a dense MLP"}, model.ffn_hidden, at_least(0));
  keys.choice({"mlp", "activation; swiglu and geglu have three matrices, the others two"}, model.mlp);
  keys.flag({"linear_bias", "linear layers have a bias"}, model.linear_bias);
  keys.flag({"activation_clamp", "gate and up are bounded before the activation"}, model.activation_clamp);
  keys.flag({"qk_norm", "queries and keys are normed head by head"}, model.qk_norm);
  keys.whole({"vocab", "rows of the embedding table", kRequired}, model.vocab, at_least(1));
  keys.flag({"tied_embeddings", "the output projection is the embedding table"}, model.tied_embeddings);
  keys.whole({"learned_positions", "rows of a learned position table, 0: none"}, model.learned_positions, at_least(0));
  describe_attention(keys, model);
  describe_experts(keys, model);
  keys.whole({"mtp_layers", "multi-token-prediction modules that belong to the model"}, model.mtp_layers, at_least(0));
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
