#include "cost/ownership.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "near.hpp"
#include "scenario/catalogue.hpp"
#include "shared.hpp"

using namespace gpuhours;
using gpuhours::test::near;
using gpuhours::test::repository_path;

namespace {

/// One H100 hour of a DGX H100 (10.2 kW, 8 GPUs) by Epoch's method.
Scenario epoch_scenario(double server, double node_kw, double electricity) {
  Scenario s;
  s.pricing.method = PricingMethod::epoch;
  s.pricing.capital.server_per_gpu = Dollars(server);
  s.pricing.pue = 1.1;
  s.pricing.electricity = Dollars(electricity) / kKilowattHour;
  s.cluster.node.max_power = Watts(node_kw * 1000);
  s.cluster.node.gpus = 8;
  return s;
}

RunEstimate run_of(double gpu_hours, Seconds wall = kYear) {
  RunEstimate run;
  run.gpu_hours = gpu_hours;
  run.wall_time = wall;
  return run;
}

/// The part of `item` called `name`.
const CostItem& part(const CostItem& item, const std::string& name) {
  for (const CostItem& one : item.parts) {
    if (one.name == name) return one;
  }
  FAIL("no part " << name);
  return item;
}

/// 8 GPUs on 8 NICs at 4,000 USD an endpoint; a node of 8 kW.
Scenario owned_scenario() {
  Scenario s;
  s.pricing.method = PricingMethod::owned;
  s.pricing.capital.server_per_gpu = Dollars(30000);
  s.pricing.electricity = Dollars(0.1) / kKilowattHour;
  s.pricing.pue = 1.25;
  OwnershipTerms& t = s.pricing.terms;
  t.life = 5.0 * kYear;
  t.residual = 0.1;
  t.interest_per_year = 0.08;
  t.hosting = Dollars(150) / (kKilowattHour * 730.5);
  t.staff_per_year = 0.03;
  t.spares = 0.02;
  s.cluster.node.gpus = 8;
  s.cluster.node.nics = 8;
  s.cluster.node.max_power = Watts(8000);
  s.cluster.fabric.kind = FabricKind::fat_tree_two_layer;
  s.cluster.fabric.cost_per_endpoint = Dollars(4000);
  return s;
}

}  // namespace

TEST_CASE("Epoch's method: 1.62 USD an H100 hour") {
  // 33,750 x 0.14 x ln 10 / 8,766 = 33,750 x 0.3223619 / 8,766 = 1.24112 of hardware; / 0.81 = 1.53225 with the
  // network. 10.2 kW / 8 x 0.75 x 1.1 = 1.051875 kWh x 0.0826 = 0.08688 of energy. Together 1.61913.
  const CostEstimate cost = cost_estimate(epoch_scenario(33750, 10.2, 0.0826), run_of(1), 1);
  const CostItem& run = cost.tree.parts.front();
  CHECK(part(run, "servers").usd.value() == near(1.24112, 1e-5));
  CHECK((part(run, "servers").usd + part(run, "network").usd).value() == near(1.53225, 1e-5));
  CHECK(part(run, "electricity").usd.value() == near(0.086885, 1e-4));
  CHECK(cost.usd.value() == near(1.61913, 1e-5));
  CHECK((cost.rate * kHour).value() == near(1.61913, 1e-5));
  // 31,120: 31,120 x 0.3223619 / 8,766 / 0.81 = 1.41286; + 0.0869 = 1.4997.
  CHECK(cost_estimate(epoch_scenario(31120, 10.2, 0.0826), run_of(1), 1).usd.value() == near(1.4997, 1e-4));
  // A100 at 17,350: 17,350 x 0.3223619 / 8,766 / 0.81 = 0.78769; 6.5 / 8 x 0.75 x 1.1 x 0.0826 = 0.05537: 0.8431.
  CHECK(cost_estimate(epoch_scenario(17350, 6.5, 0.0826), run_of(1), 1).usd.value() == near(0.84306, 1e-4));
}

TEST_CASE("Epoch's method from a bare GPU: x 1.64") {
  Scenario s = epoch_scenario(0, 10.2, 0.0826);
  s.pricing.capital.gpu_price = Dollars(33750 / 1.64);
  CHECK(cost_estimate(s, run_of(1), 1).usd.value() == near(1.61913, 1e-5));
}

TEST_CASE("Epoch's worked check with the catalogue's DGX H100 and grid") {
  const std::string root = repository_path(".");
  Diagnostics diagnostics;
  Scenario s;
  s.pricing.method = PricingMethod::epoch;
  s.pricing.capital = *read_capital("dgx_h100_2023_05", root, diagnostics);
  s.pricing.electricity = read_grid("us_2025", root, diagnostics)->electricity;
  s.pricing.pue = 1.1;
  s.cluster.node = *read_node("hgx_h100", root, diagnostics);
  CHECK(cost_estimate(s, run_of(1), 1).usd.value() == near(1.62, 1e-3));
  // Low and high of the listings: 31,120 gives 1.4997; 36,000 gives 36,000 x 0.3223619 / 8,766 / 0.81 + 0.0869
  // = 1.7213.
  const auto range = cost_estimate(s, run_of(1), 1).range;
  REQUIRE(range.has_value());
  CHECK(range->low.value() == near(1.4997, 1e-4));
  CHECK(range->high.value() == near(1.72129, 1e-4));
}

