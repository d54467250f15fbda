#pragma once
// The best layouts of a model on a cluster. Input: a scenario, whose model, training, hardware, stack and prices stay
// as they are (phases with a layout of their own keep it), and a space of layouts; output: the best by an objective,
// with whole estimates, and an account of every layout visited. In order, each dearer than the one before: the rules of
// a layout; memory; a lower bound of the step (compute_floor()); the simulation of a step in folded mode with the
// analytic network and balanced routing; where that would do, under the scenario's own routing, which only adds
// waiting. The best few, and the layout that the scenario itself describes, then get whole estimates with the
// scenario's own engine, and are ordered by those. The result does not depend on the number of threads: the bound that
// layouts are compared with changes between fixed portions of the space only.

#include <atomic>
#include <functional>
#include <optional>

#include "core/diagnostic.hpp"
#include "estimate/calibration.hpp"
#include "plan/search_space.hpp"
#include "report/search_report.hpp"

namespace gpuhours {

struct SearchOptions {
  Objective objective = Objective::step_time;
  int top = 5;        ///< layouts to return at most, 1 or more
  bool bound = true;  ///< leave layouts out whose lower bound is above the best found; the best stay the same
  int jobs = 0;       ///< threads, 0: one a core
  std::optional<Dollars> budget;
  std::optional<Seconds> deadline;
  const std::atomic<bool>* stop = nullptr;  ///< when it becomes true, the search ends with what it has
  /// Called between portions with layouts visited, layouts announced and the best step so far (0: none).
  std::function<void(std::int64_t, std::int64_t, Seconds)> progress;
};

/// With a budget or a deadline the clusters of `space` are tried from the smallest on, and the first that meets them is
/// the one reported. Errors (calibration, a fault of an estimate) stand in `diagnostics`; a search that finds nothing
/// is a report without `best`.
SearchReport search(const Scenario& scenario, const SearchSpace& space, const Calibration& calibration,
                    const SearchOptions& options, Diagnostics& diagnostics);

}  // namespace gpuhours
