#include "scenario/check_layout.hpp"

#include <numeric>

#include "fixture.hpp"
#include "scenario/refused_features.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

namespace {

/// The messages alone, a line each, of kGood with overrides.
std::string messages(const std::vector<std::string>& overrides) {
  Diagnostics diagnostics;
  scenario_from_text(kGood, kData + "/scenarios/s.yaml", overrides, kData, diagnostics);
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics.all()) out += diagnostic.message + "\n";
  return out;
}

}  // namespace

TEST_CASE("tp x pp that does not divide the GPUs") {
  // 1 x 3 x 1 = 3; 32 / 3 = 10.67, so 30 and 33.
  CHECK(errors_of(with("pp: 2", "pp: 3")) ==
        "scenarios/s.yaml:4:9: error: tp 1 x pp 3 x cp 1 = 3 does not divide 'cluster.gpus: 32'\n"
        "  |   gpus: 32\n"
        "  |         ^\n"
        "  = 30 and 33 GPUs would do\n");
  CHECK(messages({"parallelism.tp=8", "parallelism.pp=8", "parallelism.ep=1"}) ==
        "tp 8 x pp 8 x cp 1 = 64 does not divide 'cluster.gpus: 32'\n");
}

TEST_CASE("an override is blamed before the file") {
  CHECK(errors_of(kGood, {"parallelism.pp=3"}) ==
        "--set: error: tp 1 x pp 3 x cp 1 = 3 does not divide 'cluster.gpus: 32'\n"
        "  | parallelism.pp=3\n"
        "  |                ^\n"
        "  = 30 and 33 GPUs would do\n");
}

TEST_CASE("experts") {
  CHECK(
      errors_of(with("ep: 8", "ep: 3")) ==
      "scenarios/s.yaml:10:7: error: ep 3 does not divide the model's 16 experts\n"
      "  |   ep: 3\n"
      "  |       ^\n"
      "scenarios/s.yaml:10:7: error: ep 3 x etp 1 = 3 does not divide the 16 GPUs of a pipeline stage (tp x cp x dp)\n"
      "  |   ep: 3\n"
      "  |       ^\n");
  // 16 GPUs of a stage: ep 16 fits, ep 16 x etp 2 = 32 does not.
  CHECK(messages({"parallelism.ep=16"}) == "");
  CHECK(messages({"parallelism.ep=16", "parallelism.etp=2"}) ==
        "ep 16 x etp 2 = 32 does not divide the 16 GPUs of a pipeline stage (tp x cp x dp)\n");
  CHECK(messages({"model=tiny"}) == "ep 8 needs a model with experts\n");
  CHECK(messages({"model.top_k=17"}) == "top_k 17 must be from 1 to the model's 16 experts\n");
  CHECK(messages({"model.expert_groups=3"}) == "expert_groups 3 does not divide the model's 16 experts\n");
}

TEST_CASE("stages") {
  CHECK(messages({"parallelism.pp=16", "parallelism.ep=2"}) ==
        "pp 16 gives 16 stages, more than the model's 8 layers\n");
  CHECK(messages({"parallelism.layers_per_stage=[8]"}) == "'layers_per_stage' has 1 entries, pp 2 x vpp 1 needs 2\n");
  CHECK(messages({"parallelism.layers_per_stage=[3, 4]"}) == "'layers_per_stage' sums to 7, the model has 8 layers\n");
  CHECK(messages({"parallelism.layers_per_stage=[3, 5]"}) == "");
  CHECK(messages({"parallelism.pp=1", "parallelism.schedule=dualpipe"}) ==
        "schedule dualpipe needs an even number of pipeline stages, pp is 1\n");
}

