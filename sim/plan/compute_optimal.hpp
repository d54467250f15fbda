#pragma once
// The best model for a budget. Input: GPU hours, a scaling law, a family of shapes and, for any model, the speed at
// which the cluster trains it. Output: the fixed point of
//   C = GPU hours x tokens an hour and GPU (model) x FLOPs a token (model),   model = the law's best for C,
// found by going round from an assumed MFU. FLOPs are counted as the law counts them; the speed is simulated.

#include <functional>
#include <string>
#include <vector>

#include "plan/model_shape.hpp"
#include "plan/scaling_law.hpp"

namespace gpuhours {

/// How fast a cluster trains a model.
struct TrainingSpeed {
  double tokens_per_gpu_hour = 0;  ///< interruptions included
  double mfu = 0;
  bool fits = true;  ///< in memory
};
/// `batch_tokens`: wanted tokens a step. Empty when the model cannot be estimated.
using SpeedOf = std::function<std::optional<TrainingSpeed>(const Architecture& model, double batch_tokens)>;

struct PlanProblem {
  double gpu_hours = 0;
  int sequence_length = 4096;
  double peak_per_gpu = 0;  ///< FLOP/s, with kAssumedMfu for the first round only
  ScalingLaw law;
  ScalingLaw batch_law;
  ShapeFamily family;
};

inline constexpr double kAssumedMfu = 0.4;
inline constexpr int kMaxRounds = 20;

/// One time round.
struct PlanRound {
  double flops = 0;         ///< of the run, believed at the start of the round
  double flops_wanted = 0;  ///< a token, by the law
  double flops_model = 0;   ///< a token, of the member that was chosen
  double tokens_wanted = 0;
  Architecture model;
  TrainingSpeed speed;
  double flops_paid = 0;  ///< what the GPU hours buy at that speed
};

struct FixedPoint {
  enum class End { converged, alternates, too_small, cannot_estimate };
  End end = End::cannot_estimate;
  std::vector<PlanRound> rounds;
  std::size_t chosen = 0;  ///< of `rounds`: the last; where shapes alternate, the one that agrees best
  /// Rounds that could not be followed because the model does not fit in memory: the last is the largest that fits.
  std::vector<PlanRound> smaller;
  /// `too_small`: GPU hours for which the family's smallest model is best.
  double gpu_hours_needed = 0;

  /// The round whose model is trained, `smaller` where there is any.
  [[nodiscard]] const PlanRound& last() const { return smaller.empty() ? rounds[chosen] : smaller.back(); }
  /// The law's model is trained: it is not too small for the family and fits.
  [[nodiscard]] bool met() const {
    return (end == End::converged || end == End::alternates) && smaller.empty() && last().speed.fits;
  }
};

FixedPoint fixed_point(const PlanProblem& problem, const SpeedOf& speed_of);

/// Tokens that the GPU hours pay for at a round's speed.
inline double tokens_paid(const PlanProblem& problem, const PlanRound& round) {
  return problem.gpu_hours * round.speed.tokens_per_gpu_hour;
}

}  // namespace gpuhours
