#include "calibrate/stack_fit.hpp"

#include <doctest/doctest.h>

#include <boost/random/normal_distribution.hpp>

#include "core/random.hpp"

using namespace gpuhours;

namespace {

/// Rows of `groups` groups with `each` rows and one column a constant; residual = offset - J * truth + noise at x = 0.
FitRows synthetic(int groups, int each, const Eigen::VectorXd& truth, double noise, std::uint64_t seed) {
  RandomStream stream = random_stream(seed, "fit");
  boost::random::normal_distribution<double> normal(0, 1);
  FitRows rows;
  const Eigen::Index count = groups * each;
  rows.jacobian = Eigen::MatrixXd(count, truth.size());
  rows.residual = Eigen::VectorXd(count);
  rows.at = Eigen::VectorXd::Zero(truth.size());
  rows.low = Eigen::VectorXd::Constant(truth.size(), -100);
  rows.high = Eigen::VectorXd::Constant(truth.size(), 100);
  for (Eigen::Index i = 0; i < count; ++i) {
    rows.group.push_back(static_cast<int>(i) / each);
    rows.share.push_back(1);
    for (Eigen::Index j = 0; j < truth.size(); ++j) rows.jacobian(i, j) = 0.1 * normal(stream);
    rows.residual(i) = -rows.jacobian.row(i).dot(truth) + noise * normal(stream);
  }
  return rows;
}

Eigen::VectorXd vector(std::initializer_list<double> values) {
  Eigen::VectorXd out(static_cast<Eigen::Index>(values.size()));
  Eigen::Index i = 0;
  for (const double value : values) out(i++) = value;
  return out;
}

}  // namespace

TEST_CASE("constants that made the residuals are found again") {
  const Eigen::VectorXd truth = vector({1.0, -0.5, 0.3});
  const FittedConstants fit = fitted_constants(synthetic(100, 4, truth, 0.01, 7));
  for (Eigen::Index i = 0; i < truth.size(); ++i) {
    CHECK(std::abs(fit.x(i) - truth(i)) < 4 * std::sqrt(fit.covariance(i, i)));
    CHECK(std::abs(fit.x(i) - truth(i)) < 0.03);
  }
  CHECK(fit.spread.within == doctest::Approx(0.01).epsilon(0.15));
}

TEST_CASE("the prior holds back what few rows say: one row of weight w moves x by w j r / (w j j + 1)") {
  // One group of one row: within and between are at their floors, 0.005 each, so w = 1 / (2 x 0.005^2) = 20,000 times
  // the biweight: at the end the residual is 0.005 - 0.0939 x 0.001 = 0.0049061, of 0.0070711 a share of 0.69383, so (1
  // - (0.69383 / 4.685)^2)^2 = 0.95662.
  FitRows rows;
  rows.group = {0};
  rows.share = {1};
  rows.residual = vector({0.005});
  rows.jacobian = Eigen::MatrixXd::Constant(1, 1, 0.001);
  rows.at = vector({0});
  rows.low = vector({-10});
  rows.high = vector({10});
  const FittedConstants fit = fitted_constants(rows);
  // w j j = 20,000 x 1e-6 x 0.95662 = 0.0191324; x = -0.0191324 / 1.0191324 x 5 = -0.0938662; variance 1 / 1.0191324.
  CHECK(fit.x(0) == doctest::Approx(-0.0938662).epsilon(1e-4));
  CHECK(fit.covariance(0, 0) == doctest::Approx(1 / 1.0191324).epsilon(1e-5));
}

TEST_CASE("a wrong row does not pull") {
  FitRows rows = synthetic(40, 1, vector({0.5}), 0.01, 3);
  const double before = fitted_constants(rows).x(0);
  rows.residual(0) += 1.0;
  CHECK(std::abs(fitted_constants(rows).x(0) - before) < 0.03);
}

TEST_CASE("rows whose physics is missing have no pull at all, however many of a group they are") {
  FitRows rows = synthetic(60, 1, vector({0.5}), 0.01, 3);
  std::vector<bool> counts(60, true);
  for (int i = 0; i < 4; ++i) {
    rows.residual(i) -= 0.4;
    counts[static_cast<std::size_t>(i)] = false;
  }
  const double without = fitted_constants(rows, counts).x(0);
  CHECK(fitted_constants(rows).x(0) == doctest::Approx(without).epsilon(0.01));
}

TEST_CASE("a constant stays within its bounds and the others are fitted beside it") {
  FitRows rows = synthetic(60, 2, vector({1.0, -0.5}), 0.001, 5);
  rows.low(1) = 0;
  const FittedConstants fit = fitted_constants(rows);
  CHECK(fit.x(1) == 0);
  CHECK(fit.x(0) == doctest::Approx(1.0).epsilon(0.2));
}

TEST_CASE("rows that repeat a run share one vote") {
  FitRows once = synthetic(30, 1, vector({0.4}), 0.02, 9);
  FitRows twice = once;
  const Eigen::Index count = once.residual.size();
  twice.residual.conservativeResize(count + 1);
  twice.jacobian.conservativeResize(count + 1, 1);
  twice.residual(count) = once.residual(0);
  twice.jacobian.row(count) = once.jacobian.row(0);
  twice.group.push_back(once.group[0]);
  twice.share.push_back(0.5);
  twice.share[0] = 0.5;
  CHECK(fitted_constants(twice).x(0) == doctest::Approx(fitted_constants(once).x(0)).epsilon(1e-6));
}

TEST_CASE("a class left out is predicted as if its rows had never been there") {
  const FitRows all = synthetic(10, 1, vector({0.4}), 0.02, 11);
  std::vector<std::string> classes(10, "a");
  classes[9] = "b";
  FitRows fewer = all;
  fewer.residual.conservativeResize(9);
  fewer.jacobian.conservativeResize(9, 1);
  fewer.group.resize(9);
  fewer.share.resize(9);
  const double expected = all.residual(9) + all.jacobian(9, 0) * fitted_constants(fewer).x(0);
  CHECK(left_out_residuals(all, classes)(9) == doctest::Approx(expected).epsilon(1e-9));
}

TEST_CASE("rows that cannot carry the constants are refused with the rule") {
  const FitRows rows = synthetic(7, 3, vector({1.0, 1.0}), 0.01, 1);
  CHECK(too_few_rows(rows, {"gemm_factor", "step_overhead"}) ==
        "2 constants want 8 independent groups of runs (model x GPU count x precision), 4 each; there are 7");
  FitRows alike = synthetic(8, 1, vector({1.0, 1.0}), 0.01, 1);
  alike.jacobian.col(1) = 2 * alike.jacobian.col(0);
  alike.jacobian(0, 1) += 1e-6;
  CHECK(too_few_rows(alike, {"gemm_factor", "step_overhead"})
            .starts_with("these runs cannot tell gemm_factor and step_overhead apart (condition number "));
  FitRows blind = synthetic(8, 1, vector({1.0, 1.0}), 0.01, 1);
  blind.jacobian.col(1).setZero();
  CHECK(too_few_rows(blind, {"gemm_factor", "launch_gap"}) == "no run depends on launch_gap");
  CHECK(too_few_rows(synthetic(8, 1, vector({1.0, 1.0}), 0.01, 1), {"a", "b"}).empty());
}