TEST_CASE("owned, linear: each part of a GPU-year by hand") {
  // 8,766 GPU hours are a GPU-year. Server 30,000, spares 600, network 4,000: capital 34,600.
  const CostEstimate cost = cost_estimate(owned_scenario(), run_of(8766), 0.75);
  const CostItem& run = cost.tree.parts.front();
  const CostItem& depreciation = part(run, "depreciation");
  CHECK(part(depreciation, "servers").usd.value() == near(5400));  // 30,000 x 0.9 / 5
  CHECK(part(depreciation, "network").usd.value() == near(720));   // 4,000 x 0.9 / 5
  CHECK(part(depreciation, "spares").usd.value() == near(108));    // 600 x 0.9 / 5
  CHECK(depreciation.usd.value() == near(6228));
  CHECK(part(run, "interest").usd.value() == near(1522.4));             // 0.08 x 34,600 x (1 + 0.1) / 2
  CHECK(part(run, "hosting").usd.value() == near(1800));                // 1 kW x 150 x 12
  CHECK(part(run, "electricity").usd.value() == near(821.8125));        // 0.75 kW x 1.25 x 8,766 h x 0.1
  CHECK(part(run, "staff and maintenance").usd.value() == near(1038));  // 0.03 x 34,600
  CHECK(cost.usd.value() == near(11410.2125));
  CHECK((cost.rate * kHour).value() == near(11410.2125 / 8766));
}

TEST_CASE("idle hours are spread over those that train; electricity is not") {
  Scenario s = owned_scenario();
  s.pricing.terms.utilisation = 0.5;
  const CostEstimate cost = cost_estimate(s, run_of(8766), 0.75);
  CHECK(cost.usd.value() == near(2 * (11410.2125 - 821.8125) + 821.8125));
}

TEST_CASE("owned, declining: the value lost over the run") {
  // ln 2 a year: half the price in a year. A run of one year: 34,600 / 2; mean book value 0.5 / ln 2 = 0.721348.
  Scenario s = owned_scenario();
  s.pricing.terms.depreciation = Depreciation::declining;
  s.pricing.terms.decline_per_year = std::log(2.0);
  const CostItem run = cost_estimate(s, run_of(8766), 0.75).tree.parts.front();
  CHECK(part(run, "depreciation").usd.value() == near(17300));
  CHECK(part(run, "interest").usd.value() == near(0.08 * 0.7213475 * 34600));
}

TEST_CASE("the network: published cost of an endpoint, else counted switches and links") {
  Cluster cluster;
  cluster.node.gpus = 8;
  cluster.node.nics = 4;
  cluster.fabric.kind = FabricKind::fat_tree_two_layer;
  cluster.fabric.switch_ports = 64;
  cluster.fabric.endpoints = 2048;
  cluster.fabric.port_per_direction = BytesPerSecond(50e9);
  cluster.fabric.cost_per_endpoint = Dollars(4395);
  CHECK(network_price(cluster).per_gpu.value() == near(2197.5));  // half an endpoint a GPU
  cluster.fabric.cost_per_endpoint = {};
  // 96 switches x 36,000 + 2,048 links x 1,950 + 2,048 x 750 = 8,985,600; / 2,048 = 4,387.5.
  CHECK(network_price(cluster).per_gpu.value() == near(2193.75));
  CHECK(network_price(cluster).basis == "0.5 endpoints a GPU at 4388 USD, 96 switches, 2048 links counted");
  cluster.fabric.kind = FabricKind::none;
  CHECK(network_price(cluster).per_gpu.value() == 0);
}

TEST_CASE("the tree sums to the total, the multiplier stands in it") {
  Scenario s = owned_scenario();
  s.pricing.research_multiplier = 3;
  const CostEstimate cost = cost_estimate(s, run_of(8766), 0.75);
  CHECK(cost.usd.value() == near(11410.2125));  // the run alone
  CHECK(cost.with_research.value() == near(3 * 11410.2125));
  Dollars sum;
  for (const CostItem& item : cost.tree.parts) sum += item.usd;
  CHECK(sum.value() == near(cost.tree.usd.value()));
  CHECK(part(cost.tree, "experiments and failed runs").usd.value() == near(2 * 11410.2125));
}

TEST_CASE("rent: by phase, with low and high where the panel has them") {
  Scenario s;
  s.pricing.rent_per_gpu = Dollars(2.95) / kHour;
  s.pricing.low = Dollars(2) / kHour;
  s.pricing.high = Dollars(5) / kHour;
  RunEstimate run = run_of(100);
  run.phases = {{.name = "main", .gpu_hours = 90}, {.name = "post-training", .gpu_hours = 10}};
  const CostEstimate cost = cost_estimate(s, run, 1);
  CHECK(cost.usd.value() == near(295));
  CHECK(cost.range->low.value() == near(200));
  CHECK(cost.range->high.value() == near(500));
  const CostItem& rent = cost.tree.parts.front();
  CHECK(part(rent, "main").usd.value() == near(265.5));
  CHECK(part(rent, "post-training").usd.value() == near(29.5));
}
