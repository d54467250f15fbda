#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>

#include "fixtures.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

namespace {

void check_gemm(const LayerPass& pass, std::string_view name, std::int64_t m, std::int64_t n, std::int64_t k) {
  CAPTURE(name);
  const Operator* op = find_operator(pass, name);
  REQUIRE(op != nullptr);
  CHECK(op->gemm.m == m);
  CHECK(op->gemm.n == n);
  CHECK(op->gemm.k == k);
}

Scenario llama_70b_on_tensor_ranks() {
  Scenario s;
  s.model.layers = 80;
  s.model.hidden = 8192;
  s.model.ffn_hidden = 28672;
  s.model.vocab = 128256;
  s.model.heads = 64;
  s.model.kv_heads = 8;
  s.model.head_dim = 128;
  s.cluster.gpus = 8;
  s.parallelism.tp = 8;
  s.training.sequence_length = 8192;
  s.training.global_batch = 1;
  return s;
}

std::map<std::string, int> gemm_counts(const LayerPass& pass) {
  std::map<std::string, int> counts;
  for_each_operator(pass, [&](const ComputeBlock&, const Operator& op) {
    if (op.kind == OperatorKind::gemm || op.kind == OperatorKind::grouped_gemm) ++counts[op.name];
  });
  return counts;
}

}  // namespace

TEST_CASE("GEMM shapes under tensor parallelism") {
  const Workload w = workload(llama_70b_on_tensor_ranks());
  // A rank has 8 of 64 query heads and 1 of 8 key-value heads: (8 + 2) x 128 = 1280 columns; 28672 x 2 / 8 = 7168.
  check_gemm(w.dense.forward, "qkv fprop", 8192, 1280, 8192);
  check_gemm(w.dense.forward, "o fprop", 8192, 8192, 1024);
  check_gemm(w.dense.forward, "gate_up fprop", 8192, 7168, 8192);
  check_gemm(w.dense.forward, "down fprop", 8192, 8192, 3584);
  check_gemm(w.dense.backward_input, "gate_up dgrad", 8192, 8192, 7168);
  check_gemm(w.dense.backward_weight, "gate_up wgrad", 7168, 8192, 8192);
  check_gemm(w.dense.backward_weight, "down wgrad", 8192, 3584, 8192);
  check_gemm(w.head.forward, "head fprop", 8192, 16032, 8192);
  // Norms run on an eighth of the tokens.
  CHECK(find_operator(w.dense.forward, "input norm")->rows == 1024);
}

TEST_CASE("sequence parallelism gathers before and scatters after each half of a layer") {
  Scenario s = llama_70b_on_tensor_ranks();
  const Workload w = workload(s);
  const double tokens = 8192.0 * 8192 * 2;  // T x hidden in BF16
  const std::vector<Communication> forward = communications(w.dense.forward);
  REQUIRE(forward.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(forward[i].kind == (i % 2 == 0 ? CommunicationKind::all_gather : CommunicationKind::reduce_scatter));
    CHECK(forward[i].group == GroupKind::tensor);
    CHECK(forward[i].bytes.value() == tokens);
  }
  // Backward of each half: the output's gradient, the input again for wgrad, the input's gradient.
  const std::vector<Communication> backward = communications(w.dense.backward_input);
  REQUIRE(backward.size() == 6);
  CHECK(backward[1].beside_next);
  CHECK(backward[2].kind == CommunicationKind::reduce_scatter);

  s.parallelism.sequence_parallel = false;
  const Workload plain = workload(s);
  REQUIRE(communications(plain.dense.forward).size() == 2);
  CHECK(communications(plain.dense.forward)[0].kind == CommunicationKind::all_reduce);
  CHECK(communications(plain.dense.backward_input).size() == 2);
  CHECK(find_operator(plain.dense.forward, "input norm")->rows == 8192);
  CHECK(workload(tiny_run(tiny_dense())).dense.forward.size() == 2);  // attn, mlp, nothing to say
}

