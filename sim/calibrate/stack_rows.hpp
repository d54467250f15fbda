#pragma once
// Published runs of one stack, simulated: residuals and their derivatives by the stack's constants. Input: a table of
// runs, the id of a stack profile, the constants; output: FitRows for stack_fit.hpp, which then needs no simulation.

#include <map>
#include <string>
#include <vector>

#include "calibrate/published_run.hpp"
#include "calibrate/stack_constants.hpp"
#include "calibrate/stack_fit.hpp"
#include "estimate/estimate.hpp"

namespace gpuhours {

/// A run of the stack as a scenario, its micro-batch chosen.
struct StackRun {
  std::string id;
  std::string left_out;  ///< class that leaves a fit together: stack|model|gpu|precision
  std::string group;     ///< independent: model x GPU count x precision
  std::string point;     ///< repeats of one run in several releases share it
  Scenario scenario;
  double measured = 0;        ///< s
  double model_variance = 0;  ///< of log step time by kernel and network laws
};

/// The rows of `runs` whose own profile is `stack`, of `tiers`, in the order of the table; `refused` counts those that
/// cannot be expressed.
std::vector<StackRun> stack_runs(const std::vector<PublishedRun>& runs, const std::string& stack,
                                 const std::vector<int>& tiers, int jobs, const DataPaths& paths, int& refused);

/// Constants by name, in SI units.
using ConstantValues = std::map<std::string, double>;

/// log(predicted / measured) of every run with these constants. Empty with errors in `diagnostics` when a simulation
/// fails.
Eigen::VectorXd residuals(const std::vector<StackRun>& runs, const ConstantValues& values, int jobs,
                          const DataPaths& paths, Diagnostics& diagnostics);

/// Rows for a fit about `values`; `profile` is the stack without its fit: its values are the centres of the priors.
FitRows fit_rows(const std::vector<StackRun>& runs, const std::vector<ConstantPrior>& priors, const Stack& profile,
                 const ConstantValues& values, int jobs, const DataPaths& paths, Diagnostics& diagnostics);

}  // namespace gpuhours
