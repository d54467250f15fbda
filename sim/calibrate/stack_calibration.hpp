#pragma once
// A stack's constants from published runs, as the file that is laid over its profile. Input: a table of runs, the id of
// a profile, calibration/stack_priors.yaml; output: the text of calibration/stacks/fits/ID.yaml and a report.

#include <optional>
#include <string>
#include <vector>

#include "calibrate/stack_rows.hpp"
#include "core/diagnostic.hpp"
#include "estimate/estimate.hpp"
#include "report/text_table.hpp"

namespace gpuhours {

struct StackCalibrationOptions {
  std::vector<std::string> constants;  ///< empty: those of the priors' file, in its order, that the rows can carry
  std::vector<int> tiers{1, 2};
  int jobs = 0;
};

/// A fit with what it was made from.
struct StackCalibration {
  std::string stack;
  std::vector<StackRun> runs;
  int refused = 0;
  int groups = 0;
  std::vector<ConstantPrior> priors;  ///< of the constants fitted
  ConstantValues profile;             ///< their values before
  ConstantValues values;              ///< and after
  FitRows rows;                       ///< simulated at `values`, with the derivatives at the profile's values
  FittedConstants fit;
  std::vector<std::string> dropped;  ///< constants that the rows cannot carry, each with the reason
  Eigen::VectorXd before;            ///< residuals with the profile's values
  Eigen::VectorXd left_out;          ///< residuals of every group without it
  double step_error = 0;
};

/// Empty with errors in `diagnostics`.
std::optional<StackCalibration> stack_calibration(const std::vector<PublishedRun>& runs, const std::string& stack,
                                                  const StackCalibrationOptions& options, const DataPaths& paths,
                                                  Diagnostics& diagnostics);

/// Residual standard deviation that puts 80 % of the rows inside their interval, rows of a point sharing one vote:
/// `residual` from a fit without them, `variance` what the laws are known to be off by.
double covering_error(const Eigen::VectorXd& residual, const std::vector<double>& variance,
                      const std::vector<double>& share);

/// Constants, step error and fit for the class of rows `left_out`, without these rows.
Stack without_class(const StackCalibration& calibration, const std::string& left_out, const Stack& stack);

/// `command` is named at the head of the file.
std::string fit_yaml(const StackCalibration& calibration, const std::string& command);
std::string stack_calibration_text(const StackCalibration& calibration, TextStyle style);

}  // namespace gpuhours
