// Ledgers against closed formulas: Korthikanti et al. 2022 (arXiv 2205.05198), table 2, for a GPT layer; placeholders,
// gathered layers and buffers worked out by hand.
#include <doctest/doctest.h>

#include "memory/buffers.hpp"
#include "memory/ledger.hpp"
#include "memory/peak_activations.hpp"
#include "workload/activations.hpp"
#include "workload/fixtures.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

namespace {

/// GPT of 22 billion parameters as the paper runs it: h 6144, 64 heads, s 2048, b 4, t 8.
Scenario gpt_22b() {
  Scenario s;
  s.model.layers = 48;
  s.model.hidden = 6144;
  s.model.ffn_hidden = 4 * 6144;
  s.model.heads = s.model.kv_heads = 64;
  s.model.head_dim = 96;
  s.model.attention = AttentionKind::mha;
  s.model.mlp = MlpKind::gelu;
  s.model.linear_bias = true;
  s.model.learned_positions = 2048;
  s.model.vocab = 51200;
  s.cluster.gpus = 8;
  s.parallelism.tp = 8;
  s.parallelism.sequence_parallel = false;
  s.training.sequence_length = 2048;
  s.training.micro_batch = s.training.global_batch = 4;
  s.stack.keeps_attention_scores = true;
  s.stack.dropout_masks = true;
  return s;
}

constexpr double kSbh = 2048.0 * 4 * 6144;

double kept(const Scenario& s) { return workload(s).dense_activations.kept.value(); }

double entry(const MemoryLedger& ledger, std::string_view name) {
  for (const LedgerEntry& e : ledger.entries) {
    if (e.name == name) return e.bytes.value();
  }
  return 0;
}

MemoryLedger ledger_of(const Scenario& s) {
  const Parallelism& p = s.parallelism;
  const int micro_batches = s.training.global_batch / (p.dp(s.cluster.gpus) * s.training.micro_batch);
  return memory_ledger(s, workload(s), pipeline_plan(p.schedule, p.pp, p.vpp, micro_batches));
}

}  // namespace

TEST_CASE("a GPT layer's activations are those of Korthikanti's table 2") {
  // 5 a s / h = 5 x 64 x 2048 / 6144 = 106.67.
  const double scores = 5.0 * 64 * 2048 / 6144;
  Scenario s = gpt_22b();
  SUBCASE("one GPU: s b h (34 + 5 a s / h)") {
    s.cluster.gpus = s.parallelism.tp = 1;
    CHECK(kept(s) == doctest::Approx(kSbh * (34 + scores)).epsilon(1e-9));
  }
  SUBCASE("tensor parallel: s b h (10 + 24 / t + 5 a s / (h t))") {
    CHECK(kept(s) == doctest::Approx(kSbh * (10 + 24.0 / 8 + scores / 8)).epsilon(1e-9));
  }
  SUBCASE("tensor and sequence parallel: s b h / t (34 + 5 a s / h)") {
    s.parallelism.sequence_parallel = true;
    CHECK(kept(s) == doctest::Approx(kSbh / 8 * (34 + scores)).epsilon(1e-9));
  }
  SUBCASE("tensor parallel, attention recomputed: s b h (10 + 24 / t)") {
    s.training.recompute = Recompute::selective;
    s.training.recompute_ops = {RecomputeOp::attention};
    CHECK(kept(s) == doctest::Approx(kSbh * (10 + 24.0 / 8)).epsilon(1e-9));
  }
  SUBCASE("tensor and sequence parallel, attention recomputed: s b h 34 / t") {
    s.parallelism.sequence_parallel = true;
    s.training.recompute = Recompute::selective;
    s.training.recompute_ops = {RecomputeOp::attention};
    CHECK(kept(s) == doctest::Approx(kSbh * 34 / 8).epsilon(1e-9));
  }
  SUBCASE("full: 2 s b h") {
    s.training.recompute = Recompute::full;
    CHECK(kept(s) == doctest::Approx(2 * kSbh).epsilon(1e-9));
  }
}

TEST_CASE("a checkpoint every four layers keeps a quarter, and four layers stand whole in backward") {
  Scenario s = gpt_22b();
  const double whole = kept(s);
  s.training.recompute = Recompute::full;
  const ActivationBytes one = workload(s).dense_activations;
  s.training.recompute_chunk = 4;
  const ActivationBytes four = workload(s).dense_activations;
  CHECK(four.kept.value() == doctest::Approx(one.kept.value() / 4).epsilon(1e-9));
  CHECK(four.transient.value() - one.transient.value() == doctest::Approx(3 * whole).epsilon(1e-9));
}