TEST_CASE("tensor parallelism and sequences") {
  // heads 8, kv_heads 4, ffn_hidden 1536 = 2^9 x 3. tp 16 on 32 GPUs leaves dp 1 at pp 2.
  CHECK(messages({"parallelism.tp=8", "parallelism.ep=1"}) == "");
  CHECK(messages({"parallelism.tp=16", "parallelism.ep=1"}) == "tp 16 does not divide the model's heads: 8\n");
  CHECK(messages({"parallelism.tp=8", "parallelism.ep=1", "model.kv_heads=6", "model.heads=24"}) ==
        "tp 8 and the model's kv_heads 6: one must divide the other\n");
  CHECK(messages({"parallelism.tp=4", "parallelism.ep=1", "training.sequence_length=4098 tokens"}) ==
        "a sequence of 4098 tokens is not divisible by 4 (cp x tp, sequence parallel)\n");
  CHECK(messages({"parallelism.tp=4", "parallelism.ep=1", "training.sequence_length=4098 tokens",
                  "parallelism.sequence_parallel=false"}) == "");
}

TEST_CASE("a ring of context-parallel ranks holds two pieces of the sequence each") {
  CHECK(messages({"parallelism.cp=2", "parallelism.ep=1", "training.sequence_length=4098 tokens"}) ==
        "a ring of cp 2 needs a sequence of 2 x cp equal pieces, not of 4098 tokens\n");
  CHECK(messages({"parallelism.cp=2", "parallelism.ep=1", "training.sequence_length=4098 tokens",
                  "parallelism.cp_exchange=all_to_all"}) == "");
}

TEST_CASE("batches") {
  // dp 16 x micro_batch 2 = 32.
  CHECK(messages({"training.global_batch=48 sequences"}) ==
        "a batch of 48 sequences is not divisible by dp 16 x micro_batch 2 = 32\n");
  CHECK(messages({"training.ramp={from: 16 sequences, tokens: 1M tokens}"}) ==
        "a batch of 16 sequences is not divisible by dp 16 x micro_batch 2 = 32\n");
  CHECK(messages({"training.ramp={from: 96 sequences, tokens: 1M tokens}"}) ==
        "the ramp starts at 96 sequences, above the batch of 64\n");
  CHECK(messages({"training.ramp={from: 32 sequences, tokens: 2B tokens}"}) ==
        "the ramp is longer than the training\n");
  CHECK(messages({"training.ramp={from: 32 sequences}"}) == "a ramp needs 'tokens', over which the batch rises\n");
}

TEST_CASE("a phase is checked with what it overrides; a given one is not") {
  CHECK(messages({"training.phases=[{name: a, global_batch: 48 sequences}]"}) ==
        "a batch of 48 sequences is not divisible by dp 16 x micro_batch 2 = 32\n");
  CHECK(messages({"training.phases=[{name: a, global_batch: 48 sequences, given_gpu_hours: 5K}]"}) == "");
  CHECK(messages({"training.phases=[{name: a, parallelism: {pp: 3}}]"}) ==
        "tp 1 x pp 3 x cp 1 = 3 does not divide 'cluster.gpus: 32'\n");
  CHECK(messages({"training.phases=[{name: a, tokens: 1M tokens}]", "parallelism.pp=3"}) ==
        "tp 1 x pp 3 x cp 1 = 3 does not divide 'cluster.gpus: 32'\n");
}

TEST_CASE("formats that the GPU lacks") {
  CHECK(errors_of(with("gpu: fast", "gpu: old")) ==
        "scenarios/s.yaml:6:12: error: old has no matrix units for 'precision.gemm: fp8'\n"
        "  | precision: fp8\n"
        "  |            ^\n"
        "  = its formats are bf16, fp16; 'precision: bf16' would do\n");
}

TEST_CASE("nodes, fabrics, recompute, MTP") {
  CHECK(messages({"cluster.gpus=12", "parallelism.ep=1", "training.micro_batch=1 sequence",
                  "training.global_batch=60 sequences"}) == "12 GPUs are not a whole number of nodes of 8\n");
  CHECK(errors_of(with("  fabric: tree\n", "")) ==
        "scenarios/s.yaml:4:9: error: 32 GPUs on nodes of 8 need a 'cluster.fabric' with port_per_direction\n"
        "  |   gpus: 32\n"
        "  |         ^\n");
  CHECK(messages({"training.recompute=selective"}) == "recompute selective needs 'recompute_ops'\n");
  CHECK(messages({"training.recompute_ops=[norm]"}) == "'recompute_ops' goes with recompute: selective\n");
  CHECK(messages({"training.recompute=selective", "training.recompute_ops=[norm, activation]"}) == "");
  CHECK(messages({"training.mtp=true"}) == "training.mtp needs a model with mtp_layers\n");
  CHECK(messages({"model.attention=mla"}) ==
        "attention mla needs 'kv_lora'\nattention mla needs 'qk_nope'\nattention mla needs 'qk_rope'\n"
        "attention mla needs 'v_head_dim'\n");
}

