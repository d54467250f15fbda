#include "plan/search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <thread>
#include <tuple>

#include "plan/parallel.hpp"
#include "plan/unit_search.hpp"
#include "report/number_text.hpp"

namespace gpuhours {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPortion = 64;   ///< units between two looks at the best so far, whatever the number of threads
constexpr int kFinalists = 8;  ///< whole estimates at least: a ramp may turn the order of close layouts

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void add_counts(const SearchReport& from, SearchReport& to) {
  to.visited += from.visited;
  to.feasible += from.feasible;
  to.simulated += from.simulated;
  to.out_of_memory += from.out_of_memory;
  to.above_bound += from.above_bound;
  to.simulating_seconds += from.simulating_seconds;
  for (const auto& [rule, count] : from.broken_rules) to.broken_rules[rule] += count;
}

/// What a search keeps for whole estimates.
struct Kept {
  Finalists best;
  std::optional<Candidate> own;  ///< the scenario's own layout
};

/// Places of the units in the order of the search: the one with the scenario's own layout first, since its layouts are
/// good ones to compare the rest with.
std::vector<std::size_t> unit_order(const std::vector<SearchUnit>& units, const Scenario& scenario) {
  const Parallelism& p = scenario.parallelism;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const SearchUnit& unit = units[i];
    const bool own = std::tie(unit.tp, unit.cp, unit.ep, unit.etp, unit.micro_batch) ==
                     std::tie(p.tp, p.cp, p.ep, p.etp, scenario.training.micro_batch);
    order.insert(own ? order.begin() : order.end(), i);
  }
  return order;
}

/// Visits every layout of the space; adds its counts to `report`.
Kept visited(const Ground& ground, SearchReport& report) {
  const std::vector<SearchUnit> units = search_units(ground.space);
  const std::vector<std::size_t> order = unit_order(units, ground.scenario);
  const auto most = static_cast<std::size_t>(std::max(kFinalists, ground.options.top));
  Kept kept{Finalists(most), {}};
  std::size_t count = 1;
  for (std::size_t first = 0; first < units.size() && !ground.stopped(); first += count) {
    count = first == 0 ? 1 : std::min<std::size_t>(kPortion, units.size() - first);
    std::vector<std::unique_ptr<UnitSearch>> done(count);
    for_each_index(static_cast<int>(count), ground.options.jobs, [&](int i) {
      const std::size_t at = order[first + static_cast<std::size_t>(i)];
      auto unit = std::make_unique<UnitSearch>(ground, at, units[at], kept.best.worst(), most);
      unit->run();
      done[static_cast<std::size_t>(i)] = std::move(unit);
    });
    for (const auto& unit : done) {
      add_counts(unit->counts(), report);
      for (const Candidate& candidate : unit->best().all()) kept.best.add(candidate);
      if (unit->own()) kept.own = unit->own();
    }
    if (ground.options.progress) {
      ground.options.progress(report.visited, report.announced,
                              kept.best.all().empty() ? Seconds{} : kept.best.all().front().step.seconds());
    }
  }
  return kept;
}

double value_of(Objective objective, const Estimate& e) {
  switch (objective) {
    case Objective::gpu_hours:
      return e.run.gpu_hours;
    case Objective::usd:
      return e.cost.usd.value();
    default:
      return e.step.time.value();
  }
}

/// Whole estimates of the finalists and of the scenario's own layout, best first.
std::vector<FoundLayout> estimated(const Kept& kept, const Calibration& calibration, const SearchOptions& options,
                                   SearchReport& report, Diagnostics& diagnostics) {
  std::vector<Candidate> candidates = kept.best.all();
  std::optional<std::size_t> own;
  for (std::size_t i = 0; kept.own && i < candidates.size(); ++i) {
    if (candidates[i].order == kept.own->order) own = i;
  }
  if (kept.own && !own) {
    own = candidates.size();
    candidates.push_back(*kept.own);
  }
  std::vector<std::optional<Estimate>> estimates(candidates.size());
  std::vector<Diagnostics> found(candidates.size());
  for_each_index(static_cast<int>(candidates.size()), options.jobs, [&](int i) {
    const auto at = static_cast<std::size_t>(i);
    estimates[at] = estimate(candidates[at].scenario, calibration, {}, found[at]);
  });
  std::vector<FoundLayout> out;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    diagnostics.append(found[i]);
    if (own == i && estimates[i]) report.own = FoundLayout{candidates[i].scenario, *estimates[i]};
    if (estimates[i]) out.push_back({candidates[i].scenario, std::move(*estimates[i])});
  }
  std::stable_sort(out.begin(), out.end(), [&](const FoundLayout& a, const FoundLayout& b) {
    return value_of(options.objective, a.estimate) < value_of(options.objective, b.estimate);
  });
  return out;
}

