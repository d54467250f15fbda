#include "report/compare_report.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "report/sample.hpp"

using namespace gpuhours;

namespace {

/// The sample, and the same 25 % slower and too large.
Comparison two_results() {
  Comparison comparison;
  std::vector<LabelledResult>& results = comparison.results;
  results = {{"h100_sxm", test::sample_scenario(), test::sample_estimate()},
             {"h20", test::sample_scenario(), test::sample_estimate()}};
  results[1].estimate.step.time = Seconds(19.926 * 1.25);
  results[1].estimate.memory.capacity = Bytes(1e9);
  return comparison;
}

}  // namespace

TEST_CASE("every result carries its label and its ratio to the first") {
  const auto json = nlohmann::json::parse(compare_json(two_results()));
  REQUIRE(json["results"].size() == 2);
  CHECK(json["results"][0]["label"] == "h100_sxm");
  CHECK(json["results"][0]["ratio_to_first"]["step"]["time_s"] == 1);
  CHECK(json["results"][1]["ratio_to_first"]["step"]["time_s"] == doctest::Approx(1.25));
  CHECK(json["results"][1]["ratio_to_first"]["cost"]["usd"] == 1);
  CHECK(json["results"][1]["step"]["time_s"] == doctest::Approx(24.9075));
}

TEST_CASE("a ratio to nothing is null") {
  Comparison comparison = two_results();
  comparison.results[0].estimate.cost.usd = {};
  CHECK(nlohmann::json::parse(compare_json(comparison))["results"][1]["ratio_to_first"]["cost"]["usd"].is_null());
}

TEST_CASE("the table stands side by side and marks what does not fit") {
  const std::string text = compare_text(two_results(), {});
  CHECK(text.find("  step time                       19.93 s           24.91 s  1.250\n") != std::string::npos);
  CHECK(text.find("h20 (INFEASIBLE)") != std::string::npos);
  CHECK(text.find("h20: DeepSeek-V3 on 2,048 H800: 2.79 M GPU hours") != std::string::npos);
}

TEST_CASE("CSV has a row each under one header") {
  const std::string csv = compare_csv(two_results());
  CHECK(csv.starts_with("label,layout,schema_version,"));
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 3);
}

TEST_CASE("a column without a price has no dollars, in text, JSON and CSV") {
  Comparison comparison = two_results();
  comparison.results[1].priced = false;
  const auto json = nlohmann::json::parse(compare_json(comparison));
  CHECK(json["results"][0]["cost"]["usd"].is_number());
  CHECK(json["results"][1]["cost"]["usd"].is_null());
  CHECK(json["results"][1]["ratio_to_first"]["cost"]["usd"].is_null());
  CHECK(json["results"][1]["interval"]["usd"].is_null());
  CHECK(compare_text(comparison, {}).find("h20: DeepSeek-V3 on 2,048 H800: 2.79 M GPU hours") != std::string::npos);
  CHECK(compare_text(comparison, {}).find(", no price known\n") != std::string::npos);
}

TEST_CASE("a refused column is named with its reason") {
  Comparison comparison = two_results();
  comparison.refused.push_back({"a100", "no FP8"});
  CHECK(compare_text(comparison, {}).find("a100: REFUSED: no FP8\n") != std::string::npos);
  const auto json = nlohmann::json::parse(compare_json(comparison));
  CHECK(json["refused"][0]["label"] == "a100");
  CHECK(json["refused"][0]["reason"] == "no FP8");
}

TEST_CASE("more than four columns stand as rows") {
  Comparison comparison = two_results();
  for (int i = 0; i < 3; ++i) comparison.results.push_back(comparison.results[0]);
  const std::string text = compare_text(comparison, {});
  CHECK(text.find("  step time") == std::string::npos);
  CHECK(text.find("  h100_sxm          ") != std::string::npos);
}

TEST_CASE("parts of a difference are printed as seconds, shares of the first's step and hours") {
  Comparison comparison = two_results();
  // 19.926 s x 1.25 is 4.9815 s more: 4 s and 0.9815 s, 20.1 % and 4.9 % of 19.926 s.
  comparison.results[1].attribution = Attribution{{{"compute", Seconds(4.0), 3e5}, {"HBM", Seconds(0.9815), -1e4}}, ""};
  const std::string text = compare_text(comparison, {});
  CHECK(text.find("+4.000 s") != std::string::npos);
  CHECK(text.find("+981.5 ms") != std::string::npos);
  CHECK(text.find("+4.982 s") != std::string::npos);
  CHECK(text.find("+20.1 %") != std::string::npos);
  CHECK(text.find("+25.0 %") != std::string::npos);
  CHECK(text.find("-10.0 K") != std::string::npos);
  const auto json = nlohmann::json::parse(compare_json(comparison));
  CHECK(json["results"][1]["attribution"]["parts"][0]["step_s"] == 4.0);
  CHECK(json["results"][1]["attribution"]["parts"][0]["share_of_step"] == doctest::Approx(4.0 / 19.926));
  CHECK(json["results"][0].contains("attribution") == false);
}