TEST_CASE("interleaved goes with vpp above 1 and whole groups of micro-batches") {
  CHECK(messages({"parallelism.vpp=2"}) == "vpp 2 needs schedule interleaved\n");
  CHECK(messages({"parallelism.schedule=interleaved"}) == "schedule interleaved needs vpp above 1\n");
}

TEST_CASE("V-shaped schedules hold two stages a rank") {
  CHECK(messages({"parallelism.schedule=zero_bubble_v"}) ==
        "schedule zero_bubble_v needs vpp 2, two stages a rank; vpp is 1\n");
  CHECK(messages({"parallelism.schedule=dualpipe_v", "parallelism.vpp=4"}) ==
        "schedule dualpipe_v needs vpp 2, two stages a rank; vpp is 4\n");
  CHECK(messages({"parallelism.schedule=dualpipe_v", "parallelism.vpp=2"}) == "");
  CHECK(messages({"parallelism.schedule=zero_bubble_v", "parallelism.vpp=2"}) == "");
  CHECK(messages({"parallelism.schedule=zero_bubble_h1"}) == "");
  CHECK(messages({"parallelism.schedule=zero_bubble_h1", "parallelism.vpp=2"}) == "vpp 2 needs schedule interleaved\n");
}

TEST_CASE("what stages hold is said once and adds up") {
  CHECK(messages({"parallelism.pipeline_layout=Et*3|t*5L"}) == "");
  CHECK(errors_of(kGood, {"parallelism.pipeline_layout=Et*3|t*4xL"}) ==
        "--set: error: 'pipeline_layout', character 9: 'x' is none of E, t, m, L, |, ( and )\n"
        "  | parallelism.pipeline_layout=Et*3|t*4xL\n"
        "  |                             ^\n");
  CHECK(messages({"parallelism.pipeline_layout=Et*8L"}) == "'pipeline_layout' has 1 stages, pp 2 x vpp 1 needs 2\n");
  CHECK(messages({"parallelism.pipeline_layout=Et*3|t*4L"}) == "'pipeline_layout' has 7 t, the model has 8 layers\n");
  CHECK(messages({"parallelism.pipeline_layout=Et*3|t*5mL"}) ==
        "'pipeline_layout' has 1 m, 0 MTP modules are trained\n");
  CHECK(messages({"parallelism.pipeline_layout=Et*3|t*5L", "parallelism.layers_per_stage=[3, 5]"}) ==
        "'pipeline_layout' and 'layers_per_stage' both say what stages hold\n");
  CHECK(messages({"parallelism.loss_as_layer=true"}) == "8 layers + loss = 9 are not divisible by 2 stages\n");
  CHECK(messages({"parallelism.loss_as_layer=true", "parallelism.embedding_as_layer=true"}) == "");
  CHECK(messages({"parallelism.loss_as_layer=true", "parallelism.layers_per_stage=[3, 5]"}) ==
        "'embedding_as_layer' and 'loss_as_layer' go with neither 'layers_per_stage' nor 'pipeline_layout'\n");
  // Stages without layers where they are given.
  CHECK(messages({"parallelism.pp=16", "parallelism.ep=2", "training.global_batch=64 sequences",
                  "parallelism.layers_per_stage=[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]"}) == "");
}

