#include "calibrate/published_run.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "shared.hpp"

using namespace gpuhours;

namespace {

/// Llama 3 8B on 16 H100, every column that validation reads.
PublishedRun llama() {
  return {{{"id", "run-1"},
           {"stack", "nemo"},
           {"stack_release", "24.07"},
           {"model", "llama3-8b"},
           {"gpu", "h100_sxm"},
           {"n_gpus", "16"},
           {"gpus_per_nvlink_domain", "8"},
           {"inter_node", "ib_ndr400x8"},
           {"precision", "bf16"},
           {"seq_len", "8192"},
           {"gbs", "128"},
           {"mbs", "1"},
           {"tp", "1"},
           {"pp", "2"},
           {"vpp", "1"},
           {"cp", "1"},
           {"ep", ""},
           {"etp", ""},
           {"zero_stage", "1"},
           {"fsdp", "none"},
           {"sequence_parallel", "false"},
           {"recompute", "none"},
           {"recompute_detail", ""},
           {"schedule", "1f1b"},
           {"moe_dispatcher", ""},
           {"router_balance", ""},
           {"cuda_graphs", "yes"},
           {"truncated_layers", ""},
           {"step_time_s", "5"},
           {"tier", "1"}}};
}

RunScenario scenario_of(const PublishedRun& run) {
  const std::string root = test::repository_path("");
  Diagnostics diagnostics;
  const ValidationMap map = validation_map(root, diagnostics);
  REQUIRE_FALSE(diagnostics.has_errors());
  return run_scenario(run, map, root);
}

}  // namespace

TEST_CASE("a whole row is a scenario with nothing filled") {
  const RunScenario run = scenario_of(llama());
  INFO(run.refusal);
  REQUIRE(run.scenario);
  CHECK(run.filled.empty());
  CHECK(run.scenario->model.id == "llama3-8b");
  CHECK(run.scenario->cluster.gpus == 16);
  CHECK(run.scenario->cluster.node.id == "hgx_h100");
  CHECK(run.scenario->cluster.fabric.id == "rail_ft3_ndr400");
  CHECK(run.scenario->parallelism.pp == 2);
  CHECK_FALSE(run.scenario->parallelism.sequence_parallel);
  CHECK(run.scenario->training.sequence_length == 8192);
  CHECK(run.scenario->stack.id == "nemo");
  CHECK(run.scenario->stack.cuda_graphs);
  CHECK(llama().group() == "nemo|llama3-8b|h100_sxm|bf16");
}

TEST_CASE("what is filled is named") {
  PublishedRun row = llama();
  row.fields["inter_node"] = "unknown";
  row.fields["recompute"] = "unknown";
  row.fields["vpp"] = "";
  row.fields["mbs"] = "";
  row.fields["stack"] = "other";
  const RunScenario run = scenario_of(row);
  INFO(run.refusal);
  REQUIRE(run.scenario);
  CHECK(run.micro_batch_open);
  CHECK(run.recompute_open);
  CHECK(run.filled == std::vector<std::string>{"inter_node: rail_ft3_ndr400", "stack other: generic", "vpp: 1"});
}

TEST_CASE("graph_scope says what CUDA graphs hold") {
  PublishedRun row = llama();
  const auto stack = [&](const std::string& scope) {
    row.fields["graph_scope"] = scope;
    const RunScenario run = scenario_of(row);
    REQUIRE(run.scenario);
    return run.scenario->stack;
  };
  CHECK(stack("").graph_scope == GraphScope::all);
  CHECK_FALSE(stack("").fused_grouped_gemm);
  CHECK(stack("moe_router+moe_preprocess").graph_scope == GraphScope::router);
  CHECK(stack("attn+moe_router+moe_preprocess").graph_scope == GraphScope::attention);
  CHECK(stack("full_iteration").graph_scope == GraphScope::all);
  CHECK(stack("full_iteration").fused_grouped_gemm);
}

