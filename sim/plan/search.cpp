#include "plan/search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <thread>
#include <tuple>

#include "estimate/layout_family.hpp"
#include "plan/parallel.hpp"
#include "report/number_text.hpp"
#include "scenario/layout_problem.hpp"

namespace gpuhours {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPortion = 64;   ///< units between two looks at the best so far, whatever the number of threads
constexpr int kFinalists = 8;  ///< whole estimates at least: a ramp may turn the order of close layouts
constexpr SimTime kNever{std::numeric_limits<std::int64_t>::max()};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// A layout and its step; `order` is its place in the space.
struct Candidate {
  SimTime step;
  std::pair<std::size_t, std::size_t> order;
  Scenario scenario;
};

/// The best few in ascending order of step, then of place.
class Finalists {
 public:
  explicit Finalists(std::size_t most) : most_(most) {}

  void add(Candidate candidate) {
    const auto before = [](const Candidate& a, const Candidate& b) {
      return std::tie(a.step, a.order) < std::tie(b.step, b.order);
    };
    best_.insert(std::upper_bound(best_.begin(), best_.end(), candidate, before), std::move(candidate));
    if (best_.size() > most_) best_.pop_back();
  }
  /// A step above this is not among the best.
  [[nodiscard]] SimTime worst() const { return best_.size() < most_ ? kNever : best_.back().step; }
  [[nodiscard]] const std::vector<Candidate>& all() const { return best_; }

 private:
  std::size_t most_;
  std::vector<Candidate> best_;
};

/// "a batch of 4096 sequences" -> "a batch of N sequences": one rule, whatever the numbers.
std::string without_numbers(const std::string& rule) {
  std::string out;
  bool in_number = false;
  for (const char c : rule) {
    const bool digit = c >= '0' && c <= '9';
    const bool in_word =
        !out.empty() && (std::isalpha(static_cast<unsigned char>(out.back())) != 0 || out.back() == '_');
    if (digit && !in_number && in_word) {
      out += c;  // part of a name: h1
      continue;
    }
    if (!digit) out += c;
    if (digit && !in_number) out += 'N';
    in_number = digit;
  }
  return out;
}

/// What one search works with.
struct Ground {
  const Scenario& scenario;
  const SearchSpace& space;
  const std::vector<SearchOption>& choices;
  const KernelLaws& laws;
  std::shared_ptr<const NetworkLaws> network;
  const SearchOptions& options;

  [[nodiscard]] bool stopped() const { return options.stop != nullptr && options.stop->load(); }
};

/// All layouts of one unit, on one thread.
class UnitSearch {
 public:
  UnitSearch(const Ground& ground, std::size_t index, const SearchUnit& unit, SimTime worst, std::size_t finalists)
      : ground_(ground), index_(index), worst_(worst), best_(finalists), layout_(ground.scenario) {
    layout_.cluster.gpus = unit.gpus;
    layout_.precision = ground.space.precision[unit.precision];
    layout_.training.micro_batch = unit.micro_batch;
    Parallelism& p = layout_.parallelism;
    p.fsdp = unit.fsdp;
    p.tp = unit.tp;
    p.cp = unit.cp;
    p.ep = unit.ep;
    p.etp = unit.etp;
  }

  void run() {
    for (std::size_t i = 0; i < ground_.choices.size() && !ground_.stopped(); ++i) visit(i);
    families_.clear();
  }

  [[nodiscard]] const SearchReport& counts() const { return counts_; }
  [[nodiscard]] const Finalists& best() const { return best_; }
  /// The scenario's own layout, when it is one of the unit and fits.
  [[nodiscard]] const std::optional<Candidate>& own() const { return own_; }

 private:
  void visit(std::size_t choice) {
    const SearchOption& option = ground_.choices[choice];
    layout_.parallelism.zero_stage = option.zero_stage;
    if (choice == 0 || !same_stages(option, ground_.choices[choice - 1])) {
      set_stages(option);
      set_recompute(ground_.space.recompute.front());  // what recompute needs is set with it
      problem_ = layout_problem(layout_);              // no rule asks for the ZeRO stage or the recompute
    }
    const std::vector<Recompute>& recomputes = ground_.space.recompute;
    const auto count = static_cast<std::int64_t>(recomputes.size());
    counts_.visited += count;
    if (problem_) {
      counts_.broken_rules[without_numbers(*problem_)] += count;
      return;
    }
    for (std::size_t i = 0; i < recomputes.size(); ++i) {
      set_recompute(recomputes[i]);
      measure(choice, i);
    }
  }

