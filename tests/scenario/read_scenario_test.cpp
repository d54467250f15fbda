#include "scenario/read_scenario.hpp"

#include "fixture.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

TEST_CASE("a scenario is read with its catalogue entries") {
  const Scenario s = scenario_of(kGood);
  CHECK(s.model.id == "tiny-moe");
  CHECK(s.model.layers == 8);     // from tiny, which tiny-moe extends
  CHECK(s.model.experts == 16);   // its own
  CHECK(s.model.head_dim == 64);  // 512 / 8
  CHECK(s.model.published_parameters == 12e6);
  CHECK(s.cluster.gpus == 32);
  CHECK(s.cluster.gpu.peak(Format::fp8).value() == 2e15);
  CHECK(s.cluster.gpu.memory_bandwidth.value() == 3e12);
  CHECK(s.cluster.node.id == "eight");  // the GPU's default
  CHECK(s.cluster.node.nic_per_direction.value() == 50e9);
  CHECK(s.cluster.fabric.latency_same_leaf.value() == 2.5e-6);
  CHECK(s.precision.gemm == Format::fp8);
  CHECK(s.precision.scaling == Scaling::block_128);
  CHECK(s.parallelism.pp == 2);
  CHECK(s.training.tokens == 1e9);
  CHECK(s.training.sequence_length == 4096);  // default
  CHECK(s.training.micro_batch == 2);
  CHECK(s.engine.seed == 1);
}

TEST_CASE("includes and extends: the extending file wins, maps merge, ids take keys over them") {
  Diagnostics diagnostics;
  const auto s = read_scenario(kData + "/scenarios/derived.yaml", {}, kData, diagnostics);
  REQUIRE_MESSAGE(s.has_value(), text(diagnostics));
  CHECK(s->name == "derived");
  CHECK(s->model.id == "tiny-moe");
  CHECK(s->model.layers == 12);
  CHECK(s->parallelism.pp == 4);
  CHECK(s->parallelism.ep == 8);           // base.yaml's
  CHECK(s->training.tokens == 1e9);        // base.yaml's
  CHECK(s->training.global_batch == 128);  // parts/training.yaml over base.yaml
  CHECK(s->training.micro_batch == 2);     // own key over parts/training.yaml
  CHECK(s->pricing.rent_per_gpu.value() == 2.0 / 3600);
}

TEST_CASE("lists replace, phases build on the scenario's parallelism") {
  const Scenario s = scenario_of(kGood +
                                 "  phases:\n"
                                 "    - {name: long, tokens: 1M tokens, parallelism: {pp: 4}}\n"
                                 "    - {name: after, given_gpu_hours: 119K}\n");
  REQUIRE(s.training.phases.size() == 2);
  REQUIRE(s.training.phases[0].parallelism.has_value());
  CHECK(s.training.phases[0].parallelism->pp == 4);
  CHECK(s.training.phases[0].parallelism->ep == 8);
  CHECK_FALSE(s.training.phases[1].parallelism.has_value());
  CHECK(s.training.phases[1].given_gpu_hours == 119000.0);
}

TEST_CASE("a named system is a cluster without a size") {
  const Scenario s =
      scenario_of(with("cluster:\n  gpu: fast\n  gpus: 32\n  fabric: tree\n", "cluster: {extends: farm, gpus: 32}\n"));
  CHECK(s.cluster.id == "farm");
  CHECK(s.cluster.gpu.id == "fast");
  CHECK(s.cluster.node.id == "eight");
}

TEST_CASE("a missing file") {
  Diagnostics diagnostics;
  CHECK_FALSE(read_scenario("no/such.yaml", {}, kData, diagnostics).has_value());
  CHECK(text(diagnostics) == "error: cannot read 'no/such.yaml': No such file or directory\n");
}

TEST_CASE("a missing include points at its name") {
  CHECK(errors_of("extends: gone.yaml\n" + kGood) ==
        "scenarios/s.yaml:1:10: error: cannot read 'scenarios/gone.yaml': No such file or directory\n"
        "  | extends: gone.yaml\n"
        "  |          ^\n");
}

