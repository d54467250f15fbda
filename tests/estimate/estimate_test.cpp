#include "estimate/estimate.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "estimate/checks.hpp"
#include "scenario/read_scenario.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

Scenario scenario(const std::string& file, const std::vector<std::string>& overrides = {}) {
  Diagnostics diagnostics;
  const auto read =
      read_scenario(test::repository_path("scenarios/" + file), overrides, test::repository_path("."), diagnostics);
  INFO(text(diagnostics));
  REQUIRE(read);
  return *read;
}

Estimate estimated(const std::string& file, const std::vector<std::string>& overrides = {}) {
  Diagnostics diagnostics;
  const auto found = estimate(scenario(file, overrides), {test::repository_path(".")}, {}, diagnostics);
  INFO(text(diagnostics));
  REQUIRE(found);
  return *found;
}

Estimate deepseek(const std::vector<std::string>& overrides = {}) {
  return estimated("deepseek_v3_h800.yaml", overrides);
}

double sum(const StepBreakdown& b) {
  return (b.forward + b.backward + b.weight + b.forward_backward + b.bubble + b.optimizer + b.exposed_tp +
          b.exposed_ep + b.exposed_dp + b.exposed_pp + b.exposed_cp)
      .value();
}

}  // namespace

TEST_CASE("DeepSeek-V3 on 2,048 H800: between -12 and +5 % of the published 19.926 s") {
  const Estimate e = deepseek();
  MESSAGE("predicted " << e.step.time.value() << " s, published 19.926 s: " << 100 * (e.step.time.value() / 19.926 - 1)
                       << " %");
  CHECK(e.step.time.value() >= 19.926 * 0.88);
  CHECK(e.step.time.value() <= 19.926 * 1.05);
}

TEST_CASE("hours, tokens and dollars follow from the step by hand arithmetic") {
  const Estimate e = deepseek();
  // 62,914,560 tokens a full step on 2,048 GPUs.
  CHECK(e.step.tokens_per_s_per_gpu == doctest::Approx(62'914'560 / e.step.time.value() / 2048).epsilon(1e-9));
  // 385 TFLOP/s published at 19.926 s a step: 3 x 342.0 TFLOP a sequence x 15,360 / 2,048 / 19.926 = 386.1; so at our
  // time 7,693 / time.
  CHECK(e.step.model_flops_per_gpu.value() / 1e12 == doctest::Approx(7693 / e.step.time.value()).epsilon(2e-3));
  CHECK(e.step.mfu == doctest::Approx(e.step.model_flops_per_gpu.value() / 989.4e12).epsilon(1e-3));
  // Context extension is simulated in two phases of 1,000 steps, post-training given: 5 K hours.
  REQUIRE(e.run.phases.size() == 4);
  CHECK_FALSE(e.run.phases[3].simulated);
  double hours = 5000;
  for (std::size_t i = 0; i < 3; ++i) hours += e.run.phases[i].gpu_hours;
  CHECK(e.run.gpu_hours == doctest::Approx(hours).epsilon(1e-9));
  for (std::size_t i = 1; i < 3; ++i) {
    CHECK(e.run.phases[i].steps == doctest::Approx(1000).epsilon(1e-9));
    CHECK(e.run.phases[i].gpu_hours ==
          doctest::Approx(1000 * e.run.phases[i].step_time.value() * 2048 / 3600).epsilon(1e-9));
  }
  // 2 USD an hour.
  CHECK(e.cost.usd.value() == doctest::Approx(2 * e.run.gpu_hours).epsilon(1e-9));
  // No full step may be cheaper than the steady one: hours of the main phase at least steps of 14.8 T tokens at the
  // steady batch.
  CHECK(e.run.phases[0].gpu_hours >= 14.8e12 / 62'914'560 * e.step.time.value() * 2048 / 3600 * 0.999);
}

TEST_CASE("every rank's parts sum to the step") {
  for (const char* file : {"deepseek_v3_h800.yaml", "deepseek_v3_h800_layer_pair.yaml"}) {
    const Estimate e = estimated(file);
    for (const StepBreakdown& rank : e.step.by_rank)
      CHECK(sum(rank) == doctest::Approx(e.step.time.value()).epsilon(1e-9));
  }
}

TEST_CASE("folded and expanded agree on a real layout to 0.1 %") {
  const std::vector<std::string> small{"cluster.gpus=256", "training.global_batch=320 sequences"};
  std::vector<std::string> expanded = small;
  expanded.push_back("engine.mode=expanded");
  const double a = estimated("deepseek_v3_h800_layer_pair.yaml", small).step.time.value();
  const double b = estimated("deepseek_v3_h800_layer_pair.yaml", expanded).step.time.value();
  CHECK(std::abs(b / a - 1) < 1e-3);
}