/// How far beyond budget and deadline an estimate is, 1: just met.
double excess(const SearchOptions& options, const Estimate& e) {
  double most = 0;
  if (options.budget) most = std::max(most, e.cost.usd / *options.budget);
  if (options.deadline) most = std::max(most, e.run.wall_time / *options.deadline);
  return most;
}

std::string unmet_text(const SearchOptions& options, const FoundLayout& nearest_one) {
  std::string limits = options.budget ? dollars_text(*options.budget) : "";
  if (options.deadline) limits += (limits.empty() ? "" : " and ") + seconds_text(*options.deadline);
  const Estimate& e = nearest_one.estimate;
  return fmt::format("no layout meets {}; the nearest takes {} and {} on {} GPUs", limits, dollars_text(e.cost.usd),
                     seconds_text(e.run.wall_time), number_text(nearest_one.scenario.cluster.gpus, 1));
}

/// Nothing of what stays is both slower and dearer than another.
void keep_pareto(std::vector<FoundLayout>& found) {
  std::stable_sort(found.begin(), found.end(), [](const FoundLayout& a, const FoundLayout& b) {
    return std::pair(a.estimate.run.wall_time, a.estimate.cost.usd) <
           std::pair(b.estimate.run.wall_time, b.estimate.cost.usd);
  });
  Dollars cheapest(std::numeric_limits<double>::infinity());
  std::erase_if(found, [&](const FoundLayout& one) {
    if (one.estimate.cost.usd >= cheapest) return true;
    cheapest = one.estimate.cost.usd;
    return false;
  });
}

/// One cluster size after the other, from the smallest on: each has finalists of its own.
class SizedSearch {
 public:
  SizedSearch(const Scenario& scenario, SearchSpace space, const Calibration& calibration, const SearchOptions& options,
              Diagnostics& diagnostics)
      : scenario_(scenario),
        space_(std::move(space)),
        calibration_(calibration),
        options_(options),
        diagnostics_(diagnostics) {
    std::sort(space_.gpus.begin(), space_.gpus.end());
  }

  void run(SearchReport& report) {
    const auto laws = calibration_.kernels(scenario_.cluster.gpu, scenario_.stack.kernels, diagnostics_);
    const auto network = calibration_.network(diagnostics_);
    if (!laws || !network) return;
    const std::vector<SearchOption> choices = search_options(space_, scenario_.model.layers);
    const bool limited = options_.budget || options_.deadline;
    std::optional<FoundLayout> nearest_one;
    for (const int gpus : space_.gpus) {
      SearchSpace one = space_;
      one.gpus = {gpus};
      const Ground ground{scenario_, one, choices, *laws, network, options_};
      std::vector<FoundLayout> found = estimated(visited(ground, report), calibration_, options_, report, diagnostics_);
      if (limited) {
        for (const FoundLayout& layout : found) {
          if (!nearest_one || excess(options_, layout.estimate) < excess(options_, nearest_one->estimate)) {
            nearest_one = layout;
          }
        }
        std::erase_if(found, [&](const FoundLayout& layout) { return excess(options_, layout.estimate) > 1; });
      }
      for (FoundLayout& layout : found) report.best.push_back(std::move(layout));
      if (ground.stopped() || (limited && !report.best.empty() && options_.objective != Objective::pareto)) break;
    }
    if (report.best.empty() && nearest_one) {
      report.unmet = unmet_text(options_, *nearest_one);
      report.best.push_back(std::move(*nearest_one));
    }
  }

 private:
  const Scenario& scenario_;
  SearchSpace space_;
  const Calibration& calibration_;
  const SearchOptions& options_;
  Diagnostics& diagnostics_;
};

}  // namespace

SearchReport search(const Scenario& scenario, const SearchSpace& space, const Calibration& calibration,
                    const SearchOptions& options, Diagnostics& diagnostics) {
  const Clock::time_point start = Clock::now();
  SearchReport report;
  report.objective = options.objective;
  SearchSpace allowed = space;
  leave_out_refused(scenario, allowed);
  report.left_out = allowed.left_out;
  report.announced = layout_count(allowed, scenario.model.layers);
  if (report.announced > 0) SizedSearch(scenario, allowed, calibration, options, diagnostics).run(report);
  if (options.objective == Objective::pareto) {
    keep_pareto(report.best);
  } else {
    std::stable_sort(report.best.begin(), report.best.end(), [&](const FoundLayout& a, const FoundLayout& b) {
      return value_of(options.objective, a.estimate) < value_of(options.objective, b.estimate);
    });
  }
  if (report.best.size() > static_cast<std::size_t>(options.top) && options.objective != Objective::pareto) {
    report.best.erase(report.best.begin() + options.top, report.best.end());
  }
  report.interrupted = options.stop != nullptr && options.stop->load();
  report.seconds = seconds_since(start);
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  report.simulating_seconds /= options.jobs > 0 ? options.jobs : static_cast<int>(cores);
  return report;
}

}  // namespace gpuhours
