#include "calibrate/fill_layout.hpp"

#include <doctest/doctest.h>

#include "memory/remedy.hpp"
#include "workload/fixtures.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

namespace {

/// A run of eight sequences a step on one GPU that holds `capacity` bytes, nothing said of micro-batch and recompute.
RunScenario open_run(double capacity) {
  RunScenario run;
  run.scenario = tiny_run(tiny_dense());
  run.scenario->training.global_batch = 8;
  run.scenario->cluster.gpu.memory_capacity = Bytes(capacity);
  run.recompute_open = true;
  run.micro_batch_open = true;
  return run;
}

}  // namespace

TEST_CASE("room enough: no recompute, the whole batch at once") {
  RunScenario run = open_run(1e9);
  fill_open_layout(run);
  CHECK(run.filled == std::vector<std::string>{"recompute: none (the least that fits)", "mbs: 8"});
  CHECK(run.scenario->training.micro_batch == 8);
}

TEST_CASE("in a pipeline one sequence a micro-batch, whatever fits") {
  RunScenario run = open_run(1e9);
  run.scenario->cluster.gpus = 2;
  run.scenario->parallelism.pp = 2;
  run.recompute_open = false;
  fill_open_layout(run);
  CHECK(run.filled == std::vector<std::string>{"mbs: 1"});
  CHECK(run.scenario->training.micro_batch == 1);
}

TEST_CASE("the micro-batch obeys the layout's rules") {
  RunScenario run = open_run(1e9);
  run.scenario->training.global_batch = 6;  // 4 and 8 do not divide it
  fill_open_layout(run);
  CHECK(run.scenario->training.micro_batch == 2);
}

TEST_CASE("a layer a chunk") {
  CHECK(layer_a_chunk(96, 6) == 16);  // GPT-3 175B
  CHECK(layer_a_chunk(92, 4) == 23);
  CHECK(layer_a_chunk(126, 16) == 8);  // Llama 3.1 405B: 128 chunks, the first and the last without a layer
  CHECK(layer_a_chunk(126, 9) == 14);  // 126 chunks
  CHECK(layer_a_chunk(61, 8) == 7);    // neither 61 nor 63 is whole: chunks of one and two
  CHECK(layer_a_chunk(4, 8) == 1);     // fewer layers than stages: not interleaved
  CHECK(layer_a_chunk(4, 0) == 1);
}

TEST_CASE("nothing fits: full recompute, one sequence") {
  RunScenario run = open_run(1);
  fill_open_layout(run);
  CHECK(run.filled == std::vector<std::string>{"recompute: full (the least that fits)", "mbs: 1"});
  CHECK_FALSE(layout_fits(*run.scenario));
}

TEST_CASE("the least recompute that fits, then the largest micro-batch that fits with it") {
  for (double capacity = 30e3; capacity < 60e3; capacity += 500) {
    RunScenario run = open_run(capacity);
    fill_open_layout(run);
    Scenario s = *run.scenario;
    if (!layout_fits(s)) continue;
    CAPTURE(capacity);
    if (s.training.micro_batch < 8) {
      Scenario twice = s;
      twice.training.micro_batch *= 2;
      CHECK_FALSE(layout_fits(twice));
    }
    s.training.micro_batch = 1;
    if (s.training.recompute != Recompute::none) {
      s.training.recompute = Recompute::none;
      s.training.recompute_ops.clear();
      CHECK_FALSE(layout_fits(s));
    }
  }
}

TEST_CASE("what a row says is left alone") {
  RunScenario run = open_run(1);
  run.recompute_open = run.micro_batch_open = false;
  fill_open_layout(run);
  CHECK(run.filled.empty());
  CHECK(run.scenario->training.recompute == Recompute::none);
}
