#include "calibrate/fit.hpp"

#include <ceres/ceres.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cassert>
#include <cmath>
#include <map>

namespace gpuhours {

namespace {

/// All rows as one residual each; the solver sees free parameters only, in units of their scale.
class RowResidual {
 public:
  RowResidual(const FitProblem& problem, const std::vector<std::size_t>& free, std::size_t row)
      : problem_(problem), free_(free), row_(row) {}

  bool operator()(double const* const* x, double* residual) const {
    std::vector<double> values(problem_.parameters.size());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = problem_.parameters[i].start;
    for (std::size_t i = 0; i < free_.size(); ++i) {
      // Numeric differences step past a bound.
      values[free_[i]] = std::max(0.0, x[0][i] * problem_.parameters[free_[i]].scale);
    }
    residual[0] = std::log(problem_.ratio(values, row_));
    return std::isfinite(residual[0]);
  }

 private:
  const FitProblem& problem_;
  const std::vector<std::size_t>& free_;
  std::size_t row_;
};

std::vector<std::size_t> free_parameters(const FitProblem& problem) {
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < problem.parameters.size(); ++i) {
    if (!problem.parameters[i].fixed) free.push_back(i);
  }
  return free;
}

std::vector<double> residuals_at(const FitProblem& problem, const std::vector<double>& values) {
  std::vector<double> residuals;
  residuals.reserve(problem.rows.size());
  for (const std::size_t row : problem.rows) residuals.push_back(std::log(problem.ratio(values, row)));
  return residuals;
}

bool at_bound(const FitParameter& p, double value) {
  const double span = 1e-4 * (p.high - p.low);
  return value <= p.low + span || value >= p.high - span;
}

/// Weight of a residual under the soft-L1 loss: derivative of rho at r^2.
double weight(double residual) { return 1 / std::sqrt(1 + residual * residual / (kLossScale * kLossScale)); }

/// Sandwich covariance of the parameters that are free and inside their bounds.
void add_errors(const FitProblem& problem, FitResult& result) {
  const std::size_t count = problem.parameters.size();
  result.errors.assign(count, 0);
  result.covariance.assign(count, std::vector<double>(count, 0));
  std::vector<std::size_t> inner;
  for (std::size_t i = 0; i < count; ++i) {
    if (!problem.parameters[i].fixed && !at_bound(problem.parameters[i], result.values[i])) inner.push_back(i);
  }
  const auto rows = static_cast<Eigen::Index>(problem.rows.size());
  const auto columns = static_cast<Eigen::Index>(inner.size());
  if (columns == 0 || rows <= columns) return;
  Eigen::MatrixXd jacobian(rows, columns);
  for (Eigen::Index j = 0; j < columns; ++j) {
    const std::size_t at = inner[static_cast<std::size_t>(j)];
    const double step = 1e-4 * std::max(result.values[at], 0.01 * problem.parameters[at].scale);
    std::vector<double> up = result.values;
    std::vector<double> down = result.values;
    up[at] += step;
    down[at] -= step;
    const std::vector<double> high = residuals_at(problem, up);
    const std::vector<double> low = residuals_at(problem, down);
    for (Eigen::Index i = 0; i < rows; ++i) {
      const auto row = static_cast<std::size_t>(i);
      jacobian(i, j) = (high[row] - low[row]) / (2 * step) * problem.parameters[at].scale;
    }
  }
  Eigen::MatrixXd bread = Eigen::MatrixXd::Zero(columns, columns);
  std::map<int, Eigen::VectorXd> scores;
  for (Eigen::Index i = 0; i < rows; ++i) {
    const auto row = static_cast<std::size_t>(i);
    const double w = weight(result.residuals[row]);
    const Eigen::VectorXd j = jacobian.row(i).transpose();
    bread += w * j * j.transpose();
    auto [it, fresh] = scores.try_emplace(problem.cluster_of_row[row], Eigen::VectorXd::Zero(columns));
    it->second += w * result.residuals[row] * j;
  }
  Eigen::MatrixXd meat = Eigen::MatrixXd::Zero(columns, columns);
  for (const auto& [cluster, score] : scores) meat += score * score.transpose();
  const auto clusters = static_cast<double>(scores.size());
  const double small_sample = clusters > 1 ? clusters / (clusters - 1) : 1;
  const Eigen::MatrixXd inverse = bread.completeOrthogonalDecomposition().pseudoInverse();
  const Eigen::MatrixXd covariance = small_sample * inverse * meat * inverse;
  for (Eigen::Index a = 0; a < columns; ++a) {
    for (Eigen::Index b = 0; b < columns; ++b) {
      const std::size_t i = inner[static_cast<std::size_t>(a)];
      const std::size_t j = inner[static_cast<std::size_t>(b)];
      result.covariance[i][j] = covariance(a, b) * problem.parameters[i].scale * problem.parameters[j].scale;
    }
    const std::size_t i = inner[static_cast<std::size_t>(a)];
    result.errors[i] = std::sqrt(std::max(0.0, result.covariance[i][i]));
  }
}

}  // namespace

FitResult fit(const FitProblem& problem, bool with_errors) {
  assert(problem.rows.size() == problem.cluster_of_row.size());
  const std::vector<std::size_t> free = free_parameters(problem);
  FitResult result;
  for (const FitParameter& p : problem.parameters) result.values.push_back(p.start);
  if (!free.empty()) {
    std::vector<double> x;
    for (const std::size_t i : free) x.push_back(problem.parameters[i].start / problem.parameters[i].scale);
    ceres::Problem ceres_problem;
    for (const std::size_t row : problem.rows) {
      auto* cost =
          new ceres::DynamicNumericDiffCostFunction<RowResidual, ceres::CENTRAL>(new RowResidual(problem, free, row));
      cost->AddParameterBlock(static_cast<int>(x.size()));
      cost->SetNumResiduals(1);
      ceres_problem.AddResidualBlock(cost, new ceres::SoftLOneLoss(kLossScale), x.data());
    }
    for (std::size_t i = 0; i < free.size(); ++i) {
      const FitParameter& p = problem.parameters[free[i]];
      ceres_problem.SetParameterLowerBound(x.data(), static_cast<int>(i), p.low / p.scale);
      ceres_problem.SetParameterUpperBound(x.data(), static_cast<int>(i), p.high / p.scale);
    }
    ceres::Solver::Options options;
    options.linear_solver_type = ceres::DENSE_QR;
    options.max_num_iterations = 100;
    options.function_tolerance = 1e-7;
    options.num_threads = 1;  // the same bits on every machine
    options.logging_type = ceres::SILENT;
    ceres::Solver::Summary summary;
    ceres::Solve(options, &ceres_problem, &summary);
    result.converged = summary.IsSolutionUsable();
    for (std::size_t i = 0; i < free.size(); ++i) result.values[free[i]] = x[i] * problem.parameters[free[i]].scale;
  } else {
    result.converged = true;
  }
  result.residuals = residuals_at(problem, result.values);
  if (with_errors) add_errors(problem, result);
  return result;
}

}  // namespace gpuhours