TEST_CASE("dispatch and combine of DeepSeek-V3") {
  const Workload w = workload(deepseek_run());
  const std::vector<Communication> forward = communications(w.moe.forward);
  REQUIRE(forward.size() == 2);
  CHECK(forward[0].kind == CommunicationKind::dispatch);
  CHECK(forward[0].tokens == 4096);
  CHECK(forward[0].bytes_per_token == 7168 + 56 * 4);  // FP8 and an FP32 scale per 128
  CHECK(forward[0].first_of_pair);
  CHECK(forward[1].kind == CommunicationKind::combine);
  CHECK(forward[1].bytes_per_token == 2 * 7168);
  const std::vector<Communication> backward = communications(w.moe.backward_input);
  REQUIRE(backward.size() == 2);
  CHECK(backward[0].kind == CommunicationKind::dispatch);
  CHECK_FALSE(backward[0].first_of_pair);
  REQUIRE(backward[0].prologue.size() == 1);
  CHECK(backward[0].prologue[0].law == laws::kCast1x128);
  CHECK(backward[1].kind == CommunicationKind::combine);
  CHECK(communications(w.moe.backward_weight).empty());
}

TEST_CASE("routed rows by expert and expert-tensor parallelism") {
  // tiny: 16 tokens x top 2 on every rank of 4: a rank holds 2 experts and computes 4 x 32 / 4 = 32 rows.
  Scenario s = tiny_run(tiny_moe());
  s.parallelism.ep = 4;
  s.cluster.gpus = 4;
  check_gemm(workload(s).moe.forward, "routed gate_up fprop", 32, 8, 8);
  CHECK(find_operator(workload(s).moe.forward, "routed gate_up fprop")->gemm.groups == 2);
  check_gemm(workload(s).moe.backward_weight, "routed down wgrad", 8, 4, 32);
  // Under FP8 every expert's 16 rows are padded to 128.
  s.precision.gemm = Format::fp8;
  s.precision.scaling = Scaling::block_128;
  check_gemm(workload(s).moe.forward, "routed gate_up fprop", 256, 8, 8);
  // Two expert-tensor ranks share the rows of two ranks and split the width 4.
  Scenario t = tiny_run(tiny_moe());
  t.parallelism.ep = 2;
  t.parallelism.etp = 2;
  t.cluster.gpus = 4;
  check_gemm(workload(t).moe.forward, "routed gate_up fprop", 64, 4, 8);
}

TEST_CASE("GEMMs of a DeepSeek layer, pass by pass") {
  const Workload w = workload(deepseek_run());
  const std::map<std::string, int> forward = {
      {"q_a fprop", 1},         {"kv_a fprop", 1},           {"q_b fprop", 1},         {"kv_b fprop", 1},
      {"o fprop", 1},           {"shared gate_up fprop", 1}, {"shared down fprop", 1}, {"routed gate_up fprop", 1},
      {"routed down fprop", 1}, {"router fprop", 1}};
  CHECK(gemm_counts(w.moe.forward) == forward);
  const std::map<std::string, int> backward = {
      {"q_a dgrad", 1},         {"kv_a dgrad", 1},           {"q_b dgrad", 1},         {"kv_b dgrad", 1},
      {"o dgrad", 1},           {"shared gate_up dgrad", 1}, {"shared down dgrad", 1}, {"routed gate_up dgrad", 1},
      {"routed down dgrad", 1}, {"router dgrad", 1},         {"router wgrad", 1},      {"q_b fprop", 1},
      {"kv_b fprop", 1}};
  CHECK(gemm_counts(w.moe.backward_input) == backward);
  const std::map<std::string, int> weight = {
      {"q_a wgrad", 1},        {"kv_a wgrad", 1},           {"q_b wgrad", 1},         {"kv_b wgrad", 1},
      {"o wgrad", 1},          {"shared gate_up wgrad", 1}, {"shared down wgrad", 1}, {"routed gate_up wgrad", 1},
      {"routed down wgrad", 1}};
  CHECK(gemm_counts(w.moe.backward_weight) == weight);
  CHECK(find_operator(w.moe.backward_input, "q_b fprop")->recomputed);
  CHECK(find_operator(w.moe.backward_input, "q_b fprop")->pass == Pass::forward);
  CHECK(find_operator(w.moe.backward_weight, "routed down wgrad")->kernels == 4);  // one an expert
}

