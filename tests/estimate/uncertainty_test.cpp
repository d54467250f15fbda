#include "estimate/uncertainty.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

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
  const std::vector<std::pair<std::string, std::string>> cases = {{"gemm_factor", "1.01"},
                                                                  {"memory_bound_factor", "1.01"},
                                                                  {"step_overhead", "10 ms"},
                                                                  {"rank_variation", "0.001"}};
  const double before = estimated(llama()).step.time.value();
  for (const auto& [constant, value] : cases) {
    CAPTURE(constant);
    Scenario scenario = llama();
    scenario.stack.fit = StackFit{.constants = {{constant, constant == "rank_variation" ? 0.001 : 0.01}}};
    const double predicted = loading(estimated(scenario).errors, "stack " + scenario.stack.id + " " + constant);
    const double after = estimated(llama({"stack." + constant + "=" + value})).step.time.value();
    // The base profile may have fitted values: then the change is not one of 0.01; compare only where it starts at
    // none.
    const bool from_default = constant == "step_overhead"    ? llama().stack.step_overhead.value() == 0
                              : constant == "rank_variation" ? llama().stack.rank_variation == 0
                              : constant == "gemm_factor"    ? llama().stack.gemm_factor == 1
                                                             : llama().stack.memory_bound_factor == 1;
    if (!from_default) continue;
    CHECK(predicted == doctest::Approx(std::log(after / before)).epsilon(0.1));
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
