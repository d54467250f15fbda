#include "calibrate/stack_calibration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/order_statistics.hpp"
#include "report/number_text.hpp"
#include "scenario/catalogue.hpp"

namespace gpuhours {
namespace {

constexpr int kRounds = 6;
constexpr double kSettled = 0.02;     ///< widths
constexpr double kLeastError = 0.01;  ///< no step time is surer: two runs of one job differ by as much

std::vector<std::string> names_of(const std::vector<ConstantPrior>& priors) {
  std::vector<std::string> names;
  for (const ConstantPrior& prior : priors) names.push_back(prior.constant);
  return names;
}

/// Keeps column `index` out of the fit.
void drop(std::size_t index, const std::string& why, FitRows& rows, StackCalibration& out) {
  out.dropped.push_back(fmt::format("{}: {}", out.priors[index].constant, why));
  out.priors.erase(out.priors.begin() + static_cast<std::ptrdiff_t>(index));
  const auto keep = [&](auto& matrix) {
    for (Eigen::Index j = static_cast<Eigen::Index>(index); j + 1 < matrix.cols(); ++j)
      matrix.col(j) = matrix.col(j + 1);
    matrix.conservativeResize(Eigen::NoChange, matrix.cols() - 1);
  };
  keep(rows.jacobian);
  for (Eigen::VectorXd* vector : {&rows.at, &rows.low, &rows.high}) {
    Eigen::RowVectorXd row = vector->transpose();
    keep(row);
    *vector = row.transpose();
  }
}

/// Leaves the first constants that the rows can carry.
void drop_what_rows_cannot_carry(FitRows& rows, StackCalibration& out) {
  for (std::size_t i = out.priors.size(); i-- > 0;) {
    if (rows.jacobian.col(static_cast<Eigen::Index>(i)).cwiseAbs().maxCoeff() < 1e-9) {
      drop(i, "no run depends on it", rows, out);
    }
  }
  while (!out.priors.empty()) {
    const std::string why = too_few_rows(rows, names_of(out.priors));
    if (why.empty()) return;
    drop(out.priors.size() - 1, why, rows, out);
  }
}

std::optional<std::vector<ConstantPrior>> chosen_priors(const std::string& root,
                                                        const std::vector<std::string>& constants,
                                                        Diagnostics& diagnostics) {
  const std::vector<ConstantPrior> all = constant_priors(root, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  if (constants.empty()) return all;
  std::vector<ConstantPrior> chosen;
  for (const std::string& constant : constants) {
    const auto it =
        std::find_if(all.begin(), all.end(), [&](const ConstantPrior& p) { return p.constant == constant; });
    if (it != all.end()) {
      chosen.push_back(*it);
      continue;
    }
    const std::string near = nearest(constant, names_of(all));
    diagnostics.error({}, fmt::format("'{}' is no constant that can be fitted", constant),
                      near.empty() ? fmt::format("one of: {}", fmt::join(names_of(all), ", "))
                                   : fmt::format("did you mean '{}'?", near));
  }
  if (diagnostics.has_errors()) return std::nullopt;
  return chosen;
}

ConstantValues values_at(const StackCalibration& calibration, const Eigen::VectorXd& x) {
  ConstantValues out;
  for (std::size_t i = 0; i < calibration.priors.size(); ++i) {
    const ConstantPrior& prior = calibration.priors[i];
    out[prior.constant] = value_at(prior, calibration.profile.at(prior.constant), x(static_cast<Eigen::Index>(i)));
  }
  return out;
}

/// Gauss-Newton with the derivatives of the start: rows are simulated anew, derivatives are not.
void solve(const StackCalibrationOptions& options, const DataPaths& paths, StackCalibration& out,
           Diagnostics& diagnostics) {
  for (int round = 0; round < kRounds; ++round) {
    out.fit = fitted_constants(out.rows);
    const double moved = (out.fit.x - out.rows.at).cwiseAbs().maxCoeff();
    out.values = values_at(out, out.fit.x);
    out.rows.at = out.fit.x;
    out.rows.residual = residuals(out.runs, out.values, options.jobs, paths, diagnostics);
    if (diagnostics.has_errors() || moved < kSettled) break;
  }
  if (diagnostics.has_errors()) return;
  out.fit.residual = out.rows.residual;
}

std::vector<std::string> classes_of(const StackCalibration& calibration) {
  std::vector<std::string> out;
  for (const StackRun& run : calibration.runs) out.push_back(run.left_out);
  return out;
}

std::vector<double> variances_of(const StackCalibration& calibration) {
  std::vector<double> out;
  for (const StackRun& run : calibration.runs) out.push_back(run.model_variance);
  return out;
}

/// Standard error of a constant in its own unit.
double standard_error(const ConstantPrior& prior, double value, double variance) {
  const double width = prior.logarithmic ? value * prior.width : prior.width;
  return width * std::sqrt(std::max(0.0, variance));
}

double correlation(const Eigen::MatrixXd& covariance, Eigen::Index i, Eigen::Index j) {
  return covariance(i, j) / std::sqrt(covariance(i, i) * covariance(j, j));
}

StackFit stack_fit(const StackCalibration& calibration, const FittedConstants& fit, const ConstantValues& values) {
  StackFit out;
  out.rows = static_cast<int>(calibration.runs.size());
  out.groups = calibration.groups;
  for (std::size_t i = 0; i < calibration.priors.size(); ++i) {
    const ConstantPrior& prior = calibration.priors[i];
    const auto at = static_cast<Eigen::Index>(i);
    out.constants.push_back({prior.constant, standard_error(prior, values.at(prior.constant), fit.covariance(at, at))});
    for (Eigen::Index j = 0; j < at; ++j) {
      out.correlations.push_back({calibration.priors[static_cast<std::size_t>(j)].constant, prior.constant,
                                  correlation(fit.covariance, j, at)});
    }
  }
  return out;
}

std::string value_text(const std::string& constant, double value) {
  return is_time(constant) ? fmt::format("{:.6g} us", value * 1e6) : fmt::format("{:.6g}", value);
}

/// Root of the mean square and mean of the absolute, rows of a point sharing one vote.
struct Spread {
  double root_mean_square = 0;
  double mean_size = 0;
};
Spread spread(const Eigen::VectorXd& residual, const std::vector<double>& share) {
  const double total = std::accumulate(share.begin(), share.end(), 0.0);
  Spread out;
  for (std::size_t i = 0; i < share.size(); ++i) {
    const double r = residual(static_cast<Eigen::Index>(i));
    out.root_mean_square += share[i] * r * r / total;
    out.mean_size += share[i] * std::abs(std::expm1(r)) / total;
  }
  out.root_mean_square = std::sqrt(out.root_mean_square);
  return out;
}

}  // namespace

double covering_error(const Eigen::VectorXd& residual, const std::vector<double>& variance,
                      const std::vector<double>& share) {
  std::vector<std::pair<double, double>> needed;  // residual error that just covers the row, its vote
  double total = 0;
  for (std::size_t i = 0; i < share.size(); ++i) {
    const double size = residual(static_cast<Eigen::Index>(i)) / kNormalP90;
    needed.emplace_back(std::sqrt(std::max(0.0, size * size - variance[i])), share[i]);
    total += share[i];
  }
  std::sort(needed.begin(), needed.end());
  double below = 0;
  for (const auto& [error, vote] : needed) {
    below += vote;
    if (below >= 0.8 * total) return std::max(kLeastError, error);
  }
  return kLeastError;
}

std::optional<StackCalibration> stack_calibration(const std::vector<PublishedRun>& runs, const std::string& stack,
                                                  const StackCalibrationOptions& options, const DataPaths& paths,
                                                  Diagnostics& diagnostics) {
  const auto profile = read_stack_profile(stack, paths.root, diagnostics);
  auto priors = chosen_priors(paths.root, options.constants, diagnostics);
  if (!profile || !priors) return std::nullopt;
  StackCalibration out;
  out.stack = stack;
  out.priors = std::move(*priors);
  for (const ConstantPrior& prior : out.priors) out.profile[prior.constant] = constant_value(*profile, prior.constant);
  out.runs = stack_runs(runs, stack, options.tiers, options.jobs, paths, out.refused);
  std::set<std::string> groups;
  for (StackRun& run : out.runs) {
    // An earlier fit must leave no trace in what is not fitted now.
    for (const std::string& constant : constant_names()) {
      set_constant(constant, constant_value(*profile, constant), run.scenario.stack);
    }
    groups.insert(run.group);
  }
  out.groups = static_cast<int>(groups.size());
  if (out.groups < kGroupsPerConstant) {
    diagnostics.error({}, fmt::format("stack '{}': {} independent groups of runs (model x GPU count x precision); one "
                                      "constant wants {}",
                                      stack, out.groups, kGroupsPerConstant));
    return std::nullopt;
  }
  out.rows = fit_rows(out.runs, out.priors, *profile, out.profile, options.jobs, paths, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  out.before = out.rows.residual;
  if (options.constants.empty()) {
    drop_what_rows_cannot_carry(out.rows, out);
  } else if (const std::string why = too_few_rows(out.rows, options.constants); !why.empty()) {
    diagnostics.error({}, fmt::format("stack '{}': {}", stack, why));
    return std::nullopt;
  }
  solve(options, paths, out, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  out.left_out = left_out_residuals(out.rows, classes_of(out));
  out.step_error = covering_error(out.left_out, variances_of(out), out.rows.share);
  return out;
}

Stack without_class(const StackCalibration& calibration, const std::string& left_out, const Stack& stack) {
  std::vector<bool> counts;
  std::vector<double> share = calibration.rows.share;
  for (std::size_t i = 0; i < calibration.runs.size(); ++i) {
    counts.push_back(calibration.runs[i].left_out != left_out);
    if (!counts.back()) share[i] = 0;
  }
  const FittedConstants fit = fitted_constants(calibration.rows, counts);
  const ConstantValues values = values_at(calibration, fit.x);
  Stack out = stack;
  for (const auto& [constant, value] : values) set_constant(constant, value, out);
  out.step_error = covering_error(calibration.left_out, variances_of(calibration), share);
  out.fit = stack_fit(calibration, fit, values);
  return out;
}

std::string fit_yaml(const StackCalibration& calibration, const std::string& command) {
  const StackFit fit = stack_fit(calibration, calibration.fit, calibration.values);
  const std::vector<double>& share = calibration.rows.share;
  std::string out = fmt::format(
      "# Written by `{}`: laid over calibration/stacks/{}.yaml when the stack is read.\n"
      "# Standard deviation of log(predicted / measured): {:.4f} with the profile's values, {:.4f} fitted ({:.4f} "
      "within "
      "groups, {:.4f}\n# between), {:.4f} for every stack|model|gpu|precision predicted without it.\n",
      command, calibration.stack, spread(calibration.before, share).root_mean_square,
      spread(calibration.fit.residual, share).root_mean_square, calibration.fit.spread.within,
      calibration.fit.spread.between, spread(calibration.left_out, share).root_mean_square);
  for (const std::string& dropped : calibration.dropped) out += fmt::format("# not fitted: {}\n", dropped);
  for (const ConstantPrior& prior : calibration.priors) {
    out += fmt::format("{}: {}  # profile {}, prior's width {}\n", prior.constant,
                       value_text(prior.constant, calibration.values.at(prior.constant)),
                       value_text(prior.constant, calibration.profile.at(prior.constant)),
                       prior.logarithmic ? fmt::format("{:.3g} of the logarithm", prior.width)
                                         : value_text(prior.constant, prior.width));
  }
  out +=
      fmt::format("step_error: {:.4g}\nfit:\n  rows: {}\n  groups: {}\n", calibration.step_error, fit.rows, fit.groups);
  if (!fit.constants.empty()) out += "  constants:\n";
  for (const FittedConstant& one : fit.constants) {
    out += fmt::format("    - {{constant: {}, error: {:.6g}}}\n", one.constant, one.error);
  }
  if (!fit.correlations.empty()) out += "  correlations:\n";
  for (const FittedCorrelation& one : fit.correlations) {
    out += fmt::format("    - {{first: {}, second: {}, value: {:.4f}}}\n", one.first, one.second, one.value);
  }
  return out;
}

std::string stack_calibration_text(const StackCalibration& calibration, TextStyle style) {
  const std::vector<double>& share = calibration.rows.share;
  std::string out = bold(fmt::format("{}: {} constants from {} runs in {} groups", calibration.stack,
                                     calibration.priors.size(), calibration.runs.size(), calibration.groups),
                         style);
  out += fmt::format("\n{} runs refused; condition number {:.3g}\n\n", calibration.refused, calibration.fit.condition);
  TextTable table({"constant", "profile", "fitted", "standard error", "error over prior's width"});
  const StackFit fit = stack_fit(calibration, calibration.fit, calibration.values);
  for (std::size_t i = 0; i < calibration.priors.size(); ++i) {
    const ConstantPrior& prior = calibration.priors[i];
    const auto at = static_cast<Eigen::Index>(i);
    table.row({prior.constant, value_text(prior.constant, calibration.profile.at(prior.constant)),
               value_text(prior.constant, calibration.values.at(prior.constant)),
               value_text(prior.constant, fit.constants[i].error),
               fmt::format("{:.2f}", std::sqrt(calibration.fit.covariance(at, at)))});
  }
  out += table.text(style);
  for (const std::string& dropped : calibration.dropped) out += fmt::format("  not fitted: {}\n", dropped);
  TextTable errors({"log(predicted / measured)", "standard deviation", "mean absolute error"});
  const auto add = [&](const char* what, const Eigen::VectorXd& residual) {
    const Spread s = spread(residual, share);
    errors.row({what, fmt::format("{:.4f}", s.root_mean_square), percent_text(s.mean_size)});
  };
  add("profile's values", calibration.before);
  add("fitted", calibration.fit.residual);
  add("every group without it", calibration.left_out);
  return fmt::format("{}\n{}\nwithin groups {:.4f}, between {:.4f}; step_error {:.4f}\n", out, errors.text(style),
                     calibration.fit.spread.within, calibration.fit.spread.between, calibration.step_error);
}

}  // namespace gpuhours
