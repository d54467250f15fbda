#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>

#include "calibrate/recorded.hpp"
#include "calibrate/trace_file.hpp"
#include "scenario/read_scenario.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

KernelClasses shipped() {
  Diagnostics problems;
  return KernelClasses::from_file(test::repository_path("calibration/kernel_classes.yaml"), problems);
}

Operator product(const char* name, std::int64_t m, std::int64_t n, std::int64_t k) {
  Operator op;
  op.name = name;
  op.kind = OperatorKind::gemm;
  op.gemm = {m, n, k, 1};
  return op;
}

/// Adds a call of `microseconds` on the GPU to the end of the trace.
void add_call(Trace& trace, const char* call, const char* dims, int microseconds) {
  const auto index = static_cast<std::int32_t>(trace.operations.size());
  HostSpan span;
  span.name = trace.names.id(call);
  span.input_dims = trace.names.id(dims);
  trace.operations.push_back(span);
  GpuActivity kernel;
  kernel.name = trace.names.id("nvjet_a");
  kernel.start_ns = 1000 * index;
  kernel.duration_ns = 1000 * microseconds;
  kernel.operation = index;
  trace.activities.push_back(kernel);
}

}  // namespace

TEST_CASE("sizes and calls as frameworks record them") {
  using Sizes = std::vector<std::vector<std::int64_t>>;
  CHECK(input_sizes("[[8,4],[4,2],[]]") == Sizes{{8, 4}, {4, 2}, {}});
  CHECK(input_sizes("[[[1,32],[1,64]],[]]") == Sizes{{1, 32, 1, 64}, {}});
  CHECK(input_sizes("") == Sizes{});
  CHECK(input_sizes("[[1],x]") == Sizes{});
  CHECK(input_sizes("[[99999999999999999999]]") == Sizes{});
  CHECK(input_sizes("]") == Sizes{});
  const auto plain = recorded_operator("aten::addmm", {{2}, {8, 4}, {4, 2}});
  REQUIRE(plain);
  CHECK(plain->gemm.m == 8);
  CHECK(plain->gemm.n == 2);
  CHECK(plain->gemm.k == 4);
  CHECK(plain->flops.value() == 128);  // 2 x 8 x 2 x 4
  const auto weight = recorded_operator("aten::_grouped_mm", {{6, 100}, {100, 5}, {3}});
  REQUIRE(weight);
  CHECK(weight->gemm.k == 100);
  CHECK(weight->gemm.groups == 3);
  const auto attention = recorded_operator("aten::_cudnn_attention_backward",
                                           {{1, 32, 64, 128}, {1, 32, 64, 192}, {1, 8, 64, 192}, {1, 8, 64, 128}});
  REQUIRE(attention);
  CHECK(attention->attention.kv_heads == 8);
  CHECK(attention->attention.qk_dim == 192);
  CHECK(attention->attention.v_dim == 128);
  CHECK(attention->pass == Pass::backward_input);
  CHECK_FALSE(recorded_operator("aten::mm", {{8, 4}, {5, 2}}));
  CHECK_FALSE(recorded_operator("aten::add", {{8, 4}, {8, 4}}));
}

TEST_CASE("products match by shape, cut ones by their sum, and the rest stays") {
  // qkv of 16 x 12 x 8 is called as 16 x 8 x 8 and twice 16 x 2 x 8, in two layers; down is called as it stands; a
  // product of another inner size is nobody's.
  Trace trace;
  for (int layer = 0; layer < 2; ++layer) {
    add_call(trace, "aten::mm", "[[16,8],[8,8]]", 5);
    add_call(trace, "aten::mm", "[[16,8],[8,2]]", 1);
    add_call(trace, "aten::mm", "[[16,8],[8,2]]", 2);
    add_call(trace, "aten::mm", "[[16,20],[20,8]]", 7);
  }
  add_call(trace, "aten::mm", "[[16,9],[9,2]]", 3);
  const std::vector<Operator> expected = {product("qkv", 16, 12, 8), product("down", 16, 8, 20),
                                          product("qkv", 16, 12, 8), product("down", 16, 8, 20),
                                          product("head", 16, 99, 8)};
  const TraceMatch match = match_recorded(trace, shipped(), expected);
  std::map<std::string, std::vector<double>> times;
  for (const MatchedWork& work : match.matched) times[std::get<Operator>(work.work).name].push_back(work.time_us);
  CHECK(times["qkv"] == std::vector<double>{8, 8});  // 5 + 1 + 2
  CHECK(times["down"] == std::vector<double>{7, 7});
  REQUIRE(match.missing.size() == 1);
  CHECK(match.missing[0].name == "head");
  REQUIRE(match.unmatched.size() == 1);
  CHECK(match.matched_share() == doctest::Approx(30.0 / 33.0));
}

TEST_CASE("the four H100 step traces: every product and attention is an operator of the scenario") {
  struct Step {
    const char* file;
    const char* model;
    int layers;
    int batch;
  };
  constexpr Step kSteps[] = {{"h100_cupti_llama2-7b-8l_s4096_b2", "llama2-7b", 8, 2},
                             {"h100_cupti_llama3-8b-4l_s4096", "llama3-8b", 4, 1},
                             {"h100_cupti_mixtral-8x7b-2l_s4096_b2", "mixtral-8x7b", 2, 2},
                             {"h100_cupti_qwen3-30b-a3b-4l_s4096", "qwen3-30b-a3b", 4, 1}};
  for (const Step& step : kSteps) {
    CAPTURE(step.file);
    const std::string path = test::shared_path(std::string("traces/") + step.file + ".json.gz");
    if (path.empty()) return;
    Diagnostics problems;
    const std::string yaml = fmt::format(
        "name: step\nmodel: {}\nprecision: bf16\nstack: generic\ncluster: {{gpu: h100_sxm, gpus: 1}}\n"
        "parallelism: {{pp: 1, tp: 1}}\ntraining:\n  tokens: 1B tokens\n  sequence_length: 4096 tokens\n"
        "  global_batch: {} sequences\n  micro_batch: {} sequences\n  recompute: none\n",
        step.model, step.batch, step.batch);
    const auto scenario = scenario_from_text(yaml, "step.yaml", {}, test::repository_path(""), problems);
    CHECK(text(problems) == "");
    REQUIRE(scenario);
    Scenario cut = scenario->scenario;
    cut.model.layers = step.layers;
    const auto trace = read_trace(path, problems);
    REQUIRE(trace);
    const TraceMatch match = match_recorded(*trace, shipped(), step_operators(cut));
    CHECK(match.missing.empty());
    // Every kernel of a product or attention has its operator, but the one of the rotary angles (64 x 1 by 1 x 4096),
    // which no operator of the workload is.
    std::vector<std::string> left;
    for (const UnmatchedActivity& item : match.unmatched) {
      const std::string_view name = trace->name(trace->activities[static_cast<std::size_t>(item.activity)]);
      const std::string of = shipped().rule(name).kernel_class;
      if (of == "gemm" || of == "grouped_gemm" || of == "attention" || of == "attention_aux") left.emplace_back(name);
    }
    REQUIRE(left.size() == 1);
    CHECK(left[0].find("cutlass_80_simt_sgemm_128x32_8x5_nn_align1") != std::string::npos);
  }
}
