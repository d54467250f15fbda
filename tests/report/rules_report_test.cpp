#include "report/rules_report.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "report/compare_report.hpp"
#include "report/sample.hpp"

using namespace gpuhours;

namespace {

RuleMark mark(Treatment treatment, const std::string& released) {
  ExportFinding finding;
  finding.rule = "us_2022_10";
  finding.treatment = treatment;
  finding.class_name = treatment == Treatment::uncontrolled ? "" : "3A090";
  finding.because = treatment == Treatment::uncontrolled ? "" : "TPP 15831 >= 4800";
  return {"2023-03", released, finding};
}

}  // namespace

TEST_CASE("a mark says yes or no and why") {
  CHECK(mark_text(mark(Treatment::uncontrolled, "2023-03")) == "yes: uncontrolled");
  CHECK(mark_text(mark(Treatment::notice, "")) == "yes: free after 25 days' notice (NAC)");
  CHECK(mark_text(mark(Treatment::denial, "2022-09")) == "no: licence, presumption of denial");
  CHECK(mark_text(mark(Treatment::uncontrolled, "2024-04")) == "no: not released before 2024-04");
}

TEST_CASE("compared columns carry the marks in text, JSON and CSV") {
  Comparison comparison;
  comparison.results = {{"h800", test::sample_scenario(), test::sample_estimate()},
                        {"h100", test::sample_scenario(), test::sample_estimate()}};
  CHECK(nlohmann::json::parse(compare_json(comparison))["results"][0].contains("export") == false);
  comparison.marks = {mark(Treatment::uncontrolled, "2023-03"), mark(Treatment::denial, "2022-09")};
  const std::string text = compare_text(comparison, {});
  CHECK(text.find("may be sold, us_2022_10 at 2023-03") != std::string::npos);
  CHECK(text.find("no: licence, presumption of denial") != std::string::npos);
  const auto json = nlohmann::json::parse(compare_json(comparison));
  CHECK(json["results"][0]["export"]["may_be_sold"] == true);
  CHECK(json["results"][1]["export"]["may_be_sold"] == false);
  CHECK(json["results"][1]["export"]["treatment"] == "denial");
  CHECK(json["results"][1]["export"]["class"] == "3A090");
  CHECK(compare_csv(comparison).find("export.may_be_sold") != std::string::npos);
}