TEST_CASE("BF16 has no casts and other recipes cast each operand once") {
  const auto casts = [](const Scenario& s) {
    int count = 0;
    const Workload w = workload(s);
    for (const LayerPass* pass : {&w.dense.forward, &w.dense.backward_input}) {
      for_each_operator(*pass, [&](const ComputeBlock&, const Operator& op) {
        if (op.kind == OperatorKind::cast || op.kind == OperatorKind::cast_transpose) ++count;
      });
    }
    return count;
  };
  Scenario s = tiny_run(tiny_dense());
  CHECK(casts(s) == 0);
  s.precision.gemm = Format::fp8;
  s.precision.scaling = Scaling::tensor_current;
  s.stack.fused_activation = false;
  // Inputs of qkv, o, gate_up, down and the gradients of their outputs: 8 casts, and 8 maxima before them.
  CHECK(casts(s) == 16);
  s.precision.scaling = Scaling::block_128;
  CHECK(casts(s) == 8);
  s.precision.scaling = Scaling::tensor_delayed;
  s.stack.fused_activation = true;  // the activation writes FP8
  CHECK(casts(s) == 7);
}

TEST_CASE("an all-to-all's far side is a block of its own: the sum after combine, the permutation before combine'") {
  Scenario s = tiny_run(tiny_moe());
  s.parallelism.ep = 4;
  s.cluster.gpus = 4;
  s.stack.dispatcher = Dispatcher::alltoall;
  const auto far_side = [](const LayerPass& pass) {
    std::string names;
    for_each_operator(pass, [&](const ComputeBlock& block, const Operator& op) {
      if (block.name == kExchangeBlock) names += op.name + ";";
    });
    return names;
  };
  const Workload w = workload(s);
  CHECK(far_side(w.moe.forward) == "unpermute by expert;");
  CHECK(far_side(w.moe.backward_input) == "permute by expert;");
  s.stack.dispatcher = Dispatcher::deepep;
  CHECK(far_side(workload(s).moe.forward).empty());
}

TEST_CASE("dispatchers move what they are said to move") {
  Scenario s = tiny_run(tiny_moe());
  s.parallelism.ep = 4;
  s.cluster.gpus = 4;
  s.stack.dispatcher = Dispatcher::alltoall;
  // 16 tokens x top 2 x hidden 8 x 2 B.
  CHECK(communications(workload(s).moe.forward)[0].kind == CommunicationKind::all_to_all);
  CHECK(communications(workload(s).moe.forward)[0].bytes.value() == 16 * 2 * 8 * 2);
  s.stack.dispatcher = Dispatcher::allgather;
  // Every rank ends with the tokens of all four.
  CHECK(communications(workload(s).moe.forward)[0].kind == CommunicationKind::all_gather);
  CHECK(communications(workload(s).moe.forward)[0].bytes.value() == 4 * 16 * 8 * 2);
  CHECK(communications(workload(s).moe.forward)[1].kind == CommunicationKind::reduce_scatter);
}

