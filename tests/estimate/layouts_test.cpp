// Whole steps of DeepSeek-V3 in layouts other than its own: what must hold whatever the kernels last.
#include <doctest/doctest.h>

#include "estimate/estimate.hpp"
#include "scenario/read_scenario.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

Estimate estimated(const std::string& file, const std::vector<std::string>& overrides) {
  Diagnostics diagnostics;
  const std::string root = test::repository_path(".");
  const auto read = read_scenario(test::repository_path("scenarios/" + file), overrides, root, diagnostics);
  INFO(text(diagnostics));
  REQUIRE(read);
  const auto found = estimate(*read, {root}, {}, diagnostics);
  INFO(text(diagnostics));
  REQUIRE(found);
  return *found;
}

Estimate deepseek(const std::vector<std::string>& overrides) { return estimated("deepseek_v3_h800.yaml", overrides); }

double seconds(const Estimate& e) { return e.step.time.value(); }

}  // namespace

TEST_CASE("the schedules of one pipeline, by bubble and by hidden communication") {
  // Even stages, so that no longest stage hides the schedules' differences.
  const std::string even = "model.layers=64";
  const std::string off = "stack.overlap_expert=false";
  const std::string no_mtp = "training.mtp=false";
  const Estimate plain = deepseek({even, off, no_mtp, "parallelism.schedule=one_f_one_b"});
  const Estimate h1 = deepseek({even, off, no_mtp, "parallelism.schedule=zero_bubble_h1"});
  const Estimate v = deepseek({even, off, no_mtp, "parallelism.schedule=zero_bubble_v", "parallelism.vpp=2"});
  CHECK(seconds(h1) < seconds(plain));
  CHECK(seconds(v) < seconds(plain));
  CHECK(h1.step.breakdown.bubble < plain.step.breakdown.bubble);
  CHECK(h1.step.schedule_run == Schedule::zero_bubble_h1);
  CHECK(v.step.schedule_run == Schedule::zero_bubble_v);
  CHECK(v.memory.peak < 1.2 * plain.memory.peak);
  // Merged chunks hide dispatch and combine.
  const Estimate merged = deepseek({even, no_mtp, "parallelism.schedule=one_f_one_b"});
  CHECK(seconds(merged) < seconds(plain));
  CHECK(merged.step.breakdown.exposed_ep < plain.step.breakdown.exposed_ep);
}

TEST_CASE("DualPipeV on half the ranks is DualPipe") {
  // 1,024 GPUs, pp 8 with two stages a rank, against 2,048, pp 16 with two copies of a stage. A rank runs 120
  // micro-batches on each of two stages, not 60: twice the work, and the bubble of (PP / 2 - 1)(F&B + B - 3 W) once, as
  // before.
  const Estimate dual = deepseek({});
  const Estimate v =
      deepseek({"cluster.gpus=1024", "parallelism.pp=8", "parallelism.vpp=2", "parallelism.schedule=dualpipe_v"});
  CHECK(v.step.schedule_run == Schedule::dualpipe_v);
  const double expected = 2 * seconds(dual) - dual.step.breakdown.bubble.value();
  CHECK(seconds(v) == doctest::Approx(expected).epsilon(0.01));
}

TEST_CASE("layouts that are said in two ways are one") {
  const Estimate number = deepseek({"parallelism.layers_per_stage=[4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 1]"});
  const Estimate words = deepseek({"parallelism.pipeline_layout=Et*4|(t*4|)*14tmL"});
  CHECK(seconds(number) == seconds(words));
  CHECK(number.memory.peak == words.memory.peak);
}

TEST_CASE("folded and expanded steps agree in every sharding and context exchange") {
  for (const std::vector<std::string>& layout : {std::vector<std::string>{},
                                                 {"parallelism.cp_exchange=all_to_all"},
                                                 {"parallelism.zero_stage=2"},
                                                 {"parallelism.zero_stage=3"},
                                                 {"parallelism.zero_stage=3", "parallelism.fsdp=full"},
                                                 {"parallelism.zero_stage=3", "parallelism.fsdp=hybrid",
                                                  "parallelism.fsdp_group=4", "parallelism.fsdp_prefetch=2"}}) {
    // Without the variation of ranks: folded takes its expected maximum, expanded draws it.
    std::vector<std::string> alike = layout;
    alike.emplace_back("stack.rank_variation=0");
    std::vector<std::string> expanded = alike;
    expanded.emplace_back("engine.mode=expanded");
    const double folded = seconds(estimated("llama3.1_8b_h100.yaml", alike));
    CHECK(seconds(estimated("llama3.1_8b_h100.yaml", expanded)) == doctest::Approx(folded).epsilon(1e-3));
  }
}