TEST_CASE("hybrid FSDP's groups divide the data-parallel ranks") {
  // 16 data-parallel ranks at pp 2; a node of 8 by default.
  CHECK(messages({"parallelism.fsdp=hybrid", "parallelism.ep=1"}) == "");
  CHECK(messages({"parallelism.fsdp=hybrid", "parallelism.ep=1", "parallelism.fsdp_group=4"}) == "");
  CHECK(messages({"parallelism.fsdp=hybrid", "parallelism.ep=1", "parallelism.fsdp_group=6"}) ==
        "fsdp hybrid: groups of 6 do not divide the 16 data-parallel ranks (cp x dp)\n");
  CHECK(messages({"parallelism.fsdp=full", "parallelism.fsdp_group=4"}) == "'fsdp_group' goes with fsdp: hybrid\n");
}

TEST_CASE("all-to-all context parallelism splits heads") {
  // 8 heads, 4 key/value heads.
  const std::vector<std::string> base{"parallelism.ep=1", "parallelism.cp_exchange=all_to_all"};
  const auto with_cp = [&](const char* cp, const char* tp) {
    std::vector<std::string> all = base;
    all.emplace_back(std::string("parallelism.cp=") + cp);
    all.emplace_back(std::string("parallelism.tp=") + tp);
    return messages(all);
  };
  CHECK(with_cp("4", "1") == "");
  CHECK(with_cp("8", "1") ==
        "cp_exchange all_to_all: cp 8 does not divide the 8 query and 4 key/value heads of a rank\n");
  CHECK(with_cp("4", "2") ==
        "cp_exchange all_to_all: cp 4 does not divide the 4 query and 2 key/value heads of a rank\n");
}

TEST_CASE("what is not modelled is refused by name") {
  CHECK(errors_of(kGood, {"parallelism.fsdp=hybrid"}) ==
        "--set: error: 'parallelism.fsdp: hybrid' is not modelled yet: experts that are split over ranks are sharded "
        "with fsdp full only\n"
        "  | parallelism.fsdp=hybrid\n"
        "  |                  ^\n");
  CHECK(
      messages({"cluster.fabric.kind=slim_fly"}) ==
      "'cluster.fabric.kind: slim_fly' is not modelled yet: the fabrics are fat trees of two and three layers, of one "
      "or several planes\n");
}

TEST_CASE("a layout of one's own needs no document") {
  Scenario s = scenario_of(kGood);
  Diagnostics diagnostics;
  check_layout(s, {}, diagnostics);
  CHECK_FALSE(diagnostics.has_errors());
  s.parallelism.pp = 3;
  check_layout(s, {}, diagnostics);
  CHECK(diagnostics.errors() == 1);
}

TEST_CASE("layers of a stage: even where that divides, else balanced by work") {
  Scenario s;
  s.model.layers = 60;
  s.parallelism.pp = 4;
  CHECK(stage_layers(s) == std::vector<int>{15, 15, 15, 15});
  // DeepSeek-V3 with its MTP module, MFLOP a token: MLA 2 x (7168 x 1536 + 1536 x 24576 + 7168 x 576 + 512 x 32768 +
  // 16384 x 7168) = 374; causal attention 128 x 320 x 4096 = 168; nine experts 2 x 27 x 7168 x 2048 = 793; a layer
  // 1335. The head: 2 x 129280 x 7168 = 1853, 1.39 layers. After its layers the last stage holds 1 + 2 x 1.39 = 3.78
  // layers of work: with 1 layer 4.78 is the longest stage, with 0 the others need 5 and with 2 it is 5.78.
  s.model = {.layers = 61,
             .hidden = 7168,
             .ffn_hidden = 18432,
             .vocab = 129280,
             .attention = AttentionKind::mla,
             .heads = 128};
  s.model.kv_heads = 128;
  s.model.q_lora = 1536;
  s.model.kv_lora = 512;
  s.model.qk_nope = 128;
  s.model.qk_rope = 64;
  s.model.v_head_dim = 128;
  s.model.experts = 256;
  s.model.shared_experts = 1;
  s.model.top_k = 8;
  s.model.moe_ffn_hidden = 2048;
  s.model.mtp_layers = 1;
  s.training.mtp = true;
  s.parallelism.pp = 16;
  CHECK(stage_layers(s) == std::vector<int>{4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 1});
  // Llama 3.1 405B: 126 layers on 16 x 8 stages, first and last empty.
  s.model = {.layers = 126,
             .hidden = 16384,
             .ffn_hidden = 53248,
             .vocab = 128256,
             .heads = 128,
             .kv_heads = 8,
             .head_dim = 128};
  s.training.mtp = false;
  s.parallelism.vpp = 8;
  const std::vector<int> layers = stage_layers(s);
  CHECK(layers.size() == 128);
  CHECK(layers.front() == 0);
  CHECK(layers.back() == 0);
  CHECK(std::accumulate(layers.begin(), layers.end(), 0) == 126);
  s.parallelism.layers_per_stage = {1, 2};
  CHECK(stage_layers(s) == std::vector<int>{1, 2});
  // 126 layers, embedding and loss count as 128: one each on 128 stages.
  s.parallelism.layers_per_stage.clear();
  s.parallelism.embedding_as_layer = s.parallelism.loss_as_layer = true;
  CHECK(stage_layers(s) == layers);
  // On 16 stages 8 each, less one on the first and on the last.
  s.parallelism.vpp = 1;
  CHECK(stage_layers(s) == std::vector<int>{7, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 7});
}