TEST_CASE("experts launched one by one bound gate and up and add their biases in kernels of their own") {
  Scenario s = tiny_run(tiny_moe());
  s.model.linear_bias = true;
  s.model.activation_clamp = true;
  s.stack.fused_grouped_gemm = false;
  s.parallelism.ep = 4;
  s.cluster.gpus = 4;
  const Workload apart = workload(s);
  // 16 tokens x top 2 = 32 rows on a rank of two experts. Gate and up are 2 x 4 wide: 256 elements; hidden is 8: 256 as
  // well.
  const auto bytes = [](const LayerPass& pass, std::string_view name) {
    const Operator* op = find_operator(pass, name);
    REQUIRE(op != nullptr);
    CHECK(op->rows * op->cols == 256);
    return op->bytes.value() / 256;
  };
  CHECK(bytes(apart.moe.forward, "clamp gate and up") == 2 + 2);
  CHECK(bytes(apart.moe.forward, "join gate and up") == 2 + 2);
  // Up: two comparisons 2 + 1 each, their conjunction 1 + 1 + 1, choice 1 + 2 + 2; gate: one comparison and the choice.
  CHECK(bytes(apart.moe.backward_input, "clamp bwd") == (3 + 3 + 3 + 5 + 3 + 5) / 2.0);
  CHECK(bytes(apart.moe.backward_input, "join gate and up gradients") == 4);
  // In FP32, by expert: bias x weight 4, sum 2 + 4 + 4; for all: cast 4 + 2, join 4 + 4.
  CHECK(bytes(apart.moe.forward, "expert bias") == 4 + 10 + 6);
  CHECK(find_operator(apart.moe.forward, "expert bias")->kernels == 2 * 2 + 1);
  CHECK(bytes(apart.moe.forward, "join expert rows") == 8);
  // Casts 2 + 4 and 4 + 2, gradient x weight and gradient x bias 4 + 4 each; their sums read 4 each.
  CHECK(bytes(apart.moe.backward_input, "expert bias bwd") == 6 + 6 + 8 + 8);
  CHECK(bytes(apart.moe.backward_input, "expert bias sums") == 4 + 4);
  CHECK(find_operator(apart.moe.backward_weight, "bias grad routed down") == nullptr);
  CHECK(find_operator(apart.moe.backward_weight, "bias grad routed gate_up") != nullptr);

  s.stack.fused_grouped_gemm = true;
  const Workload together = workload(s);
  for (const char* name : {"clamp gate and up", "expert bias"}) {
    CHECK(find_operator(together.moe.forward, name) == nullptr);
  }
  CHECK(find_operator(together.moe.backward_input, "clamp bwd") == nullptr);
  CHECK(find_operator(together.moe.backward_weight, "bias grad routed down") != nullptr);
}

TEST_CASE("tensor ranks that hold the same share the sending between stages") {
  Scenario s = tiny_run(tiny_dense());
  s.parallelism.tp = 2;
  s.parallelism.pp = 2;
  s.parallelism.sequence_parallel = false;
  s.cluster.gpus = 4;
  // 16 tokens x hidden 8 x 2 B.
  CHECK(workload(s).sent_bytes.value() == 256);
  s.stack.scatter_gather_sends = true;
  CHECK(workload(s).boundary_bytes.value() == 256);
  CHECK(workload(s).sent_bytes.value() == 128);
  s.parallelism.sequence_parallel = true;  // each holds its half of the tokens and sends it
  CHECK(workload(s).sent_bytes.value() == 128);
  CHECK(workload(s).boundary_bytes.value() == 128);
}

TEST_CASE("gradients that no product adds are added by kernels of their own") {
  Scenario s = tiny_run(tiny_dense());
  s.stack.fused_gradient_accumulation = false;
  s.precision.gradients = Format::bf16;
  const auto bytes = [&] {
    const Workload w = workload(s);
    const Operator* op = find_operator(w.dense.backward_weight, "accumulate down");
    REQUIRE(op != nullptr);
    CHECK(op->rows * op->cols == 8 * 16);
    CHECK_FALSE(find_operator(w.dense.backward_weight, "down wgrad")->accumulate);
    return op->bytes.value() / (8 * 16);
  };
  CHECK(bytes() == 2 + 2 + 2);  // two read, one written
  // With FP32 gradients that goes on: cast 2 + 4, sum 4 + 4 + 4, cleared 2.
  s.precision.gradients = Format::fp32;
  CHECK(bytes() == 6 + 6 + 12 + 2);
  s.stack.fused_gradient_accumulation = true;
  const Workload fused = workload(s);
  CHECK(find_operator(fused.dense.backward_weight, "accumulate down") == nullptr);
  CHECK(find_operator(fused.dense.backward_weight, "down wgrad")->accumulate);
}

