#include <doctest/doctest.h>

#include <cmath>

#include "fixtures.hpp"
#include "workload/stages.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

namespace {

double gemm_flops(const LayerPass& pass, bool recomputed) {
  double sum = 0;
  for_each_operator(pass, [&](const ComputeBlock&, const Operator& op) {
    const bool gemm = op.kind == OperatorKind::gemm || op.kind == OperatorKind::grouped_gemm;
    if (gemm && op.recomputed == recomputed) sum += op.flops.value();
  });
  return sum;
}

}  // namespace

TEST_CASE("model FLOPs of a tiny model") {
  // A sequence of 16: matrices of attention 192 and MLP 384, 2 x 16 x 576 = 18432 a layer; causal
  // attention 2 x 16^2 / 2 x 2 heads x (4 + 4) = 4096. Head 2 x 16 x 8 x 32 = 8192. Forward 2 x 22528 + 8192 = 53248.
  CHECK(forward_flops_per_sequence(tiny_dense(), 16) == Flops(53248));
  CHECK(model_flops_per_sequence(tiny_dense(), 16) == Flops(3 * 53248));
  // Experts: 192 + router 64 + 2 x 96 = 448 a token: 2 x 16 x 448 = 14336 instead of 18432.
  CHECK(forward_flops_per_sequence(tiny_moe(), 16) == Flops(2 * (14336 + 4096) + 8192));
}

TEST_CASE("a sliding window takes off what lies before it") {
  // Window 4 of 16: 16 x 4 - 4^2 / 2 = 56 instead of 128.
  Architecture m = tiny_dense();
  m.sliding_window = 4;
  CHECK(attention_area(m, 16) == 56);
  CHECK(mean_window(m, 16) == 4);
  m.sliding_window_every = 2;
  CHECK(attention_area(m, 16) == (56 + 128) / 2);
  m.sliding_window = 32;
  CHECK(attention_area(m, 16) == 128);
  CHECK(mean_window(m, 16) == 0);
}

TEST_CASE("DeepSeek-V3 takes 342 TFLOP a sequence forward") {
  // By hand, a token: MLA 187,105,280 matrix elements, MoE 9 experts x 44,040,192 + 1,835,008, dense MLP 396,361,728,
  // head 926,679,040; 2 x 4096 x (61 x 187,105,280 + 58 x 398,196,736 + 3 x 396,361,728 + 926,679,040) = 300.03e12;
  // attention 61 x 687.19e9 = 41.92e12.
  CHECK(forward_flops_per_sequence(deepseek_v3(), 4096).value() == doctest::Approx(341.95e12).epsilon(1e-4));
  // 15360 sequences, three times forward.
  CHECK(workload(deepseek_run()).model_flops_per_step.value() ==
        doctest::Approx(3.0 * 15360 * 341.95e12).epsilon(1e-4));
}

TEST_CASE("backward takes twice the forward's matrix products, recompute aside") {
  for (const bool moe : {false, true}) {
    CAPTURE(moe);
    const Workload w = workload(tiny_run(moe ? tiny_moe() : tiny_dense()));
    const LayerWork& layer = moe ? w.moe : w.dense;
    const double forward = gemm_flops(layer.forward, false);
    CHECK(forward > 0);
    // The router's wgrad stands in backward_input.
    CHECK(gemm_flops(layer.backward_input, false) + gemm_flops(layer.backward_weight, false) == 2 * forward);
    CHECK(gemm_flops(layer.backward_input, true) == 0);
  }
}

TEST_CASE("operators of all layers add up to the model FLOPs") {
  const Scenario s = tiny_run(tiny_moe());
  const Workload w = workload(s);
  double forward = 0;
  for_each_operator(w.moe.forward, [&](const ComputeBlock&, const Operator& op) { forward += 2 * op.flops.value(); });
  for_each_operator(w.head.forward, [&](const ComputeBlock&, const Operator& op) { forward += op.flops.value(); });
  CHECK(forward == forward_flops_per_sequence(s.model, 16).value());
  CHECK(w.stages.front().model_flops.value() == 3 * forward);
}

TEST_CASE("full recompute runs the forward once more") {
  Scenario s = tiny_run(tiny_dense());
  s.training.recompute = Recompute::full;
  const Workload w = workload(s);
  CHECK(gemm_flops(w.dense.backward_input, true) == gemm_flops(w.dense.forward, false));
}

TEST_CASE("stage FLOPs and parameters are shared out over tensor ranks") {
  Scenario s = tiny_run(tiny_dense());
  const std::vector<StageWork> whole = stage_works(s);
  s.parallelism.tp = 2;
  s.cluster.gpus = 2;
  const std::vector<StageWork> half = stage_works(s);
  CHECK(half[0].model_flops.value() == whole[0].model_flops.value() / 2);
  // Replicated: 16 norm weights on each of 2 layers and 8 of the final norm. 1704 - 40 = 1664 are split.
  CHECK(half[0].parameters.dense == 1664 / 2 + 40);
}

TEST_CASE("experts are split over expert ranks and reduced apart") {
  Scenario s = tiny_run(tiny_moe());
  s.parallelism.ep = 4;
  s.cluster.gpus = 8;
  const std::vector<StageWork> stages = stage_works(s);
  CHECK(stages[0].parameters.expert == 2 * 8 * 96 / 4);
  CHECK(data_group_sizes(s).dense == 8);
  CHECK(data_group_sizes(s).expert == 2);
  s.parallelism.pp = 2;
  s.parallelism.schedule = Schedule::dualpipe;
  s.cluster.gpus = 16;
  CHECK(data_group_sizes(s).dense == 16);  // 8 ranks of a stage, both copies
  CHECK(data_group_sizes(s).expert == 4);
}
