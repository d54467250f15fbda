#include "cost/cost.hpp"

#include <doctest/doctest.h>

using namespace gpuhours;

TEST_CASE("2.788 M H800 hours at 2 USD are 5.576 M USD") {
  Scenario scenario;
  scenario.pricing.rent_per_gpu = Dollars(2) / kHour;
  RunEstimate run;
  run.gpu_hours = 2.788e6;
  CHECK(cost_estimate(scenario, run, 0).usd.value() == doctest::Approx(5.576e6));
}

TEST_CASE("energy is node power x node hours x PUE, with its price and carbon") {
  Scenario scenario;
  scenario.cluster.node.gpus = 8;
  scenario.cluster.node.max_power = Watts(10200);
  scenario.pricing.pue = 1.2;
  scenario.pricing.electricity = Dollars(0.10) / kKilowattHour;
  scenario.pricing.carbon_kg_per_joule = 0.5 / kKilowattHour.value();
  RunEstimate run;
  run.gpu_hours = 2048;  // 256 node hours
  const CostEstimate cost = cost_estimate(scenario, run, 0.75);
  CHECK(cost.energy / kKilowattHour == doctest::Approx(2350.08));  // 256 x 10.2 x 0.75 x 1.2
  CHECK(cost.electricity.value() == doctest::Approx(235.008));
  CHECK(cost.carbon_kg == doctest::Approx(1175.04));
  CHECK(cost.usd == Dollars(0));
}