TEST_CASE("the optimizer's bytes follow the formats") {
  // PyTorch's fused AdamW in one format: gradient, weight and two moments read, the last three written: 28 B in FP32.
  Scenario s = tiny_run(tiny_dense());
  s.precision.weights = Format::fp32;
  s.parallelism.zero_stage = 0;
  const ComputeBlock plain = optimizer_work(s, {1000, 0});
  REQUIRE(plain.operators.size() == 2);
  CHECK(plain.operators[0].bytes.value() == 4 * 1000);
  CHECK(plain.operators[1].bytes.value() == 28 * 1000);
  // BF16 copy beside FP32 master weights: 2 B more; ZeRO-1 over 4 ranks touches a quarter.
  s.precision.weights = Format::bf16;
  s.parallelism.zero_stage = 1;
  s.cluster.gpus = 4;
  CHECK(optimizer_work(s, {1000, 0}).operators[1].bytes.value() == 30 * 250);
}

TEST_CASE("an MTP module adds its projection and layer, and FLOPs that are not model FLOPs") {
  Scenario s = deepseek_run();
  s.parallelism.layers_per_stage = {4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 1};
  const Workload with = workload(s);
  check_gemm(with.mtp.forward, "mtp projection fprop", 4096, 7168, 14336);
  CHECK(with.stages.back().layers.back() == LayerKind::mtp_moe);
  CHECK(with.stages.back().mtp_heads == 1);
  s.training.mtp = false;
  const Workload without = workload(s);
  CHECK(without.mtp.forward.empty());
  CHECK(without.stages.back().model_flops == with.stages.back().model_flops);
}

TEST_CASE("context parallelism splits tokens and exchanges keys and values") {
  Scenario s = llama_70b_on_tensor_ranks();
  s.parallelism.tp = 1;
  s.parallelism.cp = 4;
  const Workload w = workload(s);
  check_gemm(w.dense.forward, "qkv fprop", 2048, 10240, 8192);
  const std::vector<Communication> forward = communications(w.dense.forward);
  // A ring of four: keys and values of a quarter of the sequence travel three times; backward a fourth transfer brings
  // the gradients home, and the middle ones hold both.
  const double kv = 2048.0 * 8 * 256 * 2;
  REQUIRE(forward.size() == 3);
  for (const Communication& c : forward) {
    CHECK(c.group == GroupKind::context);
    CHECK(c.kind == CommunicationKind::send);
    CHECK(c.bytes.value() == kv);
    CHECK(c.beside_next);
  }
  const std::vector<Communication> backward = communications(w.dense.backward_input);
  REQUIRE(backward.size() == 4);
  CHECK(backward[0].bytes.value() == kv);
  CHECK(backward[1].bytes.value() == 2 * kv);
  CHECK(backward[2].bytes.value() == 2 * kv);
  CHECK(backward[3].bytes.value() == kv);
  // Causal work is shared evenly over ranks and steps: 2 x 8192^2 / 2 x 64 heads x 256 / 4 / 4. The first step is
  // causal on 2,048 tokens, 2,048^2 / 2; the others pair 2,048 with 1,024: as much.
  int steps = 0;
  for_each_operator(w.dense.forward, [&](const ComputeBlock&, const Operator& op) {
    if (op.kind != OperatorKind::attention) return;
    CHECK(op.flops.value() == 8192.0 * 8192 * 64 * 256 / 16);
    CHECK(op.attention.causal == (steps == 0));
    CHECK(op.attention.seq_q == 2048);
    CHECK(op.attention.seq_kv == (steps == 0 ? 2048 : 1024));
    ++steps;
  });
  CHECK(steps == 4);
}

TEST_CASE("context parallelism by all-to-all: a quarter of the heads on the whole sequence") {
  Scenario s = llama_70b_on_tensor_ranks();
  s.parallelism.tp = 1;
  s.parallelism.cp = 4;
  s.parallelism.cp_exchange = CpExchange::all_to_all;
  const Workload w = workload(s);
  const double qkv = 2048.0 * (64 * 128 + 8 * 256) * 2;
  const double output = 2048.0 * 64 * 128 * 2;
  const std::vector<Communication> forward = communications(w.dense.forward);
  REQUIRE(forward.size() == 2);
  CHECK(forward[0].kind == CommunicationKind::all_to_all);
  CHECK(forward[0].group == GroupKind::context);
  CHECK(forward[0].bytes.value() == qkv);
  CHECK(forward[1].bytes.value() == output);
  const std::vector<Communication> backward = communications(w.dense.backward_input);
  REQUIRE(backward.size() == 2);
  CHECK(backward[0].bytes.value() == output);
  CHECK(backward[1].bytes.value() == qkv);
  const Operator* attention = find_operator(w.dense.forward, "attention");
  CHECK(attention->attention.heads == 16);
  CHECK(attention->attention.kv_heads == 2);
  CHECK(attention->attention.seq_q == 8192);
  CHECK(attention->flops.value() == 8192.0 * 8192 * 64 * 256 / 4);
}

