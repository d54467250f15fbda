#include "report/explain_report.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "report/sample.hpp"

using namespace gpuhours;

namespace {

std::vector<Sensitivity> sensitivities() {
  return {{"HBM bandwidth", "memory_bandwidth x 1.1", 0.1, Seconds(19.7), -0.0113, 2.76e6},
          {"peak FLOPs", "peak_dense x 1.1", 0.1, Seconds(18.5), -0.0716, 2.59e6}};
}

}  // namespace

TEST_CASE("resources are listed by effect, parts of the step by size") {
  const Scenario scenario = test::sample_scenario();
  const Estimate estimate = test::sample_estimate();
  const std::string text = explain_text({scenario, estimate}, sensitivities(), {});
  CHECK(
      text.find(
          "A step takes 19.93 s; exposed communication 26.00 ms (0.13 %), bubble 2.060 s (10.3 %), pipeline rank 0.") !=
      std::string::npos);
  CHECK(text.find("peak FLOPs") < text.find("HBM bandwidth"));
  CHECK(text.find("overlapped forward") < text.find("waiting for another"));
}

TEST_CASE("JSON keeps the shares and the whole estimate") {
  const Scenario scenario = test::sample_scenario();
  const Estimate estimate = test::sample_estimate();
  const auto json = nlohmann::json::parse(explain_json({scenario, estimate}, sensitivities()));
  CHECK(json["bubble_share"] == doctest::Approx(2.06 / 19.926));
  CHECK(json["sensitivities"][1]["resource"] == "peak FLOPs");
  CHECK(json["sensitivities"][1]["change"] == -0.0716);
  CHECK(json["estimate"]["step"]["time_s"] == 19.926);
}
