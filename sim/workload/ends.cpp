#include "workload/layers.hpp"
#include "workload/pass_builder.hpp"

namespace gpuhours {

namespace {

using enum OperatorKind;

/// Bytes an element that Megatron's fused loss moves (jit-fused kernels over an FP32 copy of the logits), as its time on
/// H100 says at the rate of plain kernels: 8,192 x 131,072 logits take 11.8 ms forward and 6.4 ms backward
/// (Liger-Kernel's benchmark against Megatron, see measurements.md).
constexpr double kMegatronLoss = 33;
constexpr double kMegatronLossBackward = 18;
/// The same for a loss that writes the gradient over the logits in its forward (Liger's and Transformer Engine's Triton
/// kernel): 2.97 ms, and a scaling of the gradient in backward.
constexpr double kInPlaceLoss = 8.3;
constexpr double kInPlaceLossBackward = 4;

struct LossKernels {
  std::string_view forward, backward;
  double forward_bytes, backward_bytes;
};

LossKernels loss_kernels(const Stack& stack) {
  if (stack.eager_modules && !stack.fused_cross_entropy) {
    return {laws::kCrossEntropyEager, laws::kCrossEntropyEagerBwd, 2, 2};
  }
  if (stack.cross_entropy_in_place) return {laws::kAdd, laws::kScale, kInPlaceLoss, kInPlaceLossBackward};
  return {laws::kAdd, laws::kAdd, kMegatronLoss, kMegatronLossBackward};
}

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
  weight.gather_tokens("embedding", "embedding gradient", d.hidden, false, false);
  weight.list.memory("embedding bwd", embedding, laws::kEmbeddingBwd, d.tokens, d.hidden, 10);
  weight.close("embedding");
  work.backward_weight = weight.take();
  return work;
}

LayerWork head_layer(const Dimensions& d) {
  LayerWork work;
  const LossKernels loss = loss_kernels(d.scenario.stack);
  PassBuilder forward(d, Pass::forward);
  forward.norm("final norm", d.norm_tokens, d.hidden, true);
  forward.gather_tokens("head", "head input", d.hidden, false, false);
  forward.list.gemm("head fprop", {d.tokens, d.vocab, d.hidden, 1}, false, head_formats(d, d.width));
  forward.list.memory("cross entropy", cross_entropy, loss.forward, d.tokens, d.vocab, loss.forward_bytes);
  reduce_loss(d, forward);
  forward.close("head");
  work.forward = forward.take();

  PassBuilder backward(d, Pass::backward_input);
  backward.list.memory("cross entropy bwd", cross_entropy, loss.backward, d.tokens, d.vocab, loss.backward_bytes);
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
