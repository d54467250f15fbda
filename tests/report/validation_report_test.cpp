#include "report/validation_report.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace gpuhours;

namespace {

ValidationRow row(const char* id, const char* group, double measured, double predicted) {
  ValidationRow out;
  out.id = id;
  out.group = group;
  out.measured = Seconds(measured);
  out.predicted = Seconds(predicted);
  return out;
}

/// Errors +10 %, -20 %, +30 % in group a, -6 % in group b; one row refused.
ValidationReport four_rows() {
  ValidationReport report;
  report.rows = {row("1", "a", 10, 11), row("2", "a", 10, 8), row("3", "a", 10, 13), row("4", "b", 20, 18.8)};
  report.refused = {{"5", "vpp 2: interleaved schedules are not modelled"}};
  return report;
}

}  // namespace

TEST_CASE("statistics of all rows by hand") {
  const ErrorStatistics all = error_statistics(four_rows());
  CHECK(all.rows == 4);
  CHECK(all.mape == doctest::Approx(0.165));   // (10 + 20 + 30 + 6) / 4 %
  CHECK(all.median == doctest::Approx(0.15));  // between 10 and 20
  CHECK(all.p90 == doctest::Approx(0.27));     // 0.9 x 3 = 2.7: 20 + 0.7 x 10
  CHECK(all.worst == doctest::Approx(0.30));
  CHECK(all.bias == doctest::Approx(0.035));  // (10 - 20 + 30 - 6) / 4 %
  CHECK_FALSE(all.inside_80.has_value());
}

TEST_CASE("groups stand in alphabetical order") {
  const auto groups = group_statistics(four_rows());
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].group == "a");
  CHECK(groups[0].rows == 3);
  CHECK(groups[0].mape == doctest::Approx(0.2));
  CHECK(groups[1].worst == doctest::Approx(-0.06));
}

TEST_CASE("the share inside counts rows with an interval only") {
  ValidationReport report = four_rows();
  report.rows[0].interval = Interval{9, 12};
  report.rows[1].interval = Interval{7, 9};
  CHECK(error_statistics(report).inside_80 == doctest::Approx(0.5));
}

TEST_CASE("no rows give zeros, not a division by zero") {
  CHECK(error_statistics({}).rows == 0);
  CHECK(error_statistics({}).mape == 0);
  CHECK_NOTHROW(nlohmann::json::parse(validation_json({})));
}

TEST_CASE("the JSON object has the keys of DESIGN 3.3") {
  const auto json = nlohmann::json::parse(validation_json(four_rows()));
  for (const char* key : {"rows", "mape", "median", "p90", "worst", "bias", "inside_80"}) {
    CHECK(json["all"].contains(key));
    CHECK(json["groups"][1].contains(key));
  }
  CHECK(json["groups"][1]["group"] == "b");
  for (const char* key : {"id", "measured_s", "predicted_s", "error", "p10_s", "p90_s", "guessed_share"}) {
    CHECK(json["rows"][0].contains(key));
  }
  CHECK(json["rows"][1]["error"] == doctest::Approx(-0.2));
  CHECK(json["refused"][0]["id"] == "5");
  CHECK(json["refused"][0]["reason"] == "vpp 2: interleaved schedules are not modelled");
}

TEST_CASE("the text starts with a sentence and ends with what was refused") {
  const std::string text = validation_text(four_rows(), {});
  CHECK(text.starts_with("4 runs predicted, 1 refused: MAPE 16.5 %, median 15 %, bias +3.5 %\n"));
  CHECK(text.ends_with("\n  refused  reason\n  5        vpp 2: interleaved schedules are not modelled\n"));
}