TEST_CASE("a cyclic include shows the way round") {
  Diagnostics diagnostics;
  CHECK_FALSE(read_scenario(kData + "/scenarios/cycle_a.yaml", {}, kData, diagnostics).has_value());
  CHECK(
      without_root(text(diagnostics))
          .starts_with(
              "scenarios/cycle_b.yaml:2:12: error: cyclic include: scenarios/cycle_a.yaml -> scenarios/cycle_b.yaml -> "
              "scenarios/cycle_a.yaml\n"
              "  |   include: cycle_a.yaml\n"
              "  |            ^\n"));
}

TEST_CASE("catalogue entries that extend each other") {
  CHECK(
      errors_of(with("tiny-moe", "loop-a")) ==
      "models/loop-b.yaml:1:10: error: cyclic include: models/loop-a.yaml -> models/loop-b.yaml -> models/loop-a.yaml\n"
      "  | extends: loop-a\n"
      "  |          ^\n");
}

TEST_CASE("a file that holds no keys") {
  CHECK(errors_of("") == "scenarios/s.yaml: error: the file holds no keys\n");
  CHECK(errors_of("just text\n") == "scenarios/s.yaml: error: the file holds no keys\n");
}

TEST_CASE("YAML syntax") {
  CHECK(errors_of("model: [tiny\n") == "scenarios/s.yaml:2:1: error: not valid YAML: end of sequence flow not found\n");
}

TEST_CASE("an unknown id") {
  CHECK(errors_of(with("gpu: fast", "gpu: fasst")) ==
        "scenarios/s.yaml:3:8: error: unknown gpu 'fasst'\n"
        "  |   gpu: fasst\n"
        "  |        ^\n"
        "  = did you mean 'fast'? 'gpuhours list gpus' shows all\n");
  CHECK(errors_of(with("model: tiny-moe", "model: {extends: something-else, layers: 4}")) ==
        "scenarios/s.yaml:1:18: error: unknown model 'something-else'\n"
        "  | model: {extends: something-else, layers: 4}\n"
        "  |                  ^\n"
        "  = 'gpuhours list models' shows all\n");
}

TEST_CASE("a default node that is not in the catalogue is blamed on the GPU's file") {
  CHECK(errors_of(with("gpu: fast", "gpu: lonely", with("precision: fp8", "precision: bf16"))) ==
        "hardware/gpus/lonely.yaml:3:15: error: unknown node 'nowhere'\n"
        "  | default_node: nowhere\n"
        "  |               ^\n"
        "  = 'gpuhours list nodes' shows all\n");
}

TEST_CASE("unknown, duplicate and missing keys") {
  CHECK(errors_of(with("  gpus: 32\n", "  gpuz: 32\n")) ==
        "scenarios/s.yaml:2:1: error: 'cluster' lacks the key 'gpus'\n"
        "  | cluster:\n"
        "  | ^\n"
        "  = gpus: GPUs of the run\n"
        "scenarios/s.yaml:4:3: error: unknown key 'gpuz' in 'cluster'\n"
        "  |   gpuz: 32\n"
        "  |   ^\n"
        "  = did you mean 'gpu'?\n");
  CHECK(errors_of(with("  ep: 8\n", "  ep: 8\n  ep: 16\n")) ==
        "scenarios/s.yaml:11:3: error: duplicate key 'ep'\n"
        "  |   ep: 16\n"
        "  |   ^\n"
        "  = first given at scenarios/s.yaml:10:3\n");
  CHECK(errors_of("engine: {zzzzzz: 1}\n" + kGood) ==
        "scenarios/s.yaml:1:10: error: unknown key 'zzzzzz' in 'engine'\n"
        "  | engine: {zzzzzz: 1}\n"
        "  |          ^\n"
        "  = the keys here are mode, network, jitter, seed\n");
  CHECK(errors_of(with("model: tiny-moe\n", "")) ==
        "scenarios/s.yaml: error: the file lacks the key 'model'\n"
        "  = model: the architecture\n");
  CHECK(errors_of(with("  tp: 1", "  tp:")) ==
        "scenarios/s.yaml:8:3: error: 'parallelism.tp' has no value\n"
        "  |   tp:\n"
        "  |   ^\n");
}

