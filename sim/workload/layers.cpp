#include "workload/layers.hpp"

#include "workload/attention.hpp"
#include "workload/mlp.hpp"
#include "workload/moe.hpp"

namespace gpuhours {

namespace {

using enum OperatorKind;

void second_half_forward(const Dimensions& d, PassBuilder& b, bool moe) {
  if (moe) {
    moe_forward(d, b);
  } else {
    b.close("attn");
    dense_mlp_forward(d, b);
    b.close("mlp");
  }
}

void layer_forward(const Dimensions& d, PassBuilder& b, bool moe) {
  attention_forward(d, b);
  second_half_forward(d, b, moe);
}

bool recomputes_layer(const Dimensions& d) {
  return d.scenario.training.recompute == Recompute::full || d.recomputes(RecomputeOp::layer);
}

LayerPass layer_backward(const Dimensions& d, bool moe) {
  PassBuilder b(d, Pass::backward_input);
  if (recomputes_layer(d)) {
    const OperatorList::RecomputeScope scope(b.list);
    layer_forward(d, b, moe);
  } else if (moe ? d.recomputes(RecomputeOp::moe) : d.recomputes(RecomputeOp::mlp)) {
    const OperatorList::RecomputeScope scope(b.list);
    second_half_forward(d, b, moe);
  }
  if (moe) {
    moe_backward(d, b);
  } else {
    dense_mlp_backward(d, b);
    b.close("mlp");
  }
  attention_backward(d, b);
  b.close("attn");
  return b.take();
}

LayerPass layer_weight(const Dimensions& d, bool moe) {
  PassBuilder b(d, Pass::backward_weight);
  if (moe) {
    moe_weight(d, b);
  } else {
    mlp_weight(b, dense_mlp(d));
  }
  b.close("mlp");
  attention_weight(d, b);
  b.close("attn");
  return b.take();
}

void append(LayerPass& to, LayerPass from) {
  for (Segment& segment : from) to.push_back(std::move(segment));
}

Linear mtp_projection(const Dimensions& d) {
  return {"mtp projection", d.norm_tokens, d.hidden, 2 * d.hidden, 1, false, false};
}

}  // namespace

LayerWork transformer_layer(const Dimensions& d, bool moe) {
  LayerWork work;
  PassBuilder forward(d, Pass::forward);
  layer_forward(d, forward, moe);
  work.forward = forward.take();
  work.backward_input = layer_backward(d, moe);
  work.backward_weight = layer_weight(d, moe);
  return work;
}

LayerWork mtp_layer(const Dimensions& d, bool moe) {
  const Linear projection = mtp_projection(d);
  LayerWork layer = transformer_layer(d, moe);
  LayerWork work;
  PassBuilder forward(d, Pass::forward);
  forward.list.memory("embedding", embedding, laws::kEmbedding, d.norm_tokens, d.hidden, 4);
  forward.norm("mtp norm hidden", d.norm_tokens, d.hidden, false);
  forward.norm("mtp norm embedding", d.norm_tokens, d.hidden, false);
  forward.list.memory("join mtp inputs", copy, laws::kCopyStrided, d.norm_tokens, 2 * d.hidden, 4);
  forward.linear.cast_operand("mtp projection input", projection.rows, projection.inputs);
  forward.linear.fprop(projection);
  forward.close("mtp");
  work.forward = forward.take();
  append(work.forward, std::move(layer.forward));

  work.backward_input = std::move(layer.backward_input);
  PassBuilder backward(d, Pass::backward_input);
  backward.linear.backward(projection);
  backward.norm_backward("mtp norm embedding bwd", d.norm_tokens, d.hidden, false);
  backward.norm_backward("mtp norm hidden bwd", d.norm_tokens, d.hidden, false);
  backward.close("mtp");
  append(work.backward_input, backward.take());

  work.backward_weight = std::move(layer.backward_weight);
  PassBuilder weight(d, Pass::backward_weight);
  weight.linear.wgrad(projection);
  weight.list.memory("embedding bwd", embedding, laws::kEmbeddingBwd, d.norm_tokens, d.hidden, 10);
  weight.close("mtp");
  append(work.backward_weight, weight.take());
  return work;
}

}  // namespace gpuhours
