#include "memory/ledger.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/csv.hpp"
#include "memory/peak_activations.hpp"
#include "scenario/read_scenario.hpp"
#include "shared.hpp"
#include "validation/measured_steps.hpp"
#include "workload/fixtures.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

namespace {

MemoryLedger ledger_of(const Scenario& s) {
  const Parallelism& p = s.parallelism;
  const int micro_batches = s.training.global_batch / (p.dp(s.cluster.gpus) * s.training.micro_batch);
  return memory_ledger(s, workload(s), pipeline_plan(p.schedule, p.pp, p.vpp, micro_batches));
}

double entry(const MemoryLedger& ledger, std::string_view name) {
  for (const LedgerEntry& e : ledger.entries) {
    if (e.name == name) return e.bytes.value();
  }
  return 0;
}

}  // namespace

TEST_CASE("states of a tiny model") {
  // 1704 parameters: BF16 weights, FP32 gradients, master weights and two moments.
  Scenario s = tiny_run(tiny_dense());
  s.training.global_batch = 2;  // two micro-batches: gradients are accumulated in a buffer
  MemoryLedger ledger = ledger_of(s);
  CHECK(entry(ledger, "weights") == 2 * 1704);
  CHECK(entry(ledger, "gradients") == 4 * 1704);
  CHECK(entry(ledger, "master weights") == 4 * 1704);
  CHECK(entry(ledger, "moments") == 8 * 1704);
  // ZeRO-1 over two ranks halves what the optimizer holds.
  s.cluster.gpus = 2;
  s.training.global_batch = 4;
  ledger = ledger_of(s);
  CHECK(entry(ledger, "gradients") == 4 * 1704);
  CHECK(entry(ledger, "master weights") == 4 * 1704 / 2);
  CHECK(entry(ledger, "moments") == 8 * 1704 / 2);
  CHECK(ledger.fits());
  CHECK(ledger.remedy == "");
}

TEST_CASE("activations of a tiny layer, tensor by tensor") {
  // 16 tokens of hidden 8 in BF16 are 256 B. Kept: two norm inputs, two norm results, queries, keys and values 16 x 16
  // x 2 = 512, attention output 256, softmax 16 x 2 x 4 = 128, gate and up 16 x 32 x 2 = 1024, their product 512.
  Scenario s = tiny_run(tiny_dense());
  CHECK(workload(s).dense_activations.kept.value() == 4 * 256 + 512 + 256 + 128 + 1024 + 512);
  s.training.recompute = Recompute::selective;
  s.training.recompute_ops = {RecomputeOp::norm, RecomputeOp::activation};
  CHECK(workload(s).dense_activations.kept.value() == 2 * 256 + 512 + 256 + 128 + 1024);
  s.training.recompute = Recompute::full;
  CHECK(workload(s).dense_activations.kept.value() == 256);
}

TEST_CASE("activations in flight follow the order of chunks") {
  // Two stages of one layer each and 4 micro-batches: 1F1B holds 2 on the first rank and 1 on the last.
  Scenario s = tiny_run(tiny_dense());
  s.cluster.gpus = 2;
  s.parallelism.pp = 2;
  const Workload w = workload(s);
  const PipelinePlan plan = pipeline_plan(Schedule::one_f_one_b, 2, 1, 4);
  CHECK(rank_activations(w, plan, 0).kept == 2.0 * stage_activations(w, w.stages[0]));
  CHECK(rank_activations(w, plan, 1).kept == stage_activations(w, w.stages[1]));
  CHECK(rank_activations(w, plan, 0).head.value() == 0);
  CHECK(rank_activations(w, plan, 1).head.value() > 0);
}

TEST_CASE("a plan without orders falls back on its count of micro-batches in flight") {
  const Workload w = workload(tiny_run(tiny_dense()));
  PipelinePlan plan;
  plan.stages_of_rank = {{0}};
  plan.peak_in_flight = {3};
  CHECK(rank_activations(w, plan, 0).kept == 3.0 * stage_activations(w, w.stages[0]));
}

TEST_CASE("DeepSeek-V3's layout fits into 80 GB in FP8 and not in BF16") {
  Scenario s = deepseek_run();
  s.stack.memory_overhead = Bytes(4.0 * 1024 * 1024 * 1024);
  s.stack.fragmentation = 0.05;
  s.cluster.gpu.memory_capacity = Bytes(80e9);
  const MemoryLedger fp8 = ledger_of(s);
  CHECK(fp8.fits());
  CHECK(fp8.remedy == "");
  Scenario wide = s;
  wide.precision = PrecisionRecipe{};
  const MemoryLedger bf16 = ledger_of(wide);
  CHECK_FALSE(bf16.fits());
  CHECK(bf16.remedy == "training.recompute=full");
  CHECK(entry(bf16, "weights") == 2 * entry(fp8, "weights"));
}

