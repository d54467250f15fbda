#include "estimate/uncertainty.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "estimate/estimate.hpp"
#include "scenario/read_scenario.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

Scenario llama(const std::vector<std::string>& overrides = {}) {
  Diagnostics diagnostics;
  const auto read = read_scenario(test::repository_path("scenarios/llama3.1_70b_h100.yaml"), overrides,
                                  test::repository_path("."), diagnostics);
  INFO(text(diagnostics));
  REQUIRE(read);
  return *read;
}

Estimate estimated(const Scenario& scenario) {
  Diagnostics diagnostics;
  const auto found = estimate(scenario, {test::repository_path(".")}, {}, diagnostics);
  INFO(text(diagnostics));
  REQUIRE(found);
  return *found;
}

double loading(const std::vector<ErrorFactor>& factors, const std::string& start) {
  const auto it =
      std::find_if(factors.begin(), factors.end(), [&](const ErrorFactor& f) { return f.name.starts_with(start); });
  return it == factors.end() ? 0 : it->loading;
}

}  // namespace

TEST_CASE("independent errors add in squares; common ones cancel in a ratio") {
  const std::vector<ErrorFactor> a = {{"kernels", 0.03}, {"stack", 0.04}};
  const std::vector<ErrorFactor> b = {{"kernels", 0.03}, {"residual", 0.12}, {"stack", 0.09}};
  CHECK(total_error(a) == doctest::Approx(0.05));
  CHECK(ratio_error(a, a) == 0);
  CHECK(ratio_error(a, b) == doctest::Approx(0.13));  // sqrt((0.04 - 0.09)^2 + 0.12^2)
}

TEST_CASE("80 % lie between the tenth and the ninetieth percentile of a log-normal") {
  const Interval interval = interval_80(10, 0.1);
  CHECK(interval.p10 == doctest::Approx(10 * std::exp(-0.12815516)).epsilon(1e-6));
  CHECK(interval.p90 == doctest::Approx(10 * std::exp(0.12815516)).epsilon(1e-6));
  CHECK(interval_80(10, 0).p10 == 10);
}

TEST_CASE("samples of one seed share the draws of common factors and have the stated spread") {
  const std::vector<ErrorFactor> a = {{"kernels", 0.03}, {"stack", 0.04}};
  const std::vector<ErrorFactor> b = {{"stack", 0.04}};
  const std::vector<ErrorFactor> k = {{"kernels", 0.03}};
  double squares = 0;
  const int count = 4000;
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::uint64_t>(i);
    const double ratio = std::log(sampled_ratio(a, 5, at));
    CHECK(std::log(sampled_ratio(b, 5, at)) + std::log(sampled_ratio(k, 5, at)) ==
          doctest::Approx(ratio).epsilon(1e-9));
    squares += ratio * ratio;
  }
  // Standard error of the standard deviation: 1 / sqrt(2 x 4,000) = 1.1 %.
  CHECK(std::sqrt(squares / count) == doctest::Approx(0.05).epsilon(0.045));
  CHECK(sampled_ratio(a, 5, 0) != sampled_ratio(a, 6, 0));
}

TEST_CASE("loadings are what a change of one standard deviation does to the simulated step") {
  struct Case {
    std::string constant;
    double error;
    std::function<void(Stack&, double)> add;
  };
  const std::vector<Case> cases = {
      {"gemm_factor", 0.01, [](Stack& s, double x) { s.gemm_factor += x; }},
      {"attention_factor", 0.01, [](Stack& s, double x) { s.attention_factor += x; }},
      {"memory_bound_factor", 0.01, [](Stack& s, double x) { s.memory_bound_factor += x; }},
      {"step_overhead", 0.01, [](Stack& s, double x) { s.step_overhead = s.step_overhead + Seconds(x); }},
      {"layer_overhead", 1e-5, [](Stack& s, double x) { s.layer_overhead = s.layer_overhead + Seconds(x); }},
      {"rank_variation", 0.001, [](Stack& s, double x) { s.rank_variation += x; }}};
  Scenario scenario = llama();
  const double before = estimated(scenario).step.time.value();
  for (const Case& one : cases) {
    CAPTURE(one.constant);
    scenario = llama();
    scenario.stack.fit = StackFit{.constants = {{one.constant, one.error}}};
    const double predicted = loading(estimated(scenario).errors, "stack " + scenario.stack.id + " " + one.constant);
    one.add(scenario.stack, one.error);
    CHECK(predicted == doctest::Approx(std::log(estimated(scenario).step.time.value() / before)).epsilon(0.1));
  }
}

TEST_CASE("correlated constants: opposite errors cancel") {
  Scenario scenario = llama();
  const auto both = [&](double correlation) {
    scenario.stack.fit = StackFit{.constants = {{"step_overhead", 0.01}, {"gemm_factor", 0.01}},
                                  .correlations = {{"step_overhead", "gemm_factor", correlation}}};
    double sum = 0;
    for (const ErrorFactor& factor : estimated(scenario).errors) {
      if (factor.name.starts_with("stack ")) sum += factor.loading * factor.loading;
    }
    return std::sqrt(sum);
  };
  scenario.stack.fit = StackFit{.constants = {{"step_overhead", 0.01}}};
  const double a = loading(estimated(scenario).errors, "stack ");
  scenario.stack.fit = StackFit{.constants = {{"gemm_factor", 0.01}}};
  const double b = loading(estimated(scenario).errors, "stack ");
  CHECK(both(0) == doctest::Approx(std::hypot(a, b)).epsilon(1e-4));
  CHECK(both(-1) == doctest::Approx(std::abs(a - b)).epsilon(0.02));
  CHECK(both(1) == doctest::Approx(a + b).epsilon(1e-3));
}

TEST_CASE("an estimate's intervals hold its values and hours that are given have no error") {
  const Estimate e = estimated(llama());
  REQUIRE(e.step_time_interval);
  CHECK(e.step_time_interval->p10 < e.step.time.value());
  CHECK(e.step_time_interval->p90 > e.step.time.value());
  const double share = e.step_time_interval->p90 / e.step.time.value();
  CHECK(e.gpu_hours_interval->p90 == doctest::Approx(e.run.gpu_hours * share).epsilon(1e-9));
  CHECK(e.usd_interval->p90 == doctest::Approx(e.cost.usd.value() * share).epsilon(1e-9));
}
