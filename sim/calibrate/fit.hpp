#pragma once
// Robust nonlinear least squares on log(predicted / measured), by Ceres.

#include <functional>
#include <string>
#include <vector>

namespace gpuhours {

struct FitParameter {
  std::string name;
  double start = 0;
  double low = 0;
  double high = 0;
  double scale = 1;    ///< typical size: the solver works in units of it
  bool fixed = false;  ///< stays at `start`
};

/// Predicted over measured of row `row` at these parameter values (above 0).
using RowRatio = std::function<double(const std::vector<double>& values, std::size_t row)>;

struct FitProblem {
  std::vector<FitParameter> parameters;
  std::vector<std::size_t> rows;    ///< indices that RowRatio knows
  std::vector<int> cluster_of_row;  ///< by index in `rows`
  RowRatio ratio;
};

struct FitResult {
  bool converged = false;
  std::vector<double> values;
  std::vector<double> errors;                   ///< standard errors, 0 for a fixed parameter or one at its bound
  std::vector<std::vector<double>> covariance;  ///< of all parameters
  std::vector<double> residuals;                ///< log(predicted / measured), by index in `rows`
};

/// `covariance` and `errors` are left empty without `with_errors`.
FitResult fit(const FitProblem& problem, bool with_errors);

inline constexpr double kLossScale = 0.05;

}  // namespace gpuhours
