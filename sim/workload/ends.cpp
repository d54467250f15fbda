#include "workload/layers.hpp"
#include "workload/pass_builder.hpp"

namespace gpuhours {

namespace {

using enum OperatorKind;

constexpr int kVocabularyReductions = 3;  ///< maximum, sum of exponentials, target logit (Megatron's parallel loss)

GemmFormats head_formats(const Dimensions& d, double result_bytes) {
  return {d.scenario.precision.head, Scaling::none, result_bytes};
}

/// Loss over a vocabulary that is split over the tensor group.
void reduce_loss(const Dimensions& d, PassBuilder& b) {
  if (d.tp == 1) return;
  b.close("head");
  Communication c;
  c.name = "loss over vocabulary";
  c.kind = CommunicationKind::all_reduce;
  c.group = GroupKind::tensor;
  c.bytes = Bytes(static_cast<double>(kVocabularyReductions * d.tokens) * 4);
  b.communicate(std::move(c));
}

}  // namespace

LayerWork embedding_layer(const Dimensions& d) {
  LayerWork work;
  PassBuilder forward(d, Pass::forward);
  forward.list.memory("embedding", embedding, laws::kEmbedding, d.tokens, d.hidden, 4);
  forward.reduce_tokens("embedding", "embedding", d.hidden);
  if (d.model.learned_positions > 0) forward.add("add positions", d.norm_tokens, d.hidden);
  forward.close("embedding");
  work.forward = forward.take();

  PassBuilder weight(d, Pass::backward_weight);
  weight.gather_tokens("embedding", "embedding gradient", d.hidden);
  weight.list.memory("embedding bwd", embedding, laws::kEmbeddingBwd, d.tokens, d.hidden, 10);
  weight.close("embedding");
  work.backward_weight = weight.take();
  return work;
}

LayerWork head_layer(const Dimensions& d) {
  LayerWork work;
  const bool fused = d.scenario.stack.fused_cross_entropy;
  PassBuilder forward(d, Pass::forward);
  forward.norm("final norm", d.norm_tokens, d.hidden, true);
  forward.gather_tokens("head", "head input", d.hidden);
  forward.list.gemm("head fprop", {d.tokens, d.vocab, d.hidden, 1}, false, head_formats(d, d.width));
  forward.list.memory("cross entropy", cross_entropy, fused ? laws::kCrossEntropy : laws::kCrossEntropyEager, d.tokens,
                      d.vocab, 2);
  reduce_loss(d, forward);
  forward.close("head");
  work.forward = forward.take();

  PassBuilder backward(d, Pass::backward_input);
  backward.list.memory("cross entropy bwd", cross_entropy, fused ? laws::kCrossEntropyBwd : laws::kCrossEntropyEagerBwd,
                       d.tokens, d.vocab, fused ? 4 : 2);
  backward.list.gemm("head dgrad", {d.tokens, d.hidden, d.vocab, 1}, false, head_formats(d, d.width));
  backward.reduce_tokens("head", "head input gradient", d.hidden);
  backward.norm_backward("final norm bwd", d.norm_tokens, d.hidden, false);
  backward.close("head");
  work.backward_input = backward.take();

  PassBuilder weight(d, Pass::backward_weight);
  const double gradient = 2 * bytes_per_element(d.scenario.precision.gradients);
  Operator& op = weight.list.gemm("head wgrad", {d.vocab, d.hidden, d.tokens, 1}, false, head_formats(d, gradient));
  op.accumulate = d.scenario.precision.gradients == Format::fp32;
  weight.close("head");
  work.backward_weight = weight.take();
  return work;
}

}  // namespace gpuhours
