#include "report/compare_report.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "report/sample.hpp"

using namespace gpuhours;

namespace {

/// The sample, and the same 25 % slower and too large.
std::vector<LabelledResult> two_results() {
  std::vector<LabelledResult> results{{"h100_sxm", test::sample_scenario(), test::sample_estimate()},
                                      {"h20", test::sample_scenario(), test::sample_estimate()}};
  results[1].estimate.step.time = Seconds(19.926 * 1.25);
  results[1].estimate.memory.capacity = Bytes(1e9);
  return results;
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
  std::vector<LabelledResult> results = two_results();
  results[0].estimate.cost.usd = {};
  CHECK(nlohmann::json::parse(compare_json(results))["results"][1]["ratio_to_first"]["cost"]["usd"].is_null());
}

TEST_CASE("the table stands side by side and marks what does not fit") {
  const std::string text = compare_text(two_results(), {});
  CHECK(text.find("  step time                       19.93 s           24.91 s  1.250\n") != std::string::npos);
  CHECK(text.find("h20 (INFEASIBLE)") != std::string::npos);
  CHECK(text.find("h20: DeepSeek-V3 on 2,048 H800: 2.79 M GPU hours") != std::string::npos);
}

TEST_CASE("CSV has a row each under one header") {
  const std::string csv = compare_csv(two_results());
  CHECK(csv.starts_with("label,schema_version,"));
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 3);
}