TEST_CASE("overlap columns go before the stack's default, blank ones leave it") {
  PublishedRun row = llama();
  const auto stack = [&](const char* column, const char* value) {
    row.fields[column] = value;
    const RunScenario run = scenario_of(row);
    REQUIRE(run.scenario);
    return run.scenario->stack;
  };
  const Stack unsaid = stack("tp_overlap", "");
  CHECK(stack("tp_overlap", "true").overlap_tensor);
  CHECK_FALSE(stack("tp_overlap", "false").overlap_tensor);
  CHECK(stack("tp_overlap", "").overlap_tensor == unsaid.overlap_tensor);
  CHECK(stack("ep_overlap", "true").overlap_expert);
  CHECK_FALSE(stack("ep_overlap", "false").overlap_expert);
  CHECK(stack("ep_overlap", "").overlap_expert == unsaid.overlap_expert);
}

TEST_CASE("notes are for people: no word of them changes the scenario") {
  PublishedRun row = llama();
  const RunScenario plain = scenario_of(row);
  row.fields["notes"] =
      "EP all-to-all overlapped with 1F1B; without MTP; cuda graph full_iteration; pp_layout Et*20|t*12L; inferred: recompute";
  const RunScenario noted = scenario_of(row);
  REQUIRE(noted.scenario);
  CHECK(noted.scenario->stack.overlap_expert == plain.scenario->stack.overlap_expert);
  CHECK(noted.scenario->stack.fused_grouped_gemm == plain.scenario->stack.fused_grouped_gemm);
  CHECK(noted.scenario->parallelism.pipeline_layout.empty());
  CHECK_FALSE(noted.recompute_open);
  row.fields["inferred"] = "mbs, recompute";
  CHECK(scenario_of(row).recompute_open);
  row.fields["inferred"] = "recompute2";
  CHECK_FALSE(scenario_of(row).recompute_open);
}

TEST_CASE("MTP is trained as the model was released, unless the row says otherwise") {
  PublishedRun row = llama();
  row.fields["model"] = "deepseek-v3";
  row.fields["n_gpus"] = "64";
  row.fields["ep"] = "32";
  row.fields["moe_dispatcher"] = "alltoall";
  const auto mtp = [&](const char* value) {
    row.fields["mtp"] = value;
    const RunScenario run = scenario_of(row);
    INFO(run.refusal);
    REQUIRE(run.scenario);
    return run.scenario->training.mtp;
  };
  CHECK(mtp(""));
  CHECK(mtp("true"));
  CHECK_FALSE(mtp("false"));
}

TEST_CASE("truncated layers are honoured") {
  PublishedRun row = llama();
  row.fields["truncated_layers"] = "4";
  const RunScenario run = scenario_of(row);
  REQUIRE(run.scenario);
  CHECK(run.scenario->model.layers == 4);
}

TEST_CASE("selective recomputation is named operator by operator") {
  PublishedRun row = llama();
  row.fields["recompute"] = "selective";
  row.fields["recompute_detail"] = "layernorm+moe_act";
  const RunScenario run = scenario_of(row);
  REQUIRE(run.scenario);
  CHECK(run.scenario->training.recompute_ops == std::vector{RecomputeOp::norm, RecomputeOp::activation});
}

TEST_CASE("what cannot be expressed is refused with the reason") {
  const auto refusal = [](const char* column, const char* value) {
    PublishedRun row = llama();
    row.fields[column] = value;
    return scenario_of(row).refusal;
  };
  CHECK(refusal("model", "gpt-none") == "model 'gpt-none' is not in the catalogue");
  CHECK(refusal("schedule", "other") == "schedule 'other' does not say which");
  CHECK(refusal("precision", "fp8_other") == "precision 'fp8_other' is no recipe of the catalogue");
  CHECK(refusal("inter_node", "token_ring") ==
        "inter_node 'token_ring' with h100_sxm stands for no fabric of the catalogue");
  CHECK(refusal("tp", "3").find("does not divide") != std::string::npos);
}

