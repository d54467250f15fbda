#include "plan/compute_optimal.hpp"

#include <algorithm>
#include <cmath>

namespace gpuhours {
namespace {

/// FLOPs that agree to this are the same.
constexpr double kAgreement = 1e-3;
/// Where the law's model does not fit in memory, each try is smaller by this.
constexpr double kShrink = 0.8;

class Planner {
 public:
  Planner(const PlanProblem& problem, const SpeedOf& speed_of) : problem_(problem), speed_of_(speed_of) {}

  FixedPoint plan() {
    double flops = problem_.gpu_hours * 3600 * problem_.peak_per_gpu * kAssumedMfu;
    for (int i = 0; i < kMaxRounds; ++i) {
      const double wanted = optimal_flops_per_token(problem_.law, flops);
      const auto round = round_at(flops, std::max(wanted, smallest_size()));
      if (!round) return found_;
      const bool seen = std::any_of(found_.rounds.begin(), found_.rounds.end(),
                                    [&](const PlanRound& earlier) { return same(earlier.model, round->model); });
      const bool again = !found_.rounds.empty() && same(found_.rounds.back().model, round->model);
      found_.rounds.push_back(*round);
      found_.chosen = found_.rounds.size() - 1;
      const bool agrees = std::abs(round->flops_paid / flops - 1) < kAgreement;
      if (wanted < smallest_size() && optimal_flops_per_token(problem_.law, round->flops_paid) < smallest_size()) {
        return too_small(*round);
      }
      if (again || agrees || seen) {
        found_.end = again || agrees ? FixedPoint::End::converged : FixedPoint::End::alternates;
        if (found_.end == FixedPoint::End::alternates) found_.chosen = best_of_cycle();
        break;
      }
      flops = round->flops_paid;
    }
    if (!found_.rounds[found_.chosen].speed.fits) shrink();
    return found_;
  }

 private:
  static bool same(const Architecture& a, const Architecture& b) {
    return a.hidden == b.hidden && a.layers == b.layers;
  }

  double size(const Architecture& model) const {
    return flops_per_token(problem_.law, model, problem_.sequence_length);
  }
  double smallest_size() const { return size(smallest_member(problem_.family)) * (1 - kAgreement); }

  std::optional<PlanRound> round_at(double flops, double wanted) {
    PlanRound round;
    round.flops = flops;
    round.flops_wanted = wanted;
    round.tokens_wanted = flops / wanted;
    round.model = member_of_size(problem_.family, wanted, [&](const Architecture& m) { return size(m); });
    round.flops_model = size(round.model);
    const auto speed = speed_of_(round.model, optimal_tokens(problem_.batch_law, flops));
    if (!speed) return std::nullopt;
    round.speed = *speed;
    round.flops_paid = problem_.gpu_hours * speed->tokens_per_gpu_hour * round.flops_model;
    return round;
  }

  /// Of the rounds since the last shape was there before: where what is paid for is nearest to what was believed.
  [[nodiscard]] std::size_t best_of_cycle() const {
    const auto& rounds = found_.rounds;
    const auto gap = [&](std::size_t i) { return std::abs(rounds[i].flops_paid / rounds[i].flops - 1); };
    std::size_t best = rounds.size() - 1;
    for (std::size_t i = best; i-- > 0 && !same(rounds[i].model, rounds.back().model);) {
      if (gap(i) < gap(best)) best = i;
    }
    return best;
  }

  FixedPoint too_small(const PlanRound& round) {
    found_.end = FixedPoint::End::too_small;
    found_.gpu_hours_needed = problem_.gpu_hours * flops_of_size(problem_.law, round.flops_model) / round.flops_paid;
    return found_;
  }

  /// Ever smaller models until one fits or the family ends.
  void shrink() {
    const PlanRound& full = found_.rounds[found_.chosen];
    for (double wanted = full.flops_model * kShrink; wanted >= smallest_size(); wanted *= kShrink) {
      const auto round = round_at(full.flops, wanted);
      if (!round) return;
      found_.smaller.push_back(*round);
      if (round->speed.fits) return;
    }
  }

  const PlanProblem& problem_;
  const SpeedOf& speed_of_;
  FixedPoint found_;
};

}  // namespace

FixedPoint fixed_point(const PlanProblem& problem, const SpeedOf& speed_of) {
  return Planner(problem, speed_of).plan();
}

}  // namespace gpuhours
