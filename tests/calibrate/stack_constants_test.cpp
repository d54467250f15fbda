#include "calibrate/stack_constants.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "calibrate/stack_calibration.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

/// Priors of a root whose file holds `yaml`, and the errors.
std::vector<ConstantPrior> priors_of(const std::string& yaml, std::string& errors) {
  const auto root = std::filesystem::temp_directory_path() / "gpuhours_priors_test";
  std::filesystem::create_directories(root / "calibration");
  std::ofstream(root / "calibration/stack_priors.yaml") << yaml;
  Diagnostics diagnostics;
  const auto out = constant_priors(root.string(), diagnostics);
  errors.clear();
  for (const Diagnostic& d : diagnostics.all()) {
    errors += std::to_string(d.place.line) + ":" + std::to_string(d.place.column) + " " + d.message + "\n";
  }
  std::filesystem::remove_all(root);
  return out;
}

}  // namespace

TEST_CASE("the shipped priors name every constant once, with its unit") {
  Diagnostics diagnostics;
  const auto priors = constant_priors(test::repository_path(""), diagnostics);
  CHECK_FALSE(diagnostics.has_errors());
  REQUIRE(priors.size() == constant_names().size());
  CHECK(priors.front().constant == "gemm_factor");
  for (const ConstantPrior& prior : priors) {
    CAPTURE(prior.constant);
    CHECK(prior.low < prior.high);
    CHECK(prior.width > 0);
    if (is_time(prior.constant)) CHECK(prior.high < 10);  // seconds, not microseconds
  }
}

TEST_CASE("every mistake in a file of priors comes with its place") {
  std::string errors;
  priors_of("gem_factor: {space: log}\nrank_variation: {space: cubic}\n", errors);
  CHECK(errors ==
        "1:1 'gem_factor' is no constant that can be fitted\n"
        "2:1 'rank_variation' needs `space: log` or `space: linear`\n");
  priors_of("step_overhead: {space: linear, width: 3, low: 0 s, high: 1 s}\n", errors);
  CHECK(errors.find("'3' needs a unit\n") != std::string::npos);
  CHECK(errors.find("'step_overhead' has no source") != std::string::npos);
}

TEST_CASE("distance from the centre in widths and back") {
  const ConstantPrior factor{.constant = "gemm_factor", .logarithmic = true, .width = 0.05};
  CHECK(prior_distance(factor, 1, std::exp(0.1)) == doctest::Approx(2));
  CHECK(value_at(factor, 2, 2) == doctest::Approx(2 * std::exp(0.1)));
  const ConstantPrior time{.constant = "step_overhead", .width = 0.1};
  CHECK(prior_distance(time, 0.1, 0.4) == doctest::Approx(3));
  CHECK(value_at(time, 0.1, 3) == doctest::Approx(0.4));
}

TEST_CASE("a constant is set and read where the stack holds it") {
  Stack stack;
  double value = 0.25;
  for (const std::string& name : constant_names()) {
    set_constant(name, value, stack);
    CHECK(constant_value(stack, name) == value);
    value += 0.25;
  }
  CHECK(stack.gemm_factor == 0.25);
  CHECK(stack.step_overhead == Seconds(1.0));
}

TEST_CASE("the covering error puts four of five rows inside") {
  // Sizes over 1.2816: 0.01, 0.02, 0.03, 0.04, 0.10; 80 % of five are four, so 0.04 covers. A known variance of 0.03^2
  // leaves sqrt(0.04^2 - 0.03^2) = 0.02646.
  Eigen::VectorXd residual(5);
  residual << 0.0128155, -0.0256310, 0.0384465, -0.0512621, 0.1281552;
  const std::vector<double> share(5, 1.0);
  CHECK(covering_error(residual, std::vector<double>(5, 0.0), share) == doctest::Approx(0.04).epsilon(1e-4));
  CHECK(covering_error(residual, std::vector<double>(5, 9e-4), share) == doctest::Approx(0.0264575).epsilon(1e-3));
}