TEST_CASE("every row of the published table is a scenario or has a reason that names the column") {
  const std::string csv = test::shared_path("validation/published_runs.csv");
  if (csv.empty()) return;
  Diagnostics diagnostics;
  const auto runs = published_runs(CsvTable::from_file(csv, diagnostics), diagnostics);
  REQUIRE_FALSE(diagnostics.has_errors());
  REQUIRE_FALSE(runs.empty());
  const std::string root = test::repository_path("");
  const ValidationMap map = validation_map(root, diagnostics);
  for (const PublishedRun& run : runs) {
    const RunScenario built = run_scenario(run, map, root);
    CAPTURE(run.at("id"));
    CAPTURE(built.refusal);
    CHECK(built.scenario.has_value() == built.refusal.empty());
    if (built.scenario) continue;
    // The reason quotes what the row says, so that a reader finds the cell.
    const bool quotes = std::any_of(run.fields.begin(), run.fields.end(), [&](const auto& field) {
      return !field.second.empty() && built.refusal.find(field.second) != std::string::npos;
    });
    CHECK(quotes);
  }
}

TEST_CASE("a release lacks what it had not learnt yet, on that hardware and for that attention alone") {
  PublishedRun row = llama();
  row.fields["stack_release"] = "v25.05";
  row.fields["gpu"] = "gb200";
  row.fields["n_gpus"] = "64";
  row.fields["gpus_per_nvlink_domain"] = "72";
  row.fields["gbs"] = "512";
  CHECK_FALSE(scenario_of(row).scenario->stack.keeps_attention_scores);
  row.fields["model"] = "deepseek-v3";
  row.fields["ep"] = "32";
  row.fields["moe_dispatcher"] = "alltoall";
  RunScenario run = scenario_of(row);
  INFO(run.refusal);
  REQUIRE(run.scenario);
  CHECK(run.scenario->stack.keeps_attention_scores);
  row.fields["stack_release"] = "v25.11";
  CHECK_FALSE(scenario_of(row).scenario->stack.keeps_attention_scores);
}

TEST_CASE("what a row says of its stages and FSDP groups") {
  PublishedRun row = llama();
  row.fields["pipeline_layout"] = "Et*20|t*12L";
  RunScenario run = scenario_of(row);
  INFO(run.refusal);
  REQUIRE(run.scenario);
  CHECK(run.scenario->parallelism.pipeline_layout == "Et*20|t*12L");
  // 30 layers do not divide by 4 stages, 30 + 2 do.
  row.fields["pipeline_layout"] = "";
  row.fields["truncated_layers"] = "30";
  row.fields["pp"] = "4";
  run = scenario_of(row);
  REQUIRE(run.scenario);
  CHECK(run.filled == std::vector<std::string>{"embedding and loss count as layers"});
  CHECK(stage_layers(*run.scenario) == std::vector<int>{7, 8, 8, 7});
  row.fields["truncated_layers"] = "";
  CHECK(scenario_of(row).filled.empty());

  row.fields["pp"] = "1";
  row.fields["schedule"] = "none";
  row.fields["fsdp"] = "hybrid";
  row.fields["zero_stage"] = "3";
  row.fields["fsdp_group"] = "4";
  run = scenario_of(row);
  INFO(run.refusal);
  REQUIRE(run.scenario);
  CHECK(run.scenario->parallelism.fsdp_group == 4);
  row.fields["fsdp_group"] = "";
  run = scenario_of(row);
  REQUIRE(run.scenario);
  CHECK(run.filled == std::vector<std::string>{"fsdp_group: a node"});
}

TEST_CASE("an interleaved pipeline that does not say its virtual stages has a layer a chunk") {
  PublishedRun row = llama();  // 32 layers on two stages
  row.fields["vpp"] = "";
  row.fields["schedule"] = "interleaved";
  const RunScenario run = scenario_of(row);
  INFO(run.refusal);
  REQUIRE(run.scenario);
  CHECK(run.scenario->parallelism.vpp == 16);
  CHECK(run.filled == std::vector<std::string>{"vpp: 16 (a layer a chunk)"});
  row.fields["vpp"] = "4";
  CHECK(scenario_of(row).scenario->parallelism.vpp == 4);
}

TEST_CASE("a Megatron pipeline of an unsaid schedule is interleaved, another stack's is refused") {
  PublishedRun row = llama();
  row.fields["vpp"] = "";
  row.fields["schedule"] = "other";
  const RunScenario run = scenario_of(row);
  REQUIRE(run.scenario);
  CHECK(run.scenario->parallelism.schedule == Schedule::interleaved);
  CHECK(run.filled == std::vector<std::string>{"vpp: 16 (a layer a chunk)", "schedule: interleaved"});
  row.fields["stack"] = "maxtext";
  CHECK(scenario_of(row).refusal == "schedule 'other' does not say which");
  row.fields["stack"] = "nemo";
  row.fields["pp"] = "";  // nor the size of the pipeline
  CHECK(scenario_of(row).refusal == "schedule 'other' does not say which");
}

