#include "report/metrics.hpp"

#include <doctest/doctest.h>

#include <set>

#include "report/sample.hpp"

using namespace gpuhours;

TEST_CASE("every metric has one name, a label and a meaning") {
  std::set<std::string_view> names;
  for (const auto& metric : metrics()) {
    CAPTURE(metric.name);
    CHECK(names.insert(metric.name).second);
    CHECK_FALSE(metric.label.empty());
    CHECK_FALSE(metric.meaning.empty());
  }
}

TEST_CASE("an interval has another label than its value") {
  std::set<std::string_view> labels;
  for (const auto& metric : metrics()) {
    if (!metric.name.starts_with("interval.")) labels.insert(metric.label);
  }
  for (const auto& metric : metrics()) {
    if (!metric.name.starts_with("interval.")) continue;
    CAPTURE(metric.label);
    CHECK_FALSE(labels.contains(metric.label));
    CHECK(metric.label.ends_with(", 80 % interval"));
  }
}

TEST_CASE("names say the unit") {
  for (const auto& metric : metrics()) {
    CAPTURE(metric.name);
    const bool named_s = metric.name.ends_with("_s") || metric.name.find("_s.") != std::string_view::npos;
    CHECK((metric.unit == "s") == named_s);
    CHECK((metric.unit == "bytes") == (metric.name.find("bytes") != std::string_view::npos));
    CHECK((metric.unit == "USD") == (metric.name.find("usd") != std::string_view::npos));
  }
}

TEST_CASE("values are read from the result") {
  const Scenario scenario = test::sample_scenario();
  const Estimate estimate = test::sample_estimate();
  const Result result{scenario, estimate};
  CHECK(std::get<double>(metric("step.time_s")->value(result)) == 19.926);
  CHECK(std::get<double>(metric("step.model_tflops_per_gpu")->value(result)) == doctest::Approx(385));
  CHECK(std::get<double>(metric("step.breakdown_s.bubble")->value(result)) == 2.06);
  CHECK(std::get<double>(metric("step.chunk_time_s.backward")->value(result)) == doctest::Approx(1.99));  // 1.5 + 0.49
  CHECK(std::get<std::int64_t>(metric("inputs.parallelism.dp")->value(result)) == 128);
  CHECK(std::get<double>(metric("energy.kwh")->value(result)) == doctest::Approx(3.2e6));
  CHECK(std::get<double>(metric("cost.usd_per_gpu_hour")->value(result)) == doctest::Approx(2));
  CHECK(std::holds_alternative<std::monostate>(metric("interval.usd")->value(result)));
  CHECK(metric("step.tim_s") == nullptr);
}

TEST_CASE("a result's own breakdown and the ranks' breakdowns have the same parts") {
  std::set<std::string> of_result;
  std::set<std::string> of_rank;
  for (const auto& metric : metrics()) {
    if (metric.name.starts_with("step.breakdown_s.")) of_result.emplace(metric.name.substr(17));
  }
  for (const auto& metric : breakdown_metrics()) of_rank.emplace(metric.name);
  CHECK(of_result == of_rank);
  CHECK(of_rank.size() == 11);
}

TEST_CASE("values print by unit") {
  CHECK(value_text(MetricValue(19.926), "s") == "19.93 s");
  CHECK(value_text(MetricValue(true), "") == "yes");
  CHECK(value_text(MetricValue(std::int64_t{2048}), "") == "2,048");
  CHECK(value_text(MetricValue{}, "s") == "-");
  CHECK(value_text(MetricValue(std::array<double, 2>{18, 22.5}), "s") == "18.00 s to 22.50 s");
  CHECK(value_text(MetricValue(3.2e6), "kWh") == "3.20 GWh");
}

TEST_CASE("names become keys") {
  CHECK(key_text("Master weights (FP32)") == "master_weights_fp32");
  CHECK(key_text("activations") == "activations");
}