TEST_CASE(
    "tensor parallelism without sequence parallelism: whole activations, two sums each way, norms on every rank") {
  Scenario s = llama_70b_on_tensor_ranks();
  s.parallelism.sequence_parallel = false;
  const Workload w = workload(s);
  const double activation = 8192.0 * 8192 * 2;
  for (const LayerPass* pass : {&w.dense.forward, &w.dense.backward_input}) {
    const std::vector<Communication> sums = communications(*pass);
    REQUIRE(sums.size() == 2);
    for (const Communication& c : sums) {
      CHECK(c.kind == CommunicationKind::all_reduce);
      CHECK(c.group == GroupKind::tensor);
      CHECK(c.bytes.value() == activation);
    }
  }
  CHECK(communications(w.dense.backward_weight).empty());
  CHECK(find_operator(w.dense.forward, "mlp norm")->rows == 8192);
  // The embedding's partial rows are summed forward; the output layer's input gradient backward.
  CHECK(communications(w.embedding.forward).size() == 1);
  CHECK(communications(w.embedding.backward_weight).empty());
  CHECK(communications(w.head.forward).size() == 1);  // the loss over the vocabulary
  CHECK(communications(w.head.backward_input).size() == 1);
}

TEST_CASE("eager modules run norms, gates and rotations by single kernels") {
  Scenario s = llama_70b_on_tensor_ranks();
  s.parallelism.tp = 1;
  s.cluster.gpus = 1;
  s.stack.fused_norm = s.stack.fused_activation = s.stack.fused_rope = false;
  s.stack.eager_modules = true;
  const Workload w = workload(s);
  // 8,192 tokens x 8,192. Forward: cast 6, square 8, mean 4, product 8, cast 6, weight 4; backward: 4 + 6 + 2 + 6 + 8 +
  // 12
  // + 4 + 4 + 8 + 12 + 8 + 12 + 6.
  const Operator* norm = find_operator(w.dense.forward, "mlp norm");
  REQUIRE(norm != nullptr);
  CHECK(norm->bytes.value() == 8192.0 * 8192 * 36);
  CHECK(norm->kernels == 8);
  CHECK(find_operator(w.dense.backward_input, "mlp norm bwd")->bytes.value() == 8192.0 * 8192 * 92);
  // SiLU reads and writes (4), the product reads two and writes one (6); three gradients of 6.
  CHECK(find_operator(w.dense.forward, "activation")->bytes.value() == 8192.0 * 28672 * 10);
  CHECK(find_operator(w.dense.backward_input, "activation bwd")->bytes.value() == 8192.0 * 28672 * 18);
  // 72 heads of 128: 2 + 4 + 4 + 4 + 6 forward.
  CHECK(find_operator(w.dense.forward, "rope")->bytes.value() == 8192.0 * 72 * 128 * 20);
  CHECK(find_operator(w.dense.backward_input, "add value gradients")->bytes.value() == 8192.0 * 8192 * 6);
  CHECK(find_operator(w.dense.backward_input, "add gate and up gradients") != nullptr);
}

TEST_CASE("a wgrad accumulates where gradients are kept in FP32") {
  Scenario s = llama_70b_on_tensor_ranks();
  const auto accumulates = [&] {
    const Workload w = workload(s);
    const bool layer = find_operator(w.dense.backward_weight, "down wgrad")->accumulate;
    CHECK(find_operator(w.head.backward_weight, "head wgrad")->accumulate == layer);
    return layer;
  };
  CHECK(accumulates());
  s.precision.gradients = Format::bf16;
  CHECK(!accumulates());
}

