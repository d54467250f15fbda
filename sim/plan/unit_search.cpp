#include "plan/unit_search.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <limits>
#include <string>
#include <tuple>

#include "scenario/layout_problem.hpp"

namespace gpuhours {
namespace {

using Clock = std::chrono::steady_clock;

constexpr SimTime kNever{std::numeric_limits<std::int64_t>::max()};

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

bool same_stages(const SearchOption& a, const SearchOption& b) {
  return a.pp == b.pp && a.schedule == b.schedule && a.vpp == b.vpp;
}

}  // namespace

void Finalists::add(Candidate candidate) {
  const auto before = [](const Candidate& a, const Candidate& b) {
    return std::tie(a.step, a.order) < std::tie(b.step, b.order);
  };
  best_.insert(std::upper_bound(best_.begin(), best_.end(), candidate, before), std::move(candidate));
  if (best_.size() > most_) best_.pop_back();
}

SimTime Finalists::worst() const { return best_.size() < most_ ? kNever : best_.back().step; }

UnitSearch::UnitSearch(const Ground& ground, std::size_t index, const SearchUnit& unit, SimTime worst,
                       std::size_t finalists)
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

void UnitSearch::run() {
  for (std::size_t i = 0; i < ground_.choices.size() && !ground_.stopped(); ++i) visit(i);
  families_.clear();
}

void UnitSearch::visit(std::size_t choice) {
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

/// What the scenario says about its stages goes with as many of them only.
void UnitSearch::set_stages(const SearchOption& option) {
  const Parallelism& given = ground_.scenario.parallelism;
  Parallelism& p = layout_.parallelism;
  p.pp = option.pp;
  p.schedule = option.schedule;
  p.vpp = option.vpp;
  const bool same = p.pp == given.pp && p.vpp == given.vpp;
  p.layers_per_stage = same ? given.layers_per_stage : std::vector<int>{};
  p.pipeline_layout = same ? given.pipeline_layout : std::string{};
  const int counted = layout_.model.layers + (given.embedding_as_layer ? 1 : 0) + (given.loss_as_layer ? 1 : 0);
  const bool divides = counted % (p.pp * p.vpp) == 0;
  p.embedding_as_layer = given.embedding_as_layer && (same || divides);
  p.loss_as_layer = given.loss_as_layer && (same || divides);
}

void UnitSearch::set_recompute(Recompute recompute) {
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

LayoutFamily& UnitSearch::family(std::size_t recompute) {
  auto& found = families_[recompute];
  if (!found) found = std::make_unique<LayoutFamily>(layout_, ground_.laws, ground_.network);
  return *found;
}

/// The layout is the one that the scenario describes.
bool UnitSearch::is_own() const {
  const Scenario& s = ground_.scenario;
  const Parallelism& a = layout_.parallelism;
  const Parallelism& b = s.parallelism;
  return std::tie(layout_.cluster.gpus, layout_.precision, layout_.training.micro_batch, layout_.training.recompute) ==
             std::tie(s.cluster.gpus, s.precision, s.training.micro_batch, s.training.recompute) &&
         std::tie(a.tp, a.pp, a.vpp, a.cp, a.ep, a.etp, a.zero_stage, a.fsdp, a.schedule) ==
             std::tie(b.tp, b.pp, b.vpp, b.cp, b.ep, b.etp, b.zero_stage, b.fsdp, b.schedule);
}

void UnitSearch::measure(std::size_t choice, std::size_t recompute) {
  LayoutFamily& of = family(recompute);
  of.take(layout_, plans_);
  if (!of.can_be_planned()) return;
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
    const std::pair order{index_, choice * ground_.space.recompute.size() + recompute};
    const bool known = step < kEndless;
    if (own && known) own_ = Candidate{step, order, layout_};
    if (step <= worst && known) best_.add({step, order, layout_});
  }
  counts_.simulating_seconds += std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace gpuhours