TEST_CASE("measured peaks of single-GPU steps: every row within 3 %, 1 % on average") {
  const std::string path = shared_path("measurements/h100_cupti/steps.csv");
  if (path.empty()) return;
  Diagnostics problems;
  const CsvTable table = CsvTable::from_file(path, problems);
  double error_sum = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto resolved = scenario_from_text(step_scenario(table, row), "row", {}, repository_path("."), problems);
    INFO(text(problems));
    REQUIRE(resolved);
    CAPTURE(table.cell(row, table.column("model")));
    CAPTURE(table.cell(row, table.column("seq")));
    const double measured = finite_number(table.cell(row, table.column("peak_allocated"))).value_or(0);
    const double error = ledger_of(resolved->scenario).allocated().value() / measured - 1;
    CHECK(std::abs(error) < 0.03);
    error_sum += std::abs(error);
  }
  CHECK(table.rows() == 29);
  CHECK(error_sum / 29 < 0.01);
}

TEST_CASE("states under ZeRO 2 and 3 and hybrid FSDP") {
  // 1704 parameters, 592 a layer. ZeRO-2 over 4 ranks shards FP32 gradients, ZeRO-3 BF16 weights too; two layers are
  // gathered at once, and one's gradients are whole before they are scattered, in BF16 and FP32.
  Scenario s = tiny_run(tiny_dense());
  s.cluster.gpus = 4;
  s.training.global_batch = 8;
  s.parallelism.zero_stage = 2;
  MemoryLedger ledger = ledger_of(s);
  CHECK(entry(ledger, "weights") == 2 * 1704);
  CHECK(entry(ledger, "gradients") == 4 * 1704 / 4);
  s.parallelism.zero_stage = 3;
  ledger = ledger_of(s);
  CHECK(entry(ledger, "weights") == 2 * 1704 / 4);
  CHECK(entry(ledger, "gathered weights") == 2 * 592 * 2);
  CHECK(entry(ledger, "gradients before scatter") == 592 * 6);
  // Groups of two hold halves.
  s.parallelism.fsdp = Fsdp::hybrid;
  s.parallelism.fsdp_group = 2;
  ledger = ledger_of(s);
  CHECK(entry(ledger, "master weights") == 4 * 1704 / 2);
  CHECK(entry(ledger, "moments") == 8 * 1704 / 2);
  // Below stage 3 gathered weights stay.
  s.parallelism.zero_stage = 2;
  CHECK(entry(ledger_of(s), "gathered weights") == 2 * 1704);
}

TEST_CASE("ZB-V holds as much as 1F1B's first rank, on every rank alike") {
  // Four stages of a layer: 2 ranks hold 2 pp = 4 of them at once at most, where 1F1B on 2 ranks of two layers holds 2
  // micro-batches of two layers on the first.
  Scenario s = tiny_run(tiny_dense());
  s.model.layers = 4;
  s.cluster.gpus = 2;
  s.parallelism.pp = 2;
  s.training.global_batch = 6;
  const Workload plain = workload(s);
  const Bytes one_f_one_b = rank_activations(plain, pipeline_plan(s, 6), 0).kept;
  const Bytes embedding = plain.embedding_activations;
  s.parallelism.vpp = 2;
  s.parallelism.schedule = Schedule::zero_bubble_v;
  const Workload v = workload(s);
  const PipelinePlan plan = pipeline_plan(s, 6);
  CHECK(rank_activations(v, plan, 1).kept == one_f_one_b - 2.0 * embedding);
  CHECK(rank_activations(v, plan, 0).kept >= one_f_one_b - 2.0 * embedding);
}

TEST_CASE("merged 1F1B on one rank holds a micro-batch and a layer") {
  // Forward fills layer by layer what backward frees: two layers of one micro-batch and one more.
  Scenario s = tiny_run(tiny_dense());
  const Workload w = workload(s);
  const Bytes layer = w.dense_activations.kept;
  CHECK(rank_activations(w, pipeline_plan(Schedule::one_f_one_b, 1, 1, 4), 0).kept ==
        stage_activations(w, w.stages[0]));
  CHECK(rank_activations(w, pipeline_plan(Schedule::one_f_one_b, 1, 1, 4, true), 0).kept ==
        stage_activations(w, w.stages[0]) + layer);
}