TEST_CASE("wrong types") {
  CHECK(errors_of(with("gpus: 32", "gpus: many")) ==
        "scenarios/s.yaml:4:9: error: 'many' is not a whole number\n"
        "  |   gpus: many\n"
        "  |         ^\n"
        "  = 'cluster.gpus' is a whole number, from 1 to 10000000\n");
  CHECK(errors_of(with("gpus: 32", "gpus: 32.5"))
            .starts_with("scenarios/s.yaml:4:9: error: '32.5' is not a whole number\n"));
  CHECK(errors_of(with("gpus: 32", "gpus: 32 GB"))
            .starts_with("scenarios/s.yaml:4:9: error: '32 GB' is not a whole number\n"));
  CHECK(errors_of(with("gpus: 32", "gpus: [32]")) ==
        "scenarios/s.yaml:4:9: error: 'cluster.gpus' is a whole number, from 1 to 10000000, not a list\n"
        "  |   gpus: [32]\n"
        "  |         ^\n");
  CHECK(errors_of(with("  tp: 1", "  sequence_parallel: yes")) ==
        "scenarios/s.yaml:8:22: error: 'yes' is neither true nor false\n"
        "  |   sequence_parallel: yes\n"
        "  |                      ^\n");
  CHECK(errors_of(with("  tp: 1", "  schedule: dualpip")) ==
        "scenarios/s.yaml:8:13: error: 'dualpip' is not one of one_f_one_b, interleaved, zero_bubble_h1, "
        "zero_bubble_v, dualpipe, dualpipe_v\n"
        "  |   schedule: dualpip\n"
        "  |             ^\n"
        "  = did you mean 'dualpipe'?\n");
  CHECK(errors_of("engine: 5\n" + kGood) ==
        "scenarios/s.yaml:1:9: error: 'engine' is a map of keys\n"
        "  | engine: 5\n"
        "  |         ^\n");
  CHECK(errors_of(kGood + "  phases: long\n") ==
        "scenarios/s.yaml:15:11: error: 'training.phases' is a list of maps\n"
        "  |   phases: long\n"
        "  |           ^\n");
}

TEST_CASE("missing and wrong units") {
  CHECK(errors_of(with("1B tokens", "1B")) ==
        "scenarios/s.yaml:12:11: error: '1B' needs a unit\n"
        "  |   tokens: 1B\n"
        "  |           ^\n"
        "  = write \"1B tokens\"\n");
  CHECK(errors_of(with("gpu: fast", "gpu: {extends: fast, memory_bandwidth: 400 GB}")) ==
        "scenarios/s.yaml:3:42: error: '400 GB' is an amount of data, a data rate is needed\n"
        "  |   gpu: {extends: fast, memory_bandwidth: 400 GB}\n"
        "  |                                          ^\n"
        "  = write it like \"400 GB/s\"\n");
}

TEST_CASE("negative and zero sizes") {
  CHECK(errors_of(with("gpus: 32", "gpus: 0")) ==
        "scenarios/s.yaml:4:9: error: '0' is out of range\n"
        "  |   gpus: 0\n"
        "  |         ^\n"
        "  = 'cluster.gpus' is a whole number, from 1 to 10000000\n");
  CHECK(errors_of(with("pp: 2", "pp: -2")).starts_with("scenarios/s.yaml:9:7: error: '-2' is out of range\n"));
  CHECK(errors_of(with("1B tokens", "0 tokens")) ==
        "scenarios/s.yaml:12:11: error: '0 tokens' is out of range\n"
        "  |   tokens: 0 tokens\n"
        "  |           ^\n"
        "  = 'training.tokens' is a number of tokens, above 0, in tokens\n");
  CHECK(errors_of(with("gpus: 32", "gpus: 99999999999"))
            .starts_with("scenarios/s.yaml:4:9: error: '99999999999' is out of range\n"));
}

TEST_CASE("all mistakes of reading and of the layout come out in one run") {
  // dp = 32 / 2 = 16 ranks x micro_batch 2 = 32 does not divide 65.
  const std::string yaml = with("64 sequences", "65 sequences", with("precision: fp8", "precision: fp9"));
  CHECK(errors_of(yaml) ==
        "scenarios/s.yaml:6:12: error: unknown precision 'fp9'\n"
        "  | precision: fp9\n"
        "  |            ^\n"
        "  = did you mean 'fp8'? 'gpuhours list precisions' shows all\n"
        "scenarios/s.yaml:13:17: error: a batch of 65 sequences is not divisible by dp 16 x micro_batch 2 = 32\n"
        "  |   global_batch: 65 sequences\n"
        "  |                 ^\n"
        "  = 64 and 96 would do\n");
}