  static bool same_stages(const SearchOption& a, const SearchOption& b) {
    return a.pp == b.pp && a.schedule == b.schedule && a.vpp == b.vpp;
  }

  /// What the scenario says about its stages goes with as many of them only.
  void set_stages(const SearchOption& option) {
    const Parallelism& given = ground_.scenario.parallelism;
    Parallelism& p = layout_.parallelism;
    p.pp = option.pp;
    p.schedule = option.schedule;
    p.vpp = option.vpp;
    const bool same = p.pp == given.pp && p.vpp == given.vpp;
    p.layers_per_stage = same ? given.layers_per_stage : std::vector<int>{};
    p.pipeline_layout = same ? given.pipeline_layout : std::string{};
    const int counted =
        layout_.model.layers + (given.embedding_as_layer ? 1 : 0) + (given.loss_as_layer ? 1 : 0);
    const bool divides = counted % (p.pp * p.vpp) == 0;
    p.embedding_as_layer = given.embedding_as_layer && (same || divides);
    p.loss_as_layer = given.loss_as_layer && (same || divides);
  }

  void set_recompute(Recompute recompute) {
    Training& t = layout_.training;
    t.recompute = recompute;
    t.recompute_ops.clear();
    t.recompute_chunk = recompute == Recompute::full ? ground_.scenario.training.recompute_chunk : 1;
    if (recompute != Recompute::selective) return;
    t.recompute_ops = ground_.scenario.training.recompute_ops;
    if (t.recompute_ops.empty()) {
      t.recompute_ops = {RecomputeOp::norm, RecomputeOp::activation};
      if (layout_.model.attention == AttentionKind::mla) t.recompute_ops.push_back(RecomputeOp::mla_up_projection);
    }
  }

  LayoutFamily& family(std::size_t recompute) {
    auto& found = families_[recompute];
    if (!found) found = std::make_unique<LayoutFamily>(layout_, ground_.laws, ground_.network);
    return *found;
  }

  /// The layout is the one that the scenario describes.
  [[nodiscard]] bool is_own() const {
    const Scenario& s = ground_.scenario;
    const Parallelism& a = layout_.parallelism;
    const Parallelism& b = s.parallelism;
    return std::tie(layout_.cluster.gpus, layout_.precision.id, layout_.training.micro_batch,
                    layout_.training.recompute) ==
               std::tie(s.cluster.gpus, s.precision.id, s.training.micro_batch, s.training.recompute) &&
           std::tie(a.tp, a.pp, a.vpp, a.cp, a.ep, a.etp, a.zero_stage, a.fsdp, a.schedule) ==
               std::tie(b.tp, b.pp, b.vpp, b.cp, b.ep, b.etp, b.zero_stage, b.fsdp, b.schedule);
  }

  void measure(std::size_t choice, std::size_t recompute) {
    LayoutFamily& of = family(recompute);
    of.take(layout_, plans_);
    if (!of.memory().fits()) {
      ++counts_.out_of_memory;
      return;
    }
    ++counts_.feasible;
    const Clock::time_point start = Clock::now();
    const SimTime worst = std::min(worst_, best_.worst());
    const bool own = is_own();
    if (ground_.options.bound && !own && of.compute_floor() > worst) {
      ++counts_.above_bound;
    } else {
      SimTime step = of.step().length;
      ++counts_.simulated;
      // Uneven routing makes ranks wait: it is simulated where the balanced step alone would do.
      if (own || step <= worst) step = of.routed_step().length;
      const Candidate candidate{step, {index_, choice * ground_.space.recompute.size() + recompute}, layout_};
      if (own) own_ = candidate;
      if (step <= worst) best_.add(candidate);
    }
    counts_.simulating_seconds += seconds_since(start);
  }

  const Ground& ground_;
  std::size_t index_;
  SimTime worst_;
  Finalists best_;
  Scenario layout_;
  SearchReport counts_;
  std::optional<std::string> problem_;  ///< of the last choice's stages
  std::optional<Candidate> own_;
  LastPlans plans_;
  std::map<std::size_t, std::unique_ptr<LayoutFamily>> families_;  ///< by recompute
};

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
    const auto laws = calibration_.kernels(scenario_.cluster.gpu, scenario_.stack, diagnostics_);
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