TEST_CASE("bytes of an element") {
  CHECK(bytes_per_element(Format::fp32) == 4);
  CHECK(bytes_per_element(Format::bf16) == 2);
  CHECK(bytes_per_element(Format::fp8) == 1);
  CHECK(bytes_per_element(Format::fp6) == 0.75);
  CHECK(bytes_per_element(Format::fp4) == 0.5);
  CHECK(name(Format::fp8) == "fp8");
}

TEST_CASE("what only natural routing has, and loads of every expert") {
  CHECK(messages({"training.expert_imbalance=0.2"}) == "'expert_imbalance' goes with router_balance: natural\n");
  CHECK(messages({"training.expert_loads=[1, 2]"}) ==
        "'expert_loads' goes with router_balance: natural\n"
        "'expert_loads' has 2 entries, the model has 16 experts\n");
  CHECK(messages({"training.router_balance=natural", "training.expert_imbalance=0.2"}) == "");
  CHECK(messages({"training.router_balance=natural", "training.expert_loads=[1, 2, 3]"}) ==
        "'expert_loads' has 3 entries, the model has 16 experts\n");
  CHECK(messages({"training.router_balance=natural",
                  "training.expert_loads=[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]"}) ==
        "'expert_loads' holds no token\n");
  CHECK(messages({"model=tiny", "parallelism.ep=1", "training.capacity_factor=1.25"}) ==
        "'capacity_factor' needs a model with experts\n");
  CHECK(messages({"training.capacity_factor=1.25", "stack.dispatcher=deepep"}) ==
        "'training.capacity_factor: 1.25' is not modelled yet: the dispatcher deepep is dropless; alltoall and "
        "allgather keep a capacity\n");
}

TEST_CASE("a phase's basis, and reliability figures that go together") {
  CHECK(messages({"training.phases=[{name: a, basis: given}]"}) == "'basis: given' needs 'given_gpu_hours'\n");
  // Simulated although hours are given: its batch is checked.
  CHECK(messages({"training.phases=[{name: a, global_batch: 48 sequences, given_gpu_hours: 5K, basis: simulated}]"}) ==
        "a batch of 48 sequences is not divisible by dp 16 x micro_batch 2 = 32\n");
  CHECK(messages({"reliability={interruptions_per_1000_node_days: 2, gpu_hours_per_interruption: 5K GPU hours}"}) ==
        "'gpu_hours_per_interruption' and 'interruptions_per_1000_node_days' are one figure: give one of them\n");
  CHECK(messages({"reliability={spares: 4}"}) == "'spares' need a 'repair_time': without one they never run out\n");
  CHECK(messages({"reliability={planned_per_1000_node_days: 1}"}) == "planned interruptions need a 'planned_time'\n");
}
