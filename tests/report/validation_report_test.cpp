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
  CHECK(all.p95 == doctest::Approx(0.285));    // 0.95 x 3 = 2.85: 20 + 0.85 x 10
  CHECK(all.worst == doctest::Approx(0.30));
  CHECK(all.bias == doctest::Approx(0.035));  // (10 - 20 + 30 - 6) / 4 %
  CHECK_FALSE(all.inside_80.has_value());
}

TEST_CASE("groups stand in alphabetical order") {
  const auto groups = statistics_by(four_rows(), group_of);
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
  CHECK(text.starts_with("4 runs predicted, 1 refused: MAPE 16.5 %, median 15 %, bias +3.5 %\n4 points: "));
  CHECK(text.ends_with("\n  refused  reason\n  5        vpp 2: interleaved schedules are not modelled\n"));
}

TEST_CASE("one layout in two releases is one point with the mean of its errors") {
  ValidationReport report = four_rows();
  for (ValidationRow& one : report.rows) one.layout = "tp " + one.id;
  report.rows[1].layout = report.rows[0].layout;
  report.rows[0].release = "24.07";
  report.rows[1].release = "24.12";
  const ErrorStatistics all = error_statistics(report);
  CHECK(all.rows == 4);
  CHECK(all.points == 3);
  CHECK(all.mape == doctest::Approx((0.05 + 0.30 + 0.06) / 3));  // mean of +10 and -20 % is -5 %
  CHECK(all.bias == doctest::Approx((-0.05 + 0.30 - 0.06) / 3));
  report.rows[1].global_batch = 64;
  CHECK(error_statistics(report).points == 4);
  const auto json = nlohmann::json::parse(validation_json(report));
  CHECK(json["all"]["rows"] == 4);
  CHECK(json["all"]["points"] == 4);
}

TEST_CASE("tier 3 stands apart") {
  ValidationReport report = four_rows();
  report.rows[3].tier = 3;
  CHECK(error_statistics(report).rows == 3);
  CHECK(tier_3_statistics(report).mape == doctest::Approx(0.06));
  CHECK(statistics_by(report, group_of).size() == 1);
}

TEST_CASE("tier 3 has a table a family, by stack, release and GPU") {
  ValidationReport report = four_rows();
  report.refused.clear();
  for (ValidationRow& one : report.rows) {
    one.tier = 3;
    one.stack = "megatron-lm";
    one.release = "core_r0.8.0";
    one.gpu = "h100_sxm";
  }
  report.rows[0].tier = 1;
  report.rows[3].gpu = "a100_sxm_80";
  report.rows[1].filled = {"vpp: 16 (a layer a chunk)", "mbs: 1"};
  const auto families = tier_3_families(report);
  REQUIRE(families.size() == 2);
  CHECK(families[0].group == "megatron-lm core_r0.8.0 a100_sxm_80");
  CHECK(families[1].rows == 2);
  CHECK(families[1].mape == doctest::Approx(0.25));  // -20 and +30 %
  CHECK(families[1].bias == doctest::Approx(0.05));
  const auto json = nlohmann::json::parse(validation_json(report));
  CHECK(json["tier_3_families"][1]["group"] == "megatron-lm core_r0.8.0 h100_sxm");
  const std::string text = validation_text(report, {});
  CHECK(text.starts_with("1 run predicted, 0 refused: MAPE 10 %"));
  CHECK(text.ends_with(
      "\n"
      "tier 3, megatron-lm core_r0.8.0 a100_sxm_80: 1 run, MAPE 6 %, bias -6.0 %\n"
      "  run  measured  predicted   error  80 % interval  guessed  fits  filled\n"
      "  4     20.00 s    18.80 s  -6.0 %              -      0 %   yes\n"
      "\n"
      "tier 3, megatron-lm core_r0.8.0 h100_sxm: 2 runs, MAPE 25 %, bias +5.0 %\n"
      "  run  measured  predicted    error  80 % interval  guessed  fits  filled\n"
      "  2     10.00 s    8.000 s  -20.0 %              -      0 %   yes  vpp: 16 (a layer a chunk); mbs: 1\n"
      "  3     10.00 s    13.00 s  +30.0 %              -      0 %   yes\n"));
  report.rows.erase(report.rows.begin());
  CHECK(validation_text(report, {}).starts_with("3 runs of tier 3 predicted, 0 refused: MAPE 18.7 %"));
}

TEST_CASE("rows by generation, kind and format") {
  ValidationReport report = four_rows();
  for (ValidationRow& one : report.rows) {
    one.generation = "hopper";
    one.precision = "fp8_block";
  }
  report.rows[0].precision = "fp8_delayed";
  report.rows[1].precision = "bf16";
  report.rows[2].mixture = true;
  std::vector<std::string> names;
  for (const ErrorStatistics& one : statistics_by(report, hardware_class_of)) names.push_back(one.group);
  CHECK(names == std::vector<std::string>{"hopper MoE fp8", "hopper dense bf16", "hopper dense fp8"});
}

TEST_CASE("the picture is one mark a run and one a stack in the legend") {
  ValidationReport report = four_rows();
  for (ValidationRow& one : report.rows) one.stack = "nemo";
  report.rows[0].stack = "maxtext";
  const std::string svg = validation_svg(report);
  std::size_t marks = 0;
  for (std::size_t at = svg.find("<circle"); at != std::string::npos; at = svg.find("<circle", at + 1)) ++marks;
  CHECK(marks == 6);
  CHECK(svg.starts_with("<svg "));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(svg.find(">maxtext</text>") != std::string::npos);
  CHECK_NOTHROW(validation_svg({}));
}
