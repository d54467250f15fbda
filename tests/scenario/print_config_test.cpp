#include "scenario/print_config.hpp"

#include <sstream>

#include "fixture.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

namespace {

std::string config(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  const Outcome out = outcome(yaml, overrides);
  REQUIRE_MESSAGE(out.resolved.has_value(), out.messages);
  return without_root(resolved_config(out.resolved->scenario, out.resolved->document));
}

/// The lines from `first` up to, and without, `last`.
std::string part(const std::string& text, const std::string& first, const std::string& last) {
  const std::size_t start = text.find(first);
  REQUIRE(start != std::string::npos);
  return text.substr(start, text.find(last, start) - start);
}

std::string without_comments(const std::string& text) {
  std::istringstream stream(text);
  std::string out;
  for (std::string line; std::getline(stream, line);) out += line.substr(0, line.find("  # ")) + "\n";
  return out;
}

}  // namespace

TEST_CASE("each line says where its value came from") {
  const std::string text = config(kGood, {"parallelism.ep=16", "cluster.gpu.tdp=500 W"});
  CHECK(part(text, "  gpu:\n", "  node:") ==
        "  gpu:\n"
        "    id: fast  # from hardware/gpus/fast.yaml:1:5\n"
        "    name: Fast GPU  # from hardware/gpus/fast.yaml:2:7\n"
        "    generation: other  # default\n"
        "    released: \"\"  # default\n"
        "    default_node: eight  # from hardware/gpus/fast.yaml:3:15\n"
        "    sms: 100  # from hardware/gpus/fast.yaml:4:6\n"
        "    peak_clock: 0 GHz  # default\n"
        "    max_clock: 0 GHz  # default\n"
        "    peak_dense:\n"
        "      bf16: 1000 TFLOP/s  # from hardware/gpus/fast.yaml:5:20\n"
        "      fp8: 2000 TFLOP/s  # from hardware/gpus/fast.yaml:5:39\n"
        "    memory_capacity: 80 GB  # from hardware/gpus/fast.yaml:6:18\n"
        "    memory_bandwidth: 3 TB/s  # from hardware/gpus/fast.yaml:7:19\n"
        "    l2_cache: 0 GB  # default\n"
        "    nvlink_per_direction: 450 GB/s  # from hardware/gpus/fast.yaml:8:23\n"
        "    nvlink_links: 0  # default\n"
        "    pcie_per_direction: 0 GB/s  # default\n"
        "    tdp: 500 W  # --set cluster.gpu.tdp=500 W\n"
        "    die_area_mm2: 0 mm2  # default\n"
        "    data_centre: true  # default\n"
        "    caps:\n"
        "      tpp: 0  # default\n"
        "      nvlink_total: 0 GB/s  # default\n"
        "      memory_bandwidth: 0 GB/s  # default\n"
        "  gpus: 32  # from scenarios/s.yaml:4:9\n");
  CHECK(part(text, "parallelism:\n", "training:") ==
        "parallelism:\n"
        "  tp: 1  # from scenarios/s.yaml:8:7\n"
        "  sequence_parallel: true  # default\n"
        "  pp: 2  # from scenarios/s.yaml:9:7\n"
        "  vpp: 1  # default\n"
        "  cp: 1  # default\n"
        "  ep: 16  # --set parallelism.ep=16\n"
        "  etp: 1  # default\n"
        "  zero_stage: 1  # default\n"
        "  fsdp: none  # default\n"
        "  fsdp_group: 0  # default\n"
        "  fsdp_prefetch: 1  # default\n"
        "  cp_exchange: ring  # default\n"
        "  schedule: one_f_one_b  # default\n"
        "  layers_per_stage: []  # default\n"
        "  embedding_as_layer: false  # default\n"
        "  loss_as_layer: false  # default\n"
        "  pipeline_layout: \"\"  # default\n");
}

TEST_CASE("property: what is printed reads back to the same print") {
  const std::string yaml = with("model: tiny-moe", "name: \"a: b # c\"\nmodel: tiny-moe") +
                           "  ramp: {from: 32 sequences, tokens: 10M tokens}\n"
                           "  recompute: selective\n"
                           "  recompute_ops: [norm, activation]\n"
                           "  phases:\n"
                           "    - {name: long, tokens: 1M tokens, parallelism: {ep: 4}}\n"
                           "    - {name: '- after', given_gpu_hours: 5K}\n";
  const std::string once = config(yaml, {"parallelism.layers_per_stage=[3, 5]"});
  CHECK(once.find("given_gpu_hours: 5K") != std::string::npos);
  CHECK(without_comments(config(once)) == without_comments(once));
}
