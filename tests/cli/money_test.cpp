// Export rules, prices and claims as a user meets them.

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cli/program.hpp"

using namespace gpuhours::test;
using Json = nlohmann::json;

TEST_CASE("show GPU --rules prints the class under each rule") {
  const Outcome text = program("show h20 --rules");
  CHECK(text.code == 0);
  CHECK(text.out.find("licence required") != std::string::npos);
  const Json json = Json::parse(program("show h20 --rules --format json").out);
  CHECK(json["tpp"] == doctest::Approx(2368));  // 296 x 8
  CHECK(json["rules"].size() == 5);
  CHECK(json["rules"][1]["treatment"] == "uncontrolled");
  CHECK(json["rules"][3]["class"] == "bandwidth letter");
  const Json dated = Json::parse(program("show h800_sxm --rules --date 2023-03 --format json").out);
  CHECK(dated["rules"].size() == 1);
  CHECK(dated["in_force"] == "us_2022_10");
  CHECK(dated["rules"][0]["may_be_sold"] == true);
}

TEST_CASE("hypothetical chips: --set and a file") {
  const Json set = Json::parse(program("show h100_sxm --rules --format json --set 'caps.nvlink_total=400 GB/s'").out);
  CHECK(set["rules"][0]["may_be_sold"] == true);  // what the H800 did
  const ScratchFolder scratch;
  std::ofstream(scratch.file("mine.yaml"))
      << "extends: b200\nid: mine\ncaps: {tpp: 20999, memory_bandwidth: 6400 GB/s}\n";
  const Json file = Json::parse(program("show '" + scratch.file("mine.yaml") + "' --rules --format json").out);
  CHECK(file["gpu"] == "mine");
  CHECK(file["tpp"] == doctest::Approx(20999));
  CHECK(file["rules"][4]["treatment"] == "case_by_case");
  const Outcome estimated = program("estimate " + deepseek() + " --format json --set cluster.gpu.caps.tpp=4799");
  const Json whole = Json::parse(program("estimate " + deepseek() + " --format json").out);
  CHECK(Json::parse(estimated.out)["step"]["time_s"].get<double>() > 1.3 * whole["step"]["time_s"].get<double>());
}

TEST_CASE("mistakes of show --rules") {
  CHECK(program("show h20 --date 2023-03").err ==
        "error: --date needs --rules\n  = gpuhours show GPU --rules --date 2023-03\n");
  CHECK(program("show h20 --rules --date 2023").code == 2);
  CHECK(program("show deepseek-v3 --rules").err == "error: --rules takes a GPU, 'deepseek-v3' is a model\n");
}

TEST_CASE("compare --rule marks what may be sold; a rule needs a date that is not before it") {
  const std::string compare = "compare " + deepseek() + " --vary cluster.gpu=h800_sxm,h100_sxm ";
  const Json json = Json::parse(program(compare + "--rule us_2022_10 --date 2023-03 --format json").out);
  CHECK(json["results"][0]["export"]["may_be_sold"] == true);
  CHECK(json["results"][1]["export"]["may_be_sold"] == false);
  const Outcome without = program(compare + "--rule us_2022_10");
  CHECK(without.code == 2);
  CHECK(without.err == "error: --rule us_2022_10 needs a date\n  = for example --date 2023-03\n");
  const Outcome before = program(compare + "--rule us_2022_10 --date 2022-09");
  CHECK(before.code == 2);
  CHECK(before.err == "error: --date 2022-09 lies before rule us_2022_10 of 2022-10-07\n");
  const Outcome unknown = program(compare + "--rule us_2022_1 --date 2023-03");
  CHECK(unknown.code == 2);
  CHECK(unknown.err.starts_with("error: unknown rule 'us_2022_1'\n  = did you mean 'us_2022_10'?"));
  CHECK(program(compare + "--date 2023-03").code == 2);
}

TEST_CASE("a price that is missing is bad input and names the nearest") {
  const Outcome missing = program("estimate " + deepseek() + " --set 'pricing={provider: Lambda, date: 2024-08}'");
  CHECK(missing.code == 2);
  CHECK(missing.err.find("no price of 'Lambda' for h800_sxm, on_demand, 2024-08") != std::string::npos);
  CHECK(missing.err.find("the nearest is ") != std::string::npos);
}

TEST_CASE("owned cost: a tree that sums, low and high through to the result") {
  const Json json =
      Json::parse(program("estimate " + deepseek() +
                          " --format json --set pricing.method=owned --set pricing.capital=dgx_h800_2025_02"
                          " --set pricing.terms=neocloud_us_2024 --set pricing.research_multiplier=2")
                      .out);
  const Json& cost = json["cost"];
  const Json& run = cost["tree"]["parts"][0];
  double sum = 0;
  for (const Json& part : run["parts"]) sum += part["usd"].get<double>();
  CHECK(sum == doctest::Approx(cost["usd"].get<double>()));
  CHECK(cost["usd_low"].get<double>() < cost["usd"].get<double>());
  CHECK(cost["usd_with_research"].get<double>() == doctest::Approx(2 * cost["usd"].get<double>()));
  CHECK(cost["price_date"] == "2025-02");
  CHECK(cost["method"] == "owned");
}

TEST_CASE("claims: every verdict is borne out") {
  const Outcome all = program("claims --format json");
  CHECK(all.code == 0);
  const Json json = Json::parse(all.out);
  CHECK(json["claims"].size() == 8);
  for (const Json& claim : json["claims"]) CHECK(claim["holds"] == true);
}