TEST_CASE("blank columns that another publication of the run gives are taken from there") {
  PublishedRun row = llama();
  row.fields["stack"] = "megatron-lm";
  row.fields["stack_release"] = "v2.5";
  row.fields["model"] = "gpt-76.1b";  // 60 layers; run_table_1.sh: 5 a virtual stage with pp 4
  row.fields["gpu"] = "a100_sxm_80";
  row.fields["precision"] = "fp16";
  row.fields["n_gpus"] = "1024";
  row.fields["inter_node"] = "ib_hdr200x8";
  row.fields["seq_len"] = "2048";
  row.fields["gbs"] = "1792";
  row.fields["tp"] = "8";
  row.fields["pp"] = "4";
  row.fields["cuda_graphs"] = "no";
  row.fields["schedule"] = "other";
  row.fields["mbs"] = row.fields["vpp"] = "";
  const RunScenario run = scenario_of(row);
  INFO(run.refusal);
  REQUIRE(run.scenario);
  CHECK(run.filled == std::vector<std::string>{"mbs: 2 (published elsewhere)", "vpp: 3 (published elsewhere)",
                                               "schedule: interleaved (published elsewhere)"});
  CHECK(run.scenario->training.micro_batch == 2);
  CHECK_FALSE(run.micro_batch_open);
  row.fields["mbs"] = "1";  // what the row says goes first
  CHECK(scenario_of(row).scenario->training.micro_batch == 1);
  row.fields["model"] = "gpt-39.1b";
  row.fields["pp"] = "2";
  row.fields["n_gpus"] = "512";
  row.fields["gbs"] = "1536";
  const RunScenario flat = scenario_of(row);
  REQUIRE(flat.scenario);
  CHECK(flat.scenario->parallelism.schedule == Schedule::one_f_one_b);
}

TEST_CASE("sharded gradients and parameters of a pipeline take the time of ZeRO-1") {
  PublishedRun row = llama();
  row.fields["zero_stage"] = "2";
  row.fields["fsdp"] = "full";
  const RunScenario run = scenario_of(row);
  REQUIRE(run.scenario);
  CHECK(run.scenario->parallelism.zero_stage == 1);
  CHECK(run.scenario->parallelism.fsdp == Fsdp::none);
  CHECK(run.filled == std::vector<std::string>{"gradients scattered once a step: as ZeRO-1"});
  row.fields["pp"] = "1";
  row.fields["schedule"] = "none";
  const RunScenario flat = scenario_of(row);
  REQUIRE(flat.scenario);
  CHECK(flat.scenario->parallelism.zero_stage == 2);
  CHECK(flat.scenario->parallelism.fsdp == Fsdp::full);
}

TEST_CASE("the map names the profile that stands in for a stack without one, or without a fit") {
  PublishedRun row = llama();
  row.fields["stack"] = "automodel";
  row.fields["stack_release"] = "2026";
  const RunScenario automodel = scenario_of(row);
  REQUIRE(automodel.scenario);
  CHECK(automodel.scenario->stack.id == "torchtitan");
  CHECK(automodel.filled == std::vector<std::string>{"stack automodel: torchtitan"});
  row.fields["stack"] = "megatron-lm";
  row.fields["stack_release"] = "core_r0.8.0";
  const RunScenario core = scenario_of(row);
  REQUIRE(core.scenario);
  CHECK(core.scenario->stack.id == "nemo");
  CHECK(core.filled == std::vector<std::string>{"stack megatron-lm: nemo"});
  // Half as unsure again as NeMo's own rows.
  CHECK(core.scenario->stack.step_error == doctest::Approx(1.5 * scenario_of(llama()).scenario->stack.step_error));
  row.fields["stack_release"] = "2022";
  const RunScenario older = scenario_of(row);
  REQUIRE(older.scenario);
  CHECK(older.scenario->stack.id == "megatron-lm-v2");
  CHECK(older.filled.empty());
}