TEST_CASE("modules that selective recompute drops, by bytes") {
  // The tiny layer of ledger_test: 16 tokens of hidden 8 are 256 B; gate and up 1024, their product 512.
  Scenario s = tiny_run(tiny_dense());
  const double all = kept(s);
  s.training.recompute = Recompute::selective;
  s.training.recompute_ops = {RecomputeOp::mlp};
  CHECK(all - kept(s) == 1024 + 512);
  // 8 experts of 4, 2 a token: 32 rows. Router scores 16 x 8 x 4, expert input 32 x 8 x 2, gate and up 32 x 8 x 2,
  // product 32 x 4 x 2.
  Scenario moe = tiny_run(tiny_moe());
  const double routed = workload(moe).moe_activations.kept.value();
  moe.training.recompute = Recompute::selective;
  moe.training.recompute_ops = {RecomputeOp::moe};
  const double without = workload(moe).moe_activations.kept.value();
  const double shared = moe.model.shared_experts > 0 ? 16.0 * 3 * moe.model.shared_experts * 4 * 2 : 0;
  CHECK(routed - without == 512 + 512 + 512 + 256 + shared);
  if (shared > 0) {
    moe.training.recompute_ops = {RecomputeOp::shared_experts};
    CHECK(routed - workload(moe).moe_activations.kept.value() == shared);
  }
}

TEST_CASE("queries and keys that are normed keep what the norm read") {
  // 16 tokens x (2 + 1) heads x 4 in BF16; eager modules keep an FP32 copy besides.
  Scenario s = tiny_run(tiny_dense());
  const double plain = kept(s);
  s.model.qk_norm = true;
  CHECK(kept(s) - plain == 16 * 3 * 4 * 2);
  Scenario eager = s;
  eager.stack.eager_modules = true;
  const double with = kept(eager);
  eager.model.qk_norm = false;
  CHECK(with - kept(eager) == 16 * 3 * 4 * 6);
}

TEST_CASE("logits by the kind of cross-entropy") {
  // 16 tokens x 32 words: 2 B in place, 6 fused, 12 in single kernels; the norm keeps two tensors of 256 B.
  Scenario s = tiny_run(tiny_dense());
  s.stack.fused_cross_entropy = true;
  s.stack.cross_entropy_in_place = true;
  CHECK(head_activations(Dimensions(s)).value() == 512 * 2 + 512);
  s.stack.cross_entropy_in_place = false;
  CHECK(head_activations(Dimensions(s)).value() == 512 * 6 + 512);
  s.stack.fused_cross_entropy = false;
  CHECK(head_activations(Dimensions(s)).value() == 512 * 12 + 512);
}

TEST_CASE("an unused gradient for every shape of weight") {
  // QKV 8 x 16, output 8 x 8, gate and up 8 x 32, down 16 x 8, table 32 x 8, in BF16.
  Scenario s = tiny_run(tiny_dense());
  CHECK(wgrad_placeholders(s, true, false, true).value() == 0);
  s.stack.wgrad_placeholders = true;
  CHECK(wgrad_placeholders(s, true, false, true).value() == 2 * (128 + 64 + 256 + 128 + 256));
  CHECK(wgrad_placeholders(s, true, false, false).value() == 2 * (128 + 64 + 256 + 128));
}

TEST_CASE("fully sharded parameters: the shard, the layers in flight, a gradient before it is scattered") {
  // 1704 parameters in all, 592 a layer (QKV 128, output 64, norms 16, MLP 256 and 128), output table 256; two ranks.
  Scenario s = tiny_run(tiny_dense());
  s.cluster.gpus = 2;
  s.training.global_batch = 4;
  s.parallelism.fsdp = Fsdp::full;
  s.parallelism.zero_stage = 3;
  MemoryLedger ledger = ledger_of(s);
  CHECK(entry(ledger, "weights") == 0);
  CHECK(entry(ledger, "gathered weights") == 2 * 2 * 592);
  CHECK(entry(ledger, "gradients before scatter") == (2 + 4) * 592);
  CHECK(entry(ledger, "gradients") == 4 * 1704 / 2);
  CHECK(entry(ledger, "master weights") == 4 * 1704 / 2);
  CHECK(entry(ledger, "moments") == 8 * 1704 / 2);
  s.parallelism.zero_stage = 2;  // weights stay whole from forward to backward
  ledger = ledger_of(s);
  CHECK(entry(ledger, "gathered weights") == 2 * 1704);
}

TEST_CASE("one communicator a group of more than one rank") {
  Scenario s = deepseek_run();
  CHECK(communicators(s) == 4);  // pipeline, data, expert, experts' data
  s = gpt_22b();
  CHECK(communicators(s) == 1);  // tensor
  s.cluster.gpus = 64;
  s.parallelism.pp = 2;
  CHECK(communicators(s) == 3);  // tensor, pipeline, data
}

TEST_CASE("buffers of overlapped exchanges") {
  Scenario s = gpt_22b();
  s.stack.overlap_tensor = true;
  CHECK(tensor_overlap_buffers(s).value() == 0);
  s.parallelism.sequence_parallel = true;
  CHECK(tensor_overlap_buffers(s).value() == 10 * 2 * kSbh);
  // DeepEP on 20 SMs: 10 channels; NVLink 8 peers x 256 tokens, RDMA 8 nodes x 128 tokens x 2 sides; 7168 in BF16.
  Scenario v3 = deepseek_run();
  v3.stack.communication_sms = 20;
  CHECK(deepep_buffers(v3).value() == 10.0 * (8 * 256 + 8 * 128 * 2) * 7168 * 2);
  // HybridEP: room for the 4,096 tokens of each of 64 ranks in BF16.
  v3.stack.dispatcher = Dispatcher::hybridep;
  CHECK(deepep_buffers(v3).value() == 0);
  CHECK(hybridep_buffers(v3).value() == 64.0 * 4096 * 7168 * 2);
}
