#pragma once
// Constants of a stack from runs, in the units of their priors: x = distance from the profile's value in widths.
//   residual of row i   r_i(x) = log(predicted / measured), linear about where it was simulated: r_i + J_i (x - x0)
//   spread              s^2 of rows within a group, t^2 of groups about 0; a row of a group of n weighs 1 / (s^2 + n
//   t^2),
//                       a row that repeats a run in another release its share of that
//   loss                Tukey's biweight from Huber's minimum: a row beyond 4.685 standard deviations, whose physics is
//                       missing rather than a constant, has no pull
//   minimum             sum of w_i r_i(x)^2 + |x|^2, Gauss-Newton with constants held at the bounds that they run into
//   covariance          (J' W J + 1)^-1
// Spread and minimum are found in turns. A fit needs kGroupsPerConstant groups a constant and columns that the rows can
// tell apart. Input: residuals and Jacobian of simulated rows; output: x, covariance, spread.

#include <Eigen/Dense>
#include <cmath>
#include <string>
#include <vector>

namespace gpuhours {

/// Independent groups of runs (model x GPU count x precision) that one constant takes.
inline constexpr int kGroupsPerConstant = 4;
/// Largest condition number of J' W J, columns scaled to equal length.
inline constexpr double kLargestCondition = 1e4;

/// Simulated rows.
struct FitRows {
  std::vector<int> group;     ///< by row, any numbering
  std::vector<double> share;  ///< by row: 1 over the rows of its point
  Eigen::VectorXd residual;   ///< at `at`
  Eigen::MatrixXd jacobian;   ///< rows x constants, per width
  Eigen::VectorXd at;         ///< x where the rows were simulated
  Eigen::VectorXd low, high;  ///< bounds of x
};

struct FitSpread {
  double within = 0;   ///< s
  double between = 0;  ///< t
  [[nodiscard]] double total() const { return std::sqrt(within * within + between * between); }
};

struct FittedConstants {
  Eigen::VectorXd x;
  Eigen::MatrixXd covariance;
  Eigen::VectorXd residual;  ///< by row, of the linear model at x
  FitSpread spread;
  double condition = 1;
};

/// Rows of `counts` only (all when it is empty).
FittedConstants fitted_constants(const FitRows& rows, const std::vector<bool>& counts = {});

/// Residual of every row under a fit without the rows of its class in `left_out`.
Eigen::VectorXd left_out_residuals(const FitRows& rows, const std::vector<std::string>& left_out);

/// Why `constants` cannot be fitted to these rows; empty when they can.
std::string too_few_rows(const FitRows& rows, const std::vector<std::string>& constants);

}  // namespace gpuhours
