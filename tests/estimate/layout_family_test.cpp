// What a search asks about a layout is what an estimate says about it.
#include "estimate/layout_family.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "estimate/step_model.hpp"
#include "scenario/layout_problem.hpp"
#include "scenario/read_scenario.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

Scenario scenario(const std::string& file) {
  Diagnostics diagnostics;
  auto found = read_scenario(test::repository_path("scenarios/" + file), {}, test::repository_path("."), diagnostics);
  REQUIRE_MESSAGE(found.has_value(), text(diagnostics));
  return *found;
}

/// The scenario with other stages and data parallelism: what may change inside a family.
std::vector<Scenario> like(const Scenario& base) {
  std::vector<Scenario> out;
  for (const Schedule schedule : {Schedule::one_f_one_b, Schedule::interleaved, Schedule::zero_bubble_h1,
                                  Schedule::zero_bubble_v, Schedule::dualpipe, Schedule::dualpipe_v}) {
    for (const int pp : {1, 2, 4, 8, 16}) {
      for (const int zero_stage : {3, 0, 2, 1}) {  // the first timed must not decide for those after it
        Scenario s = base;
        s.parallelism.schedule = schedule;
        s.parallelism.pp = pp;
        s.parallelism.vpp = schedule == Schedule::interleaved || v_shaped(schedule) ? 2 : 1;
        s.parallelism.zero_stage = zero_stage;
        s.parallelism.layers_per_stage.clear();
        s.training.phases.clear();
        if (!layout_problem(s)) out.push_back(s);
      }
    }
  }
  return out;
}

void check_layout_of(LayoutFamily& family, LastPlans& plans, const Scenario& layout, const Calibration& calibration) {
  CAPTURE(layout.parallelism.pp);
  CAPTURE(layout.parallelism.zero_stage);
  CAPTURE(static_cast<int>(layout.parallelism.schedule));
  Diagnostics diagnostics;
  const int batch = layout.training.global_batch;
  family.take(layout, plans);
  const auto model = StepModel::make(layout, calibration, diagnostics);
  CHECK(family.routed_step().length == model->step(batch, false).length);
  const PipelinePlan whole = pipeline_plan(layout, model->shape(batch).micro_batches);
  CHECK(family.memory().peak.value() ==
        doctest::Approx(memory_ledger(layout, model->work(), whole).peak.value()).epsilon(1e-12));
  const SimTime balanced = family.step().length;
  CHECK(family.compute_floor() <= balanced);
  CHECK(family.compute_floor().ps > 0);
}

/// Every `stride`-th of the layouts.
void check_family(const Scenario& base, std::size_t stride = 1) {
  const Calibration calibration(DataPaths{test::repository_path(".")});
  Diagnostics diagnostics;
  const auto laws = calibration.kernels(base.cluster.gpu, base.stack.kernels, diagnostics);
  LayoutFamily family(base, *laws, calibration.network(diagnostics));
  LastPlans plans;
  const std::vector<Scenario> layouts = like(base);
  REQUIRE(layouts.size() > 3 * stride);
  for (std::size_t i = 0; i < layouts.size(); i += stride) check_layout_of(family, plans, layouts[i], calibration);
}

}  // namespace

TEST_CASE("step, memory and lower bound of a family's layouts: a mixture of experts, balanced") {
  Scenario base = scenario("deepseek_v3_h800.yaml");
  base.training.router_balance = RouterBalance::forced;
  check_family(base);
}

TEST_CASE("step, memory and lower bound of a family's layouts: a mixture of experts, natural routing") {
  check_family(scenario("deepseek_v3_h800.yaml"), 7);
}

TEST_CASE("step, memory and lower bound of a family's layouts: dense, tensor parallel") {
  check_family(scenario("llama3.1_70b_h100.yaml"));
}

TEST_CASE("step, memory and lower bound of a family's layouts: fully sharded") {
  Scenario base = scenario("llama3.1_70b_h100.yaml");
  base.parallelism.fsdp = Fsdp::full;
  check_family(base, 2);
}

TEST_CASE("laws are read once and shared") {
  const Scenario base = scenario("llama3.1_8b_h100.yaml");
  const Calibration calibration(DataPaths{test::repository_path(".")});
  Diagnostics diagnostics;
  const auto first = calibration.kernels(base.cluster.gpu, base.stack.kernels, diagnostics);
  CHECK(first == calibration.kernels(base.cluster.gpu, base.stack.kernels, diagnostics));
  CHECK(calibration.network(diagnostics) == calibration.network(diagnostics));
  Gpu faster = base.cluster.gpu;  // the same id with another number is another GPU
  faster.tensor_factor = 1.1;
  CHECK(first != calibration.kernels(faster, base.stack.kernels, diagnostics));
}

TEST_CASE("a folder without calibration is an error every time") {
  const Scenario base = scenario("llama3.1_8b_h100.yaml");
  const Calibration nowhere(DataPaths{"/nowhere"});
  for (int i = 0; i < 2; ++i) {
    Diagnostics diagnostics;
    CHECK(nowhere.network(diagnostics) == nullptr);
    CHECK(nowhere.kernels(base.cluster.gpu, base.stack.kernels, diagnostics) == nullptr);
    CHECK(diagnostics.errors() >= 2);
  }
}
