#include "run/run.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace gpuhours;

namespace {

/// DeepSeek-V3 on 2,048 GPUs: 15,360 sequences of 4,096 tokens = 62,914,560 tokens a step, dp = 128.
Scenario deepseek() {
  Scenario scenario;
  scenario.cluster.gpus = 2048;
  scenario.cluster.node.gpus = 8;
  scenario.parallelism.pp = 16;
  scenario.parallelism.schedule = Schedule::dualpipe;
  scenario.training.tokens = 14.8e12;
  scenario.training.sequence_length = 4096;
  scenario.training.global_batch = 15360;
  return scenario;
}

StepAtBatch published_step(int, int) { return {Seconds(19.926), false}; }

/// Affine in the batch, dearer below 4,096 sequences (32 chunks), where DualPipe on 16 ranks cannot run.
StepAtBatch affine_step(int batch) {
  const bool fell_back = batch < 4096;
  return {Seconds((fell_back ? 3.0 : 2.0) + 1.2e-3 * batch), fell_back};
}

}  // namespace

TEST_CASE("14.8 T tokens at 62.91 M tokens a step are 235,240 steps and 2.667 M GPU hours") {
  const RunEstimate run = run_estimate(deepseek(), published_step);
  CHECK(run.steps == doctest::Approx(235239.66).epsilon(1e-7));              // 14.8e12 / 62,914,560
  CHECK(run.wall_time.value() == doctest::Approx(4687385.5).epsilon(1e-7));  // x 19.926 s = 54.25 days
  CHECK(run.gpu_hours == doctest::Approx(2666601.5).epsilon(1e-7));          // x 2,048 / 3,600
  CHECK(run.goodput == 1.0);
  REQUIRE(run.phases.size() == 1);
  CHECK(run.phases[0].name == "main");
  CHECK(run.phases[0].step_time == Seconds(19.926));
  CHECK(run.phases[0].fall_back_token_share == 0);
}

TEST_CASE("given phases add their hours and tokens and are marked") {
  Scenario scenario = deepseek();
  Phase context;
  context.name = "context extension";
  context.tokens = 1e9;
  context.given_gpu_hours = 119000;
  Phase post;
  post.name = "post-training";
  post.given_gpu_hours = 5000;
  scenario.training.phases = {context, post};
  const RunEstimate run = run_estimate(scenario, published_step);
  CHECK(run.gpu_hours == doctest::Approx(2666601.5 + 124000).epsilon(1e-7));
  CHECK(run.tokens == 14.801e12);
  REQUIRE(run.phases.size() == 3);
  CHECK_FALSE(run.phases[1].simulated);
  CHECK(run.phases[1].wall_time.value() == doctest::Approx(209179.6875));  // 119,000 h / 2,048 = 58.105 h
  CHECK(run.phases[1].steps == 0);
  CHECK(run.phases[2].tokens == 0);
}

TEST_CASE("a phase of its own batch and length is simulated under its index") {
  Scenario scenario = deepseek();
  Phase longer;
  longer.name = "32K";
  longer.tokens = 62914560e3;
  longer.sequence_length = 32768;
  longer.global_batch = 1920;  // 1,920 x 32,768 = 62,914,560 tokens: 1,000 steps
  scenario.training.phases = {longer};
  const RunEstimate run = run_estimate(scenario, [](int phase, int batch) {
    return StepAtBatch{Seconds(phase == 1 && batch == 1920 ? 36.0 : 1.0), false};
  });
  REQUIRE(run.phases.size() == 2);
  CHECK(run.phases[1].steps == doctest::Approx(1000));
  CHECK(run.phases[1].gpu_hours == doctest::Approx(20480));  // 36,000 s x 2,048 / 3,600
}

TEST_CASE("the ramp integrates to the closed form and to a run played step by step") {
  Scenario scenario = deepseek();
  scenario.training.ramp = {3072, 469e9};
  const RunEstimate run = run_estimate(scenario, [](int, int batch) { return affine_step(batch); });
  // Ramp: 469e9 / (4,096 x 12,288) x ln(15,360 / 3,072) = 9,318.19 x 1.609438 = 14,997.1 steps; rest 14.331e12 /
  // 62,914,560.
  CHECK(run.steps == doctest::Approx(14997.1 + 227785.1).epsilon(1e-4));  // the closed form has no steps of 256
  // 1,024 of the ramp's 12,288 sequences lie below 4,096; batches go by 256, so the last fall-back batch, 3,840, ends
  // at 3,968: 469e9 x 896 / 12,288 / 14.8e12.
  CHECK(run.phases[0].fall_back_token_share == doctest::Approx(469e9 * 896 / 12288 / 14.8e12).epsilon(1e-9));

  double tokens = 0;
  double seconds = 0;
  double steps = 0;
  while (tokens < 14.8e12) {
    const double wanted = tokens < 469e9 ? 3072 + 12288 * tokens / 469e9 : 15360;
    const int batch = static_cast<int>(std::lround(wanted / 256)) * 256;
    seconds += affine_step(batch).time.value();
    tokens += batch * 4096.0;
    ++steps;
  }
  CHECK(run.steps == doctest::Approx(steps).epsilon(1e-5));
  CHECK(run.wall_time.value() == doctest::Approx(seconds).epsilon(1e-5));
}

TEST_CASE("interruptions lengthen the run by the goodput") {
  Scenario scenario = deepseek();
  scenario.reliability.interruptions_per_1000_node_days = 2;
  scenario.reliability.restart_time = Seconds(600);
  scenario.reliability.checkpoint_stall = Seconds(30);
  const RunEstimate run = run_estimate(scenario, published_step);
  CHECK(run.goodput == doctest::Approx(0.97778).epsilon(1e-5));  // worked out in goodput_test.cpp
  CHECK(run.gpu_hours == doctest::Approx(2666601.5 / 0.97778).epsilon(1e-5));
}
