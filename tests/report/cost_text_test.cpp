#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "report/estimate_report.hpp"
#include "report/sample.hpp"

using namespace gpuhours;

namespace {

/// 300 USD of a run, half of it servers and network, and twice as much for experiments.
CostEstimate sample_cost() {
  CostEstimate cost;
  cost.usd = Dollars(300);
  cost.with_research = Dollars(900);
  CostItem depreciation{
      "depreciation", "linear", Dollars(150), {{"servers", "", Dollars(100), {}}, {"network", "", Dollars(50), {}}}};
  CostItem run{"run", "owned", Dollars(300), {depreciation, {"hosting", "1 kW", Dollars(150), {}}}};
  cost.tree = {"total", "USD", Dollars(900), {run, {"experiments and failed runs", "x 3", Dollars(600), {}}}};
  return cost;
}

}  // namespace

TEST_CASE("costs as a tree with subtotals") {
  CHECK(cost_tree_text(sample_cost(), {}) ==
        "  total                           $900.00  USD\n"
        "  ├─ run                          $300.00  owned\n"
        "  │  ├─ depreciation              $150.00  linear\n"
        "  │  │  ├─ servers                $100.00\n"
        "  │  │  └─ network                 $50.00\n"
        "  │  └─ hosting                   $150.00  1 kW\n"
        "  └─ experiments and failed runs  $600.00  x 3\n");
}

TEST_CASE("without experiments the run is the root") {
  CostEstimate cost = sample_cost();
  cost.tree.parts.pop_back();
  const std::string tree = cost_tree_text(cost, {});
  CHECK(tree.starts_with("  run "));
  CHECK(tree.find("$300.00  owned\n") == tree.find('\n') - std::string_view("$300.00  owned").size());
}

TEST_CASE("a multiplier is never hidden: summary line, section, JSON") {
  Scenario scenario = test::sample_scenario();
  Estimate estimate = test::sample_estimate();
  estimate.cost.tree = sample_cost().tree;
  estimate.cost.with_research = Dollars(3 * 5.576e6);
  CHECK(summary_line({scenario, estimate}).find("experiments") == std::string::npos);
  scenario.pricing.research_multiplier = 3;
  const Result result{scenario, estimate};
  CHECK(summary_line(result).ends_with("$5.58 M ($16.7 M with experiments and failed runs, x 3)"));
  CHECK(cost_section(result, {}).find("  research multiplier  3\n") != std::string::npos);
  const auto json = nlohmann::json::parse(estimate_json(result));
  CHECK(json["cost"]["research_multiplier"] == 3);
  CHECK(json["cost"]["tree"]["parts"][0]["parts"][1]["usd"] == 150);
  CHECK(json["cost"]["currency"] == "USD");
}
