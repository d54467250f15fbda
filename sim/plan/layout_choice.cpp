#include "plan/layout_choice.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "core/checked.hpp"
#include "plan/parallel.hpp"
#include "scenario/check_layout.hpp"
#include "scenario/refused_features.hpp"

namespace gpuhours {
namespace {

struct Candidate {
  Scenario scenario;
  std::optional<Estimate> estimate;
  Diagnostics diagnostics;
};

/// Ranks that share a model; layouts are tried from few to many.
int model_ranks(const Scenario& scenario) { return scenario.parallelism.tp * scenario.parallelism.pp; }

/// Sequences a step: the multiple of dp x micro-batch (x pp where chunks interleave) nearest to `wanted`.
int dividing_batch(const Scenario& scenario, double wanted) {
  const Parallelism& layout = scenario.parallelism;
  double unit = static_cast<double>(layout.dp(scenario.cluster.gpus)) * scenario.training.micro_batch;
  if (layout.schedule == Schedule::interleaved) unit *= layout.pp;
  return nearest_whole<int>(std::max(1.0, std::round(wanted / unit)) * unit);
}

/// 1F1B, and interleaved with as many virtual stages as divide the layers, at most 5.
std::vector<int> virtual_stages(int layers, int pp) {
  std::vector<int> counts{1};
  for (int vpp = 5; pp > 1 && vpp > 1; --vpp) {
    if (layers % (pp * vpp) != 0) continue;
    counts.push_back(vpp);
    break;
  }
  return counts;
}

bool divides(const Scenario& base, int tp, int pp) {
  return base.model.heads % tp == 0 && base.model.kv_heads % tp == 0 && tp <= base.cluster.node.gpus &&
         pp <= base.model.layers && base.cluster.gpus % (tp * pp) == 0;
}

void add_layouts(const Scenario& base, const FixedParts& fixed, double sequences, int tp, int pp,
                 std::map<int, std::vector<Candidate>>& by_ranks) {
  for (const int vpp : virtual_stages(base.model.layers, pp)) {
    Candidate candidate;
    Scenario& scenario = candidate.scenario = base;
    scenario.parallelism = {};
    scenario.parallelism.tp = tp;
    scenario.parallelism.pp = pp;
    scenario.parallelism.vpp = vpp;
    scenario.parallelism.schedule = vpp > 1 ? Schedule::interleaved : Schedule::one_f_one_b;
    if (!fixed.global_batch) scenario.training.global_batch = dividing_batch(scenario, sequences);
    by_ranks[tp * pp].push_back(std::move(candidate));
  }
}

/// Layouts by the ranks that share a model.
std::map<int, std::vector<Candidate>> candidates(const Scenario& base, const FixedParts& fixed, double batch_tokens) {
  std::map<int, std::vector<Candidate>> by_ranks;
  const double sequences = batch_tokens / base.training.sequence_length;
  if (fixed.parallelism) {
    Candidate candidate{base, {}, {}};
    if (!fixed.global_batch) candidate.scenario.training.global_batch = dividing_batch(base, sequences);
    by_ranks[model_ranks(base)].push_back(std::move(candidate));
    return by_ranks;
  }
  for (const int pp : {1, 2, 4, 8, 16}) {
    for (const int tp : {1, 2, 4, 8}) {
      if (divides(base, tp, pp)) add_layouts(base, fixed, sequences, tp, pp, by_ranks);
    }
  }
  return by_ranks;
}

void estimate_candidate(Candidate& candidate, Recompute recompute, const FixedParts& fixed, const DataPaths& paths) {
  if (!fixed.recompute) candidate.scenario.training.recompute = recompute;
  candidate.diagnostics = {};
  candidate.estimate.reset();
  check_layout(candidate.scenario, {}, candidate.diagnostics);
  refused_features(candidate.scenario, {}, candidate.diagnostics);
  if (candidate.diagnostics.has_errors()) return;
  candidate.estimate = estimate(candidate.scenario, paths, {}, candidate.diagnostics);
}

double speed(const Candidate& candidate) { return candidate.estimate->step.tokens_per_s_per_gpu; }

/// The fastest that fits, or that needs the least memory; null when none could be estimated.
const Candidate* best_of(const std::vector<const Candidate*>& all) {
  const Candidate* best = nullptr;
  for (const Candidate* one : all) {
    if (!one->estimate) continue;
    const MemoryLedger& memory = one->estimate->memory;
    const bool better = best == nullptr || (memory.fits() && !best->estimate->memory.fits()) ||
                        (memory.fits() && speed(*one) > speed(*best)) ||
                        (!memory.fits() && !best->estimate->memory.fits() && memory.peak < best->estimate->memory.peak);
    if (better) best = one;
  }
  return best;
}

/// Tries ever more ranks a model until two numbers of ranks have fitted: more only costs communication.
const Candidate* fastest(std::map<int, std::vector<Candidate>>& by_ranks, Recompute recompute, const FixedParts& fixed,
                         const DataPaths& paths, int jobs) {
  std::vector<const Candidate*> seen;
  int fitted = 0;
  for (auto& [ranks, group] : by_ranks) {
    for_each_index(static_cast<int>(group.size()), jobs, [&, &group = group](int i) {
      estimate_candidate(group[static_cast<std::size_t>(i)], recompute, fixed, paths);
    });
    bool fits = false;
    for (const Candidate& candidate : group) {
      seen.push_back(&candidate);
      fits = fits || (candidate.estimate && candidate.estimate->memory.fits());
    }
    if (fits && ++fitted == 2) break;
  }
  return best_of(seen);
}

}  // namespace

std::optional<ChosenLayout> chosen_layout(const Scenario& base, const FixedParts& fixed, double batch_tokens,
                                          const DataPaths& paths, int jobs, Diagnostics& diagnostics) {
  auto by_ranks = candidates(base, fixed, batch_tokens);
  const Candidate* best = fastest(by_ranks, Recompute::none, fixed, paths, jobs);
  const bool fits = best != nullptr && best->estimate->memory.fits();
  if (!fits && !fixed.recompute) best = fastest(by_ranks, Recompute::full, fixed, paths, jobs);
  if (best != nullptr) return ChosenLayout{best->scenario, *best->estimate};
  for (const auto& [ranks, group] : by_ranks) {
    for (const Candidate& candidate : group) {
      if (!candidate.diagnostics.has_errors()) continue;
      diagnostics.append(candidate.diagnostics);
      return std::nullopt;
    }
  }
  diagnostics.error({}, "no layout divides these GPUs and this model");
  return std::nullopt;
}

}  // namespace gpuhours
