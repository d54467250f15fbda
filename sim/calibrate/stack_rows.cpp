#include "calibrate/stack_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>

#include "calibrate/validate.hpp"
#include "plan/parallel.hpp"

namespace gpuhours {
namespace {

/// Of a prior's width: the step of a difference quotient.
constexpr double kDifference = 0.5;

std::optional<StackRun> stack_run(const PublishedRun& run, const ValidationMap& map, const DataPaths& paths) {
  const std::optional<double> measured = finite_number(run.at("step_time_s"));
  RunScenario built = run_scenario(run, map, paths.root);
  if (!built.scenario || !measured || *measured <= 0) return std::nullopt;
  Diagnostics diagnostics;
  const std::optional<Estimate> found = published_estimate(built, paths, diagnostics);
  if (!found) return std::nullopt;
  StackRun out;
  out.id = run.at("id");
  out.left_out = run.group();
  out.group = fmt::format("{}|{}|{}", run.at("model"), run.at("n_gpus"), run.at("precision"));
  out.point = validation_row(run, built, *found).point();
  out.scenario = std::move(*built.scenario);
  out.measured = *measured;
  for (const ErrorFactor& factor : found->errors) {
    const bool of_laws = factor.name.starts_with("kernels ") || factor.name.starts_with("network ");
    if (of_laws) out.model_variance += factor.loading * factor.loading;
  }
  return out;
}

double simulated_step(const Scenario& scenario, const DataPaths& paths, Diagnostics& diagnostics) {
  const auto model = StepModel::make(scenario, paths.root + "/calibration", diagnostics);
  return model ? model->step(scenario.training.global_batch, false).length.seconds().value() : 0;
}

}  // namespace

std::vector<StackRun> stack_runs(const std::vector<PublishedRun>& runs, const std::string& stack,
                                 const std::vector<int>& tiers, int jobs, const DataPaths& paths, int& refused) {
  Diagnostics ignored;
  const ValidationMap map = validation_map(paths.root, ignored);
  std::vector<const PublishedRun*> chosen;
  for (const PublishedRun& run : runs) {
    const auto tier = small_whole(run.at("tier"));
    const bool wanted = tier && std::find(tiers.begin(), tiers.end(), *tier) != tiers.end();
    if (wanted && stack_profile(run, map, paths.root) == stack) chosen.push_back(&run);
  }
  std::vector<std::optional<StackRun>> found(chosen.size());
  for_each_index(static_cast<int>(chosen.size()), jobs, [&](int i) {
    found[static_cast<std::size_t>(i)] = stack_run(*chosen[static_cast<std::size_t>(i)], map, paths);
  });
  std::vector<StackRun> out;
  refused = 0;
  for (std::optional<StackRun>& one : found) {
    if (one) {
      out.push_back(std::move(*one));
    } else {
      ++refused;
    }
  }
  return out;
}

Eigen::VectorXd residuals(const std::vector<StackRun>& runs, const ConstantValues& values, int jobs,
                          const DataPaths& paths, Diagnostics& diagnostics) {
  Eigen::VectorXd out(static_cast<Eigen::Index>(runs.size()));
  std::mutex guard;
  Diagnostics found;
  for_each_index(static_cast<int>(runs.size()), jobs, [&](int i) {
    const StackRun& run = runs[static_cast<std::size_t>(i)];
    Scenario scenario = run.scenario;
    for (const auto& [constant, value] : values) set_constant(constant, value, scenario.stack);
    Diagnostics own;
    const double step = simulated_step(scenario, paths, own);
    out(i) = step > 0 ? std::log(step / run.measured) : 0;
    if (!own.has_errors()) return;
    const std::lock_guard<std::mutex> lock(guard);
    if (!found.has_errors()) found.append(own);
  });
  diagnostics.append(found);
  return found.has_errors() ? Eigen::VectorXd() : out;
}

FitRows fit_rows(const std::vector<StackRun>& runs, const std::vector<ConstantPrior>& priors, const Stack& profile,
                 const ConstantValues& values, int jobs, const DataPaths& paths, Diagnostics& diagnostics) {
  const auto rows = static_cast<Eigen::Index>(runs.size());
  const auto columns = static_cast<Eigen::Index>(priors.size());
  FitRows out;
  std::map<std::string, int> groups;
  std::map<std::string, int> points;
  for (const StackRun& run : runs) ++points[run.point];
  for (const StackRun& run : runs) {
    out.group.push_back(groups.emplace(run.group, static_cast<int>(groups.size())).first->second);
    out.share.push_back(1.0 / points[run.point]);
  }
  out.residual = residuals(runs, values, jobs, paths, diagnostics);
  out.jacobian = Eigen::MatrixXd::Zero(rows, columns);
  out.at = out.low = out.high = Eigen::VectorXd::Zero(columns);
  for (Eigen::Index j = 0; j < columns && !diagnostics.has_errors(); ++j) {
    const ConstantPrior& prior = priors[static_cast<std::size_t>(j)];
    const double centre = constant_value(profile, prior.constant);
    out.at(j) = prior_distance(prior, centre, values.at(prior.constant));
    out.low(j) = prior_distance(prior, centre, prior.low);
    out.high(j) = prior_distance(prior, centre, prior.high);
    // Towards the inside where the other side is out of bounds.
    const double step = out.at(j) + kDifference <= out.high(j) ? kDifference : -kDifference;
    ConstantValues moved = values;
    moved[prior.constant] = value_at(prior, centre, out.at(j) + step);
    const Eigen::VectorXd found = residuals(runs, moved, jobs, paths, diagnostics);
    if (found.size() == rows) out.jacobian.col(j) = (found - out.residual) / step;
  }
  return out;
}

}  // namespace gpuhours
