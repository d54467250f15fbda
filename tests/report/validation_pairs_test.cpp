#include "report/validation_pairs.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace gpuhours;

namespace {

ValidationRow row(const char* id, const char* precision, int gpus, int batch, double measured, double predicted) {
  ValidationRow out;
  out.id = id;
  out.stack = "nemo";
  out.release = "24.07";
  out.model = "llama3-8b";
  out.gpu = "h100_sxm";
  out.precision = precision;
  out.gpus = gpus;
  out.global_batch = batch;
  out.layout = "tp 1";
  out.measured = Seconds(measured);
  out.predicted = Seconds(predicted);
  return out;
}

}  // namespace

TEST_CASE("the speed-up of FP8 is the BF16 time over the FP8 time") {
  ValidationReport report;
  report.rows = {row("a", "bf16", 8, 128, 12, 12), row("b", "fp8_current", 8, 128, 8, 7.5),
                 row("c", "fp8_current", 8, 64, 4, 4)};
  const RunPairs pairs = run_pairs(report);
  REQUIRE(pairs.size() == 1);
  CHECK(pairs[0].kind == "precision");
  CHECK(pairs[0].measured == doctest::Approx(1.5));
  CHECK(pairs[0].predicted == doctest::Approx(1.6));
  CHECK(pairs[0].error() == doctest::Approx(1.6 / 1.5 - 1));
  CHECK(pairs[0].label == "nemo 24.07 llama3-8b h100_sxm x 8: bf16 -> fp8_current");
}

TEST_CASE("weak and strong scaling compare tokens a second and GPU with the smallest size") {
  ValidationReport report;
  report.rows = {row("a", "bf16", 64, 128, 10, 10), row("b", "bf16", 128, 256, 10.5, 10.25),
                 row("c", "bf16", 128, 128, 5.5, 5.2)};
  const RunPairs pairs = run_pairs(report);
  REQUIRE(pairs.size() == 2);
  CHECK(pairs[0].kind == "strong");
  CHECK(pairs[0].measured == doctest::Approx(5.0 / 5.5));
  CHECK(pairs[0].predicted == doctest::Approx(5.0 / 5.2));
  CHECK(pairs[1].kind == "weak");
  CHECK(pairs[1].measured == doctest::Approx(10 / 10.5));
  CHECK(pairs[1].gpus_ratio == 2);
  const auto json = nlohmann::json::parse(pairs_json(pairs, {}));
  // log(10 / 10.5) / log 2
  CHECK(json["pairs"][1]["measured_slope"] == doctest::Approx(-0.0703893).epsilon(1e-4));
  CHECK(json["kinds"][2]["pairs"] == 1);
}

TEST_CASE("runs that differ in more than one thing are no pair") {
  ValidationReport report;
  report.rows = {row("a", "bf16", 8, 128, 12, 12), row("b", "fp8_current", 16, 256, 8, 7.5)};
  report.rows[1].release = "24.12";
  CHECK(run_pairs(report).empty());
  CHECK_NOTHROW(nlohmann::json::parse(pairs_json({}, {})));
}