TEST_CASE("per-tensor FP8 under sequence parallelism: shards are cast, gathered in a byte, transposed for wgrad") {
  Scenario s = llama_70b_on_tensor_ranks();
  s.cluster.gpu.generation = Generation::hopper;
  s.precision.gemm = Format::fp8;
  s.precision.scaling = Scaling::tensor_delayed;
  s.stack.fused_norm_cast = true;
  const Workload w = workload(s);
  const double elements = 8192.0 * 8192;
  // Forward: the norm casts, the gathering moves a byte an element, the scattering two.
  CHECK(find_operator(w.dense.forward, "cast qkv input") == nullptr);
  CHECK(find_operator(w.dense.forward, "cast mlp input") == nullptr);
  CHECK(communications(w.dense.forward)[0].bytes.value() == elements);
  CHECK(communications(w.dense.forward)[1].bytes.value() == 2 * elements);
  // Backward: gradients are cast on an eighth of the tokens (3 bytes) and transposed when gathered (2), inputs too.
  CHECK(find_operator(w.dense.backward_input, "cast dY of down")->bytes.value() == 3 * elements / 8);
  CHECK(find_operator(w.dense.backward_input, "transpose dY of down")->bytes.value() == 2 * elements);
  CHECK(find_operator(w.dense.backward_input, "transpose mlp input")->bytes.value() == 2 * elements);
  CHECK(find_operator(w.dense.backward_input, "transpose qkv input")->bytes.value() == 2 * elements);
  // The gradient of a column-parallel layer is whole: cast both ways at once (4).
  CHECK(find_operator(w.dense.backward_input, "cast dY of gate_up")->bytes.value() == 4 * 8192.0 * 7168);

  s.cluster.gpu.generation = Generation::blackwell;  // its FP8 products read columns too
  CHECK(find_operator(workload(s).dense.backward_input, "transpose mlp input") == nullptr);

  s.stack.fused_norm_cast = false;  // a kernel of its own on the shard
  CHECK(find_operator(workload(s).dense.forward, "cast qkv input")->bytes.value() == 3 * elements / 8);
}

TEST_CASE("attention before FlashAttention moves the whole square of scores") {
  Scenario s = tiny_run(tiny_dense());  // 2 heads of 4, 16 tokens: 512 scores
  s.stack.keeps_attention_scores = true;
  s.stack.dropout_masks = true;
  const Workload w = workload(s);
  CHECK(find_operator(w.dense.forward, "attention") == nullptr);
  CHECK(find_operator(w.dense.forward, "softmax")->bytes.value() == 512 * 4);
  CHECK(find_operator(w.dense.forward, "score dropout")->bytes.value() == 512 * 5);
  CHECK(find_operator(w.dense.backward_input, "softmax bwd")->bytes.value() == 512 * 6);
  // One product a head, 16 x 4 by 4 x 16: queries and keys read, scores written: 2 x (64 + 64 + 256) x 2 bytes.
  const Operator* scores = find_operator(w.dense.forward, "scores");
  REQUIRE(scores != nullptr);
  CHECK(scores->gemm.groups == 2);
  CHECK(scores->bytes.value() == 2 * (64 + 64 + 256) * 2);
  CHECK(scores->flops.value() == 2.0 * 512 * 4 / 2);  // the causal half counts
  s.stack.dropout_masks = false;
  CHECK(find_operator(workload(s).dense.forward, "score dropout") == nullptr);
}

TEST_CASE("the loss: Megatron's fused kernels, one that writes its gradient at once, public model code") {
  Scenario s = tiny_run(tiny_dense());  // 16 tokens, 32 words
  const auto bytes = [&](const char* name, bool forward) {
    const Workload w = workload(s);
    return find_operator(forward ? w.head.forward : w.head.backward_input, name)->bytes.value() / 512;
  };
  CHECK(bytes("cross entropy", true) == 33);
  CHECK(bytes("cross entropy bwd", false) == 18);
  s.stack.cross_entropy_in_place = true;
  CHECK(bytes("cross entropy", true) == 8.3);
  s.stack.fused_cross_entropy = false;
  s.stack.eager_modules = true;
  CHECK(find_operator(workload(s).head.forward, "cross entropy")->law == laws::kCrossEntropyEager);
}
