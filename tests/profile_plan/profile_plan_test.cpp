#include "calibrate/profile_plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "plan.hpp"
#include "scenario/read_scenario.hpp"
#include "shared.hpp"

namespace gpuhours {

namespace {

using profile::Column;
using profile::Plan;
using profile::PlanRow;

struct ReadPlan {
  ProfilePlan written;
  Plan read;
};

ReadPlan plan_of(const std::string& scenario, const std::vector<std::string>& overrides) {
  Diagnostics diagnostics;
  const auto read =
      read_scenario(test::repository_path("scenarios/" + scenario), overrides, test::repository_path("."), diagnostics);
  INFO(text(diagnostics));
  REQUIRE(read);
  ReadPlan plan;
  plan.written = profile_plan(*read);
  plan.read = profile::parse_plan(plan.written.csv);
  for (const profile::Diagnostic& error : plan.read.errors) MESSAGE(to_string(error, scenario));
  CHECK(plan.read.errors.empty());
  CHECK(static_cast<int>(plan.read.rows.size()) == plan.written.rows);
  return plan;
}

/// The fields from op to elements.
std::string shape(const PlanRow& row) {
  std::string text;
  for (std::size_t i = static_cast<std::size_t>(Column::kOp); i < static_cast<std::size_t>(Column::kNote); ++i) {
    text += row.text[i] + ",";
  }
  return text;
}

bool has(const Plan& plan, const std::string& wanted) {
  return std::any_of(plan.rows.begin(), plan.rows.end(), [&](const PlanRow& row) { return shape(row) == wanted; });
}

}  // namespace

TEST_CASE("the shapes of Llama 3.1 8B, worked out by hand") {
  const Plan plan = plan_of("llama3.1_8b_h100.yaml", {"parallelism.cp=1", "precision=bf16"}).read;
  // One sequence of 8,192 tokens, hidden 4,096, 32 query and 8 key heads of 128, width 14,336, vocabulary 128,256.
  // qkv: (32 + 2 x 8) x 128 = 6,144 outputs; gate and up: 2 x 14,336 = 28,672.
  CHECK(has(plan, "gemm,fprop,bf16,8192,6144,4096,,,,,,,,,,,,"));
  CHECK(has(plan, "gemm,dgrad,bf16,8192,4096,6144,,,,,,,,,,,,"));
  CHECK(has(plan, "gemm,wgrad,bf16,6144,4096,8192,,,,,,,,,,,,"));
  CHECK(has(plan, "gemm,fprop,bf16,8192,4096,4096,,,,,,,,,,,,"));
  CHECK(has(plan, "gemm,fprop,bf16,8192,28672,4096,,,,,,,,,,,,"));
  CHECK(has(plan, "gemm,dgrad,bf16,8192,14336,4096,,,,,,,,,,,,"));
  CHECK(has(plan, "gemm,wgrad,bf16,4096,14336,8192,,,,,,,,,,,,"));
  CHECK(has(plan, "gemm,fprop,bf16,8192,128256,4096,,,,,,,,,,,,"));
  CHECK(has(plan, "attention,fwd,bf16,,,,,1,32,8,128,128,8192,1,,,,"));
  CHECK(has(plan, "attention,bwd,bf16,,,,,1,32,8,128,128,8192,1,,,,"));
  CHECK(has(plan, "rms_norm,bwd,bf16,,,,,,,,,,,,8192,4096,,"));
  CHECK(has(plan, "swiglu,fwd,bf16,,,,,,,,,,,,8192,14336,,"));
  // (32 + 8) x 128 = 5,120 columns are rotated.
  CHECK(has(plan, "rope,fwd,bf16,,,,,,,,128,,,,8192,5120,,"));
  // 8,030,261,248 parameters over 8 ranks of ZeRO-1.
  CHECK(has(plan, "adamw,fwd,fp32,,,,,,,,,,,,,,1003782656,"));
}

TEST_CASE("DeepSeek-V3: latent attention, grouped experts and what the profiler has no operator for") {
  const ReadPlan plan = plan_of("deepseek_v3_h800.yaml", {"training.router_balance=forced"});
  // 4,096 tokens x 8 experts over 64 ranks of 4 experts: 32,768 rows in 4 groups.
  CHECK(has(plan.read, "grouped_gemm,fprop,fp8_block,32768,4096,7168,4,,,,,,,,,,,"));
  CHECK(has(plan.read, "grouped_gemm,wgrad,fp8_block,4096,7168,32768,4,,,,,,,,,,,"));
  CHECK(has(plan.read, "gemm,fprop,fp8_block,4096,24576,1536,,,,,,,,,,,,"));
  CHECK(has(plan.read, "gemm,wgrad,bf16,256,7168,4096,,,,,,,,,,,,"));  // the router's
  CHECK(has(plan.read, "attention,fwd,bf16,,,,,1,128,128,192,128,4096,1,,,,"));
  const std::vector<std::string>& out = plan.written.left_out;
  CHECK(std::find(out.begin(), out.end(), "rmsnorm_add: input norm") != out.end());
  CHECK(plan.written.csv.find("\n# not measured: rmsnorm_add: input norm\n") != std::string::npos);
}

TEST_CASE("every shape stands once, in every scenario that is shipped") {
  for (const char* scenario : {"deepseek_v3_h800.yaml", "llama3.1_405b_h100.yaml", "llama3.1_70b_h100.yaml",
                               "llama3.1_8b_h100.yaml", "mixtral_8x7b_h100.yaml"}) {
    CAPTURE(scenario);
    const Plan plan = plan_of(scenario, {}).read;
    std::set<std::string> shapes;
    for (const PlanRow& row : plan.rows) shapes.insert(shape(row));
    CHECK(shapes.size() == plan.rows.size());
  }
}

}  // namespace gpuhours
