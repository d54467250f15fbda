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
  found->training.router_balance = RouterBalance::forced;  // a family compares layouts under balanced routing
  return *found;
}

/// The scenario with other stages: what may change inside a family.
std::vector<Scenario> like(const Scenario& base) {
  std::vector<Scenario> out;
  for (const Schedule schedule : {Schedule::one_f_one_b, Schedule::interleaved, Schedule::dualpipe}) {
    for (const int pp : {1, 2, 4, 8, 16}) {
      for (const int zero_stage : {0, 1}) {
        Scenario s = base;
        s.parallelism.schedule = schedule;
        s.parallelism.pp = pp;
        s.parallelism.vpp = schedule == Schedule::interleaved ? 2 : 1;
        s.parallelism.zero_stage = zero_stage;
        s.parallelism.layers_per_stage.clear();
        s.parallelism.ep = std::min(base.parallelism.ep, base.cluster.gpus / (pp * base.parallelism.tp));
        if (!layout_problem(s) && s.parallelism.ep == base.parallelism.ep) out.push_back(s);
      }
    }
  }
  return out;
}

void check_family(const std::string& file) {
  const Scenario base = scenario(file);
  const Calibration calibration(DataPaths{test::repository_path(".")});
  Diagnostics diagnostics;
  const auto laws = calibration.kernels(base.cluster.gpu, base.stack, diagnostics);
  LayoutFamily family(base, *laws, calibration.network(diagnostics));
  const std::vector<Scenario> layouts = like(base);
  REQUIRE(layouts.size() > 3);
  for (const Scenario& layout : layouts) {
    CAPTURE(layout.parallelism.pp);
    CAPTURE(static_cast<int>(layout.parallelism.schedule));
    const auto model = StepModel::make(layout, calibration, diagnostics);
    const int batch = layout.training.global_batch;
    const StepResult whole = model->step(batch, false);
    family.take(layout);
    CHECK(family.step().length == whole.length);
    CHECK(family.compute_floor() <= whole.length);
    CHECK(family.compute_floor().ps > 0);
    CHECK(family.memory().peak.value() ==
          doctest::Approx(memory_ledger(layout, model->work(), model->plan(batch)).peak.value()).epsilon(1e-12));
  }
}

}  // namespace

TEST_CASE("step, memory and lower bound of a family's layouts: a mixture of experts under DualPipe's stack") {
  check_family("deepseek_v3_h800.yaml");
}

TEST_CASE("step, memory and lower bound of a family's layouts: dense, tensor parallel") {
  check_family("llama3.1_70b_h100.yaml");
}

TEST_CASE("laws are read once and shared") {
  const Scenario base = scenario("llama3.1_8b_h100.yaml");
  const Calibration calibration(DataPaths{test::repository_path(".")});
  Diagnostics diagnostics;
  const auto first = calibration.kernels(base.cluster.gpu, base.stack, diagnostics);
  CHECK(first == calibration.kernels(base.cluster.gpu, base.stack, diagnostics));
  CHECK(calibration.network(diagnostics) == calibration.network(diagnostics));
  Gpu faster = base.cluster.gpu;  // the same id with another number is another GPU
  faster.tensor_factor = 1.1;
  CHECK(first != calibration.kernels(faster, base.stack, diagnostics));
}

TEST_CASE("a folder without calibration is an error every time") {
  const Scenario base = scenario("llama3.1_8b_h100.yaml");
  const Calibration nowhere(DataPaths{"/nowhere"});
  for (int i = 0; i < 2; ++i) {
    Diagnostics diagnostics;
    CHECK(nowhere.network(diagnostics) == nullptr);
    CHECK(nowhere.kernels(base.cluster.gpu, base.stack, diagnostics) == nullptr);
    CHECK(diagnostics.errors() >= 2);
  }
}