TEST_CASE("BF16 instead of FP8: slower, larger, and it does not fit") {
  const Estimate fp8 = deepseek();
  const Estimate bf16 = deepseek({"precision=bf16"});
  CHECK(bf16.step.time > fp8.step.time);
  // BF16 GEMMs take at most twice the time of FP8; everything else is no slower by more than its bytes: below 2 in all.
  CHECK(bf16.step.time < fp8.step.time * 2.0);
  CHECK(fp8.memory.fits());
  CHECK_FALSE(bf16.memory.fits());
  CHECK_FALSE(bf16.memory.remedy.empty());
}

TEST_CASE("half the GPUs at the same batch: nearly twice the time, less bubble") {
  const Estimate whole = deepseek();
  const Estimate half = deepseek({"cluster.gpus=1024"});
  const double ratio = half.step.time / whole.step.time;
  CHECK(ratio < 2.0);  // the bubble does not grow with the number of micro-batches
  CHECK(ratio > 1.8);
}

TEST_CASE("a faster NVLink does not hurt, a slower NIC does") {
  const Seconds base = deepseek().step.time;
  CHECK(deepseek({"cluster.gpu.nvlink_per_direction=450 GB/s"}).step.time <= base);
  CHECK(deepseek({"cluster.node.nic_per_direction=25 GB/s"}).step.time > base * 1.05);
}

TEST_CASE("fewer expert ranks: fewer nodes to visit, more expert memory") {
  const Estimate e64 = deepseek();
  const Estimate e32 = deepseek({"parallelism.ep=32"});
  CHECK(e32.step.exposed_communication < e64.step.exposed_communication);
  CHECK(e32.memory.peak > e64.memory.peak);
}

TEST_CASE("the data-parallel term vanishes with dp = 1 and shrinks with tensor sharding") {
  const auto exposed_dp = [](const std::vector<std::string>& overrides) {
    return estimated("llama3.1_8b_h100.yaml", overrides).step.breakdown.exposed_dp.value();
  };
  const std::vector<std::string> eight{"cluster.gpus=8", "parallelism.tp=8", "parallelism.cp=1",
                                       "training.global_batch=8 sequences"};
  CHECK(exposed_dp(eight) == 0);
  const auto dp = [&](const char* tp) {
    return exposed_dp({"cluster.gpus=8", std::string("parallelism.tp=") + tp, "parallelism.cp=1",
                       "training.global_batch=64 sequences", "stack.overlap_gradients=false",
                       "stack.overlap_parameters=false"});
  };
  CHECK(dp("2") < dp("1"));
  CHECK(dp("4") < dp("2"));
  CHECK(dp("4") > 0);
}

TEST_CASE("no prediction is below the floors, and MFU is at most 1") {
  for (const char* gpu : {"h800_sxm", "h100_sxm", "h200_sxm", "h20", "b200"}) {
    CAPTURE(gpu);
    const std::vector<std::string> overrides{std::string("cluster.gpu=") + gpu};
    const Estimate e = deepseek(overrides);
    CHECK(e.step.mfu <= 1);
    Diagnostics diagnostics;
    const auto model = StepModel::make(scenario("deepseek_v3_h800.yaml", overrides),
                                       test::repository_path("calibration"), diagnostics);
    REQUIRE(model);
    CHECK(e.step.time >= compute_floor(*model, 15360));
    CHECK(e.step.time >= products_floor(*model, 15360));
    CHECK(e.step.time >= bytes_floor(*model, 15360));
    // Of 7,693 TFLOP a GPU (see above) attention 61 x 4096^2 x 128 x 320 x 22.5 = 943, the head 2 x 4096 x 7168 x
    // 129280 x 22.5 = 171 and the routers 58 x 2 x 4096 x 7168 x 256 x 22.5 = 20 are BF16, the rest FP8.
    const Gpu& part = model->scenario().cluster.gpu;
    const double fp8 = (7693e12 - 1134e12) / part.peak(Format::fp8).value();
    CHECK(compute_floor(*model, 15360).value() ==
          doctest::Approx(fp8 + 1134e12 / part.peak(Format::bf16).value()).epsilon(3e-3));
  }
}

TEST_CASE("an impossible time is found out") {
  Diagnostics diagnostics;
  const auto model =
      StepModel::make(scenario("deepseek_v3_h800.yaml"), test::repository_path("calibration"), diagnostics);
  REQUIRE(model);
  CHECK(broken_laws(*model, 15360, Seconds(20)).empty());
  CHECK(broken_laws(*model, 15360, Seconds(1)).size() >= 1);
}

TEST_CASE("jitter is an input with an effect and a seed") {
  const Seconds still = deepseek().step.time;
  const Seconds five = deepseek({"engine.jitter=0.05"}).step.time;
  CHECK(five > still);
  CHECK(deepseek({"engine.jitter=0.05"}).step.time == five);
  CHECK(deepseek({"engine.jitter=0.05", "engine.seed=2"}).step.time != five);
}
