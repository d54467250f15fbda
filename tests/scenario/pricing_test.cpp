// pricing: prices looked up, methods that lack a figure, grids, caps.

#include <doctest/doctest.h>

#include "near.hpp"
#include "scenario/fixture.hpp"

using namespace gpuhours;
using gpuhours::test::errors_of;
using gpuhours::test::kGood;
using gpuhours::test::near;
using gpuhours::test::repository_path;
using gpuhours::test::scenario_of;

namespace {

const std::string kRoot = repository_path(".");
const std::string kDeepSeek = repository_path("scenarios/deepseek_v3_h800.yaml");

/// Errors of the DeepSeek scenario with the project's catalogue.
std::string deepseek_errors(const std::vector<std::string>& overrides) {
  Diagnostics diagnostics;
  read_scenario(kDeepSeek, overrides, kRoot, diagnostics);
  return text(diagnostics);
}

Pricing deepseek_pricing(const std::vector<std::string>& overrides) {
  Diagnostics diagnostics;
  const auto scenario = read_scenario(kDeepSeek, overrides, kRoot, diagnostics);
  REQUIRE_MESSAGE(scenario.has_value(), text(diagnostics));
  return scenario->pricing;
}

}  // namespace

TEST_CASE("a price is found by provider, commitment and date; the GPU is the cluster's") {
  CHECK(deepseek_pricing({"pricing={provider: CR8DL, date: 2025-03}"}).id == "cr8dl_h800_2025_03");
  CHECK(deepseek_pricing({"cluster.gpu=h100_sxm", "pricing={provider: Lambda, date: 2024-09}"}).id ==
        "lambda_h100_2024_09");
  CHECK(deepseek_pricing({"pricing={provider: AWS, gpu: a100_sxm_80, commitment: 3y, date: 2022-08}"}).id ==
        "aws_p4de_3y_2022_08");
}

TEST_CASE("over an id, what is not given is that entry's") {
  CHECK(deepseek_pricing({"pricing=lambda_h100_2024_07", "pricing.date=2024-11"}).id == "lambda_h100_2024_11");
  CHECK(deepseek_pricing({"pricing=gcp_a3_2025_03", "pricing.commitment=3y"}).id == "gcp_a3_3y_2025_03");
  // Other keys stay over what is found.
  CHECK(deepseek_pricing({"pricing=lambda_h100_2024_07", "pricing.date=2024-11", "pricing.pue=1.4"}).pue == 1.4);
}

TEST_CASE("a price that is missing names the nearest") {
  CHECK(deepseek_errors({"pricing={provider: Lambda, gpu: h100_sxm, date: 2024-08}"}) ==
        "--set: error: no price of 'Lambda' for h100_sxm, on_demand, 2024-08\n"
        "  | pricing={provider: Lambda, gpu: h100_sxm, date: 2024-08}\n"
        "  |                                                 ^\n"
        "  = the nearest is lambda_h100_2024_07: Lambda, h100_sxm, on_demand, 2024-07\n");
}

TEST_CASE("a look-up without a provider or date, or with another form of date") {
  CHECK(deepseek_errors({"pricing={provider: Lambda}"}).find("provider and date; pricing.date is missing") !=
        std::string::npos);
  CHECK(deepseek_errors({"pricing={date: 2024-07}"}).find("pricing.provider is missing") != std::string::npos);
  CHECK(deepseek_errors({"pricing={provider: Lambda, date: July}"}).find("'July' is not a month") != std::string::npos);
}

TEST_CASE("own prices are not looked up") {
  const Scenario s = scenario_of(kGood + "pricing: {provider: me, date: 2026-01, rent_per_gpu: 1.5 USD/GPU/h}\n");
  CHECK(s.pricing.rent_per_gpu.value() == 1.5 / 3600);
  CHECK(s.pricing.provider == "me");
}

TEST_CASE("owned needs capital, terms and electricity, all said at once") {
  const std::string errors = errors_of(kGood + "pricing: {method: owned}\n");
  for (const char* key : {"pricing.capital", "pricing.electricity", "pricing.terms"}) {
    CHECK(errors.find(std::string("'pricing.method: owned' needs '") + key + "'") != std::string::npos);
  }
  CHECK(errors.find("scenarios/s.yaml:15:19: error: ") == 0);
}

TEST_CASE("capital, terms and grid are catalogue entries; the grid stands for the price list's electricity") {
  const Pricing p = deepseek_pricing({"pricing.method=owned", "pricing.capital=hgx_h800_cn_2023_03",
                                      "pricing.terms=neocloud_us_2024", "pricing.grid=us_2023"});
  CHECK(p.capital.server_per_gpu.value() == 35000);
  CHECK(p.terms.life.value() == 6 * 365.25 * 86400);
  // 184.06 USD for 1 kW through a month of 730.5 h: 184.06 / (730.5 x 3.6e6) USD a joule.
  CHECK(p.terms.hosting.value() == near(184.06 / (730.5 * 3.6e6)));
  CHECK(p.carbon_kg_per_joule == near(0.369 / 3.6e6));
  CHECK(p.electricity.value() == near(0.0806 / 3.6e6));
}

TEST_CASE("other money than USD and a multiplier below 1 are refused") {
  CHECK(errors_of(kGood + "pricing: {currency: CNY}\n").find("CNY") != std::string::npos);
  CHECK(errors_of(kGood + "pricing: {research_multiplier: 0.5}\n").find("from 1 to 1000000") != std::string::npos);
}

TEST_CASE("caps cut a GPU of a scenario") {
  Diagnostics diagnostics;
  const auto s = read_scenario(kDeepSeek, {"cluster.gpu.caps={tpp: 4799, nvlink_total: 400 GB/s}"}, kRoot, diagnostics);
  REQUIRE_MESSAGE(s.has_value(), text(diagnostics));
  CHECK(processing_performance(s->cluster.gpu).tpp == near(4799));
}
