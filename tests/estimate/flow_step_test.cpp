// The step of DeepSeek-V3 with its communication from the flow network. Published: 19.926 s over eight planes, 19.946 s
// multi-rail (technical report and ISCA 2025 paper, table 4).
#include <doctest/doctest.h>

#include "engine/contended_network.hpp"
#include "estimate/estimate.hpp"
#include "estimate/step_model.hpp"
#include "scenario/read_scenario.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

Scenario deepseek(const std::vector<std::string>& settings) {
  Diagnostics diagnostics;
  auto scenario = read_scenario(test::repository_path("scenarios/deepseek_v3_h800.yaml"), settings,
                                test::repository_path("."), diagnostics);
  INFO(text(diagnostics));
  REQUIRE(scenario);
  return *scenario;
}

Estimate estimated(const Scenario& scenario) {
  Diagnostics diagnostics;
  auto result = estimate(scenario, {test::repository_path(".")}, {}, diagnostics);
  INFO(text(diagnostics));
  REQUIRE(result);
  return *result;
}

}  // namespace

TEST_CASE("the step from the flow network lies within -12 and +5 % of the published one, and planes or rails are one") {
  const Estimate planes = estimated(deepseek({"engine.network=flow"}));
  const Estimate rails = estimated(deepseek({"engine.network=flow", "cluster.fabric=rail_ft2_ndr400"}));
  const double published = 19.926;
  CHECK(planes.step.time.value() > 0.88 * published);
  CHECK(planes.step.time.value() < 1.05 * published);
  CHECK(rails.step.time / planes.step.time == doctest::Approx(1).epsilon(0.01));
}

TEST_CASE(
    "without contention the flow network agrees with the analytic one; with it the step is longer by what is said") {
  const Estimate flow = estimated(deepseek({"engine.network=flow"}));
  const Estimate analytic = estimated(deepseek({}));
  REQUIRE(flow.network.contention_cost);
  CHECK(*flow.network.contention_cost > Seconds{});
  const Seconds without = flow.step.time - *flow.network.contention_cost;
  CHECK(without / analytic.step.time == doctest::Approx(1).epsilon(0.05));
  CHECK(analytic.network.model == NetworkModel::analytic);
  CHECK_FALSE(analytic.network.contention_cost);
  CHECK(analytic.network.contention.empty());
}

TEST_CASE("traffic that shares NICs is slower together, by no more than the other's time") {
  const NetworkReport report = estimated(deepseek({"engine.network=flow"})).network;
  REQUIRE(report.contention.size() == 9);
  CHECK(report.contention[0].what == "dispatch beside the pipeline send");
  CHECK(report.contention[1].what == "pipeline send beside dispatch");
  // One NIC carries both: whoever ends last takes both times, less the latency that runs side by side.
  for (const std::size_t i : {0, 2}) {
    const auto& expert = report.contention[i];
    const auto& send = report.contention[i + 1];
    CHECK(expert.together > expert.alone);
    CHECK(send.together > send.alone);
    CHECK(send.together <= expert.alone + send.alone);
    CHECK(send.together >= 0.95 * (expert.alone + send.alone));
  }
  CHECK(report.contention[4].what == "pipeline send, all groups at once");
  // Each data-parallel group keeps to its own rails: all at once cost nothing on a fabric of full bisection.
  CHECK(report.contention[5].what == "gradients, all groups at once");
  CHECK(report.contention[5].together / report.contention[5].alone == doctest::Approx(1).epsilon(0.01));
}

TEST_CASE("a send's delay is spread over the dispatches and combines of its chunk") {
  Diagnostics diagnostics;
  const Scenario scenario = deepseek({"engine.network=flow"});
  const auto model = StepModel::make(scenario, test::repository_path("calibration"), diagnostics);
  REQUIRE(model);
  const Communication dispatch = expert_traffic(model->work()).front();
  const auto met = model->flow()->contention({dispatch, pipeline_send(model->work())});
  // 58 MoE layers and the one of MTP on 16 stages: 2 x 59 / 16 = 7.375 dispatches and combines a send.
  const double delay = met.together[0] / met.alone[0] - 1;
  CHECK(model->network().time(dispatch).alone / model->flow()->time(dispatch).alone ==
        doctest::Approx(1 + delay / 7.375));
}

TEST_CASE("above an oversubscribed layer the sends of all pipelines slow each other down") {
  Diagnostics diagnostics;
  const auto scenario = read_scenario(test::repository_path("scenarios/llama3.1_405b_h100.yaml"),
                                      {"engine.network=flow"}, test::repository_path("."), diagnostics);
  REQUIRE(scenario);
  const NetworkReport report = estimated(*scenario).network;
  // A stage is 1,024 GPUs, a pod 3,072: every third hop leaves its pod, over links that are 1:7.
  REQUIRE(report.contention[0].what == "pipeline send, all groups at once");
  CHECK(report.contention[0].together > report.contention[0].alone);
  CHECK(report.contention[0].together <= 8 * report.contention[0].alone);
  // Gradients are reduced inside a pod.
  CHECK(report.contention[1].together / report.contention[1].alone == doctest::Approx(1).epsilon(0.01));
}
