#include "plan/hold.hpp"

#include <doctest/doctest.h>

#include "scenario/layout_problem.hpp"
#include "scenario/read_scenario.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

const Calibration& calibration() {
  static const Calibration kShared(DataPaths{test::repository_path(".")});
  return kShared;
}

Scenario scenario(const std::string& file, const std::vector<std::string>& overrides = {}) {
  Diagnostics diagnostics;
  auto found =
      read_scenario(test::repository_path("scenarios/" + file), overrides, test::repository_path("."), diagnostics);
  REQUIRE_MESSAGE(found.has_value(), text(diagnostics));
  return *found;
}

Estimate estimated(const Scenario& s) {
  Diagnostics diagnostics;
  auto found = estimate(s, calibration(), {}, diagnostics);
  REQUIRE_MESSAGE(found.has_value(), text(diagnostics));
  return *found;
}

Scenario small() { return scenario("llama3.1_8b_h100.yaml", {"cluster.fabric=rail_ft2_ndr400"}); }

}  // namespace

TEST_CASE("numbers of GPUs are whole data-parallel ranks that divide the batch") {
  Scenario s = small();
  s.parallelism.tp = 1;
  s.parallelism.pp = 1;
  s.parallelism.cp = 2;
  s.training.global_batch = 48;
  s.training.micro_batch = 2;
  // 24 rounds: dp 1, 2, 3, 4, 6, 8, 12, 24 times cp 2; above 8 GPUs only whole nodes of 8.
  CHECK(runnable_gpus(s) == std::vector<int>{2, 4, 6, 8, 16, 24, 48});
}

TEST_CASE("days of the column itself keep its GPUs") {
  const Scenario s = small();
  const Estimate own = estimated(s);
  std::string refused;
  const auto held = with_days(s, own, own.run.wall_time, calibration(), 1, refused);
  REQUIRE(held);
  CHECK(held->scenario.cluster.gpus == s.cluster.gpus);
  CHECK(held->off == 0);
  CHECK(held->estimate.step.time == own.step.time);
}

TEST_CASE("no other number of GPUs is nearer in days") {
  const Scenario s = small();
  const Estimate own = estimated(s);
  const Seconds days = own.run.wall_time / 3;
  std::string refused;
  const auto held = with_days(s, own, days, calibration(), 2, refused);
  REQUIRE(held);
  CHECK(held->off == doctest::Approx(held->estimate.run.wall_time / days - 1));
  const double chosen = std::abs(std::log(held->estimate.run.wall_time / days));
  for (const int gpus : runnable_gpus(s)) {
    Scenario other = s;
    other.cluster.gpus = gpus;
    const Estimate e = estimated(other);
    if (e.memory.fits()) CHECK(chosen <= std::abs(std::log(e.run.wall_time / days)));
  }
}

TEST_CASE("dollars of the column itself keep its tokens, twice the dollars buy twice the tokens") {
  Scenario s = small();
  s.training.ramp = {};
  s.training.phases.clear();
  s.pricing.rent_per_gpu = DollarsPerSecond(2.0 / 3600);
  const Estimate own = estimated(s);
  std::string refused;
  const auto same = with_dollars(s, own, own.cost.usd, calibration(), refused);
  REQUIRE(same);
  CHECK(same->scenario.training.tokens == s.training.tokens);
  const auto twice = with_dollars(s, own, 2 * own.cost.usd, calibration(), refused);
  REQUIRE(twice);
  CHECK(twice->scenario.training.tokens == doctest::Approx(2 * s.training.tokens).epsilon(1e-9));
  CHECK(twice->estimate.cost.usd.value() == doctest::Approx(2 * own.cost.usd.value()).epsilon(1e-9));
  CHECK(std::abs(twice->off) < 1e-9);
}

TEST_CASE("after a ramp and beside given phases the dollars are met too") {
  const Scenario s = scenario("deepseek_v3_h800.yaml");
  const Estimate own = estimated(s);
  std::string refused;
  const auto held = with_dollars(s, own, 0.8 * own.cost.usd, calibration(), refused);
  REQUIRE_MESSAGE(held.has_value(), refused);
  CHECK(held->estimate.cost.usd.value() == doctest::Approx(0.8 * own.cost.usd.value()).epsilon(1e-9));
  CHECK(held->scenario.training.tokens < s.training.tokens);
  CHECK_FALSE(with_dollars(s, own, 0.01 * own.cost.usd, calibration(), refused));
  CHECK(refused.find(" buys no more than the batch ramp") != std::string::npos);
}

TEST_CASE("dollars that do not exist cannot be held") {
  Scenario s = small();
  s.pricing.rent_per_gpu = {};
  std::string refused;
  CHECK_FALSE(with_dollars(s, estimated(s), Dollars(1e6), calibration(), refused));
  CHECK(refused == "no rent to hold: its price is 0");
}
