#include "scenario/overrides.hpp"

#include "fixture.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

TEST_CASE("overrides reach every kind of key") {
  const Scenario s =
      scenario_of(kGood, {"cluster.gpus=64", "precision=bf16", "parallelism.layers_per_stage=[3, 5]",
                          "training.global_batch=128 sequences", "training.mtp=false", "engine.jitter=2 %"});
  CHECK(s.cluster.gpus == 64);
  CHECK(s.precision.id == "bf16");
  CHECK(s.precision.gemm == Format::bf16);
  CHECK(s.parallelism.layers_per_stage == std::vector<int>{3, 5});
  CHECK(s.training.global_batch == 128);
  CHECK(s.engine.jitter == 0.02);
}

TEST_CASE("an override goes through a catalogue reference") {
  const Scenario s = scenario_of(kGood, {"cluster.gpu.nvlink_per_direction=200 GB/s", "model.layers=4"});
  CHECK(s.cluster.gpu.id == "fast");
  CHECK(s.cluster.gpu.nvlink_per_direction.value() == 200e9);
  CHECK(s.cluster.gpu.sms == 100);
  CHECK(s.model.layers == 4);
  CHECK(s.model.experts == 16);
}

TEST_CASE("another GPU brings its own default node, the last override wins") {
  const Scenario s = scenario_of(kGood, {"cluster.gpu=old", "cluster.gpu=fast", "cluster.node.nics=4"});
  CHECK(s.cluster.gpu.id == "fast");
  CHECK(s.cluster.node.id == "eight");
  CHECK(s.cluster.node.nics == 4);
  CHECK(s.cluster.node.gpus == 8);
}

TEST_CASE("an item of a list is named by its index") {
  const std::string yaml = kGood + "  phases:\n    - {name: after, given_gpu_hours: 5K}\n";
  CHECK(scenario_of(yaml, {"training.phases.0.given_gpu_hours=7K"}).training.phases[0].given_gpu_hours == 7000.0);
  CHECK(errors_of(yaml, {"training.phases.1.name=x"}) ==
        "--set: error: 'training.phases' has 1 items, counted from 0; '1' is none of them\n"
        "  | training.phases.1.name=x\n"
        "  |                 ^\n");
}

TEST_CASE("an unknown path") {
  CHECK(errors_of(kGood, {"cluster.gpuz=32", "clustr.gpus=32", "cluster.gpu.nvlink=1 GB/s"}) ==
        "--set: error: unknown key 'gpuz' in 'cluster'\n"
        "  | cluster.gpuz=32\n"
        "  |         ^\n"
        "  = did you mean 'gpu'?\n"
        "--set: error: unknown key 'clustr'\n"
        "  | clustr.gpus=32\n"
        "  | ^\n"
        "  = did you mean 'cluster'?\n"
        "--set: error: unknown key 'nvlink' in 'cluster.gpu'\n"
        "  | cluster.gpu.nvlink=1 GB/s\n"
        "  |             ^\n"
        "  = did you mean 'nvlink_links'?\n");
  CHECK(errors_of(kGood, {"cluster.gpus.count=32"}) ==
        "--set: error: 'cluster.gpus' has no keys of its own\n"
        "  | cluster.gpus.count=32\n"
        "  |              ^\n");
}

TEST_CASE("a value that is wrong points into the argument") {
  CHECK(errors_of(kGood, {"cluster.gpu.memory_bandwidth=400"}) ==
        "--set: error: '400' needs a unit\n"
        "  | cluster.gpu.memory_bandwidth=400\n"
        "  |                              ^\n"
        "  = write \"400 GB/s\"\n");
  CHECK(errors_of(kGood, {"parallelism.layers_per_stage=[3, x]"}) ==
        "--set: error: 'x' is not a whole number\n"
        "  | parallelism.layers_per_stage=[3, x]\n"
        "  |                                  ^\n"
        "  = 'parallelism.layers_per_stage' is a whole number, from 0 to 10000\n");
  CHECK(errors_of(kGood, {"cluster.gpu=fasst"}) ==
        "--set: error: unknown gpu 'fasst'\n"
        "  | cluster.gpu=fasst\n"
        "  |             ^\n"
        "  = did you mean 'fast'? 'gpuhours list gpus' shows all\n");
  CHECK(errors_of(kGood, {"cluster.gpus=[1"}) ==
        "--set: error: not valid YAML: end of sequence flow not found\n"
        "  | cluster.gpus=[1\n"
        "  |                ^\n");
}

TEST_CASE("an argument without a value") {
  CHECK(errors_of(kGood, {"cluster.gpus"}) ==
        "--set: error: an override is written KEY=VALUE\n"
        "  | cluster.gpus\n"
        "  | ^\n"
        "  = for example cluster.gpus=1024\n");
  CHECK(errors_of(kGood, {"cluster.gpus="}) ==
        "--set: error: 'cluster.gpus' has no value\n"
        "  | cluster.gpus=\n"
        "  |              ^\n");
}
