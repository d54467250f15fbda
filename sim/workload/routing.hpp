#pragma once
// How unevenly tokens reach experts and the ranks that hold them.
// forced: every expert gets the mean. natural: the tokens of an expert in one micro-batch of an expert group have the
// relative variance
//   s^2 = imbalance^2 + (1 - k/E) / (T k / E)      T tokens of the group, k of E experts each
// The second term is the sampling noise that even a perfectly balanced router has. A rank holds m = E / ep experts
// whose loads sum to a constant over the group, so that its rows vary by
//   s_rank^2 = s^2 (E - m) / (m (E - 1))
// (sampling m of E without replacement), and likewise for an NVLink domain. Loads are taken as normal. What the slowest
// of ep ranks gets is the expected maximum of the ranks' normal loads, integral of 1 - prod Phi((x - mean_r) / s).
// Capacity factor c: every expert computes c times the mean, padded; what is above is dropped:
//   E[(X - c)+] = s (phi(a) - a (1 - Phi(a))), a = (c - 1) / s.

#include <cstdint>
#include <vector>

#include "scenario/scenario.hpp"

namespace gpuhours {

/// Relative standard deviation of an expert's tokens in a micro-batch where a scenario gives none. From the eight
/// received rows of DeepSeek-V3's public profile (deepseek-ai/profile-data, train.json: 4 layers forward, 4 backward,
/// rank 0 of 64, 4 experts a rank): 28,416 to 36,864 padded rows, deviation 8.0 % of the rank's mean, which is
/// 8.0 % x sqrt(4 x 255 / 252) = 0.16 an expert; with seven degrees of freedom the 80 % range is 0.12 to 0.25. Those
/// logits were random ("absolutely balanced routing"); of a trained router only the lasting skew is published: maximum
/// over mean 1.04 in the long run (Wang et al. 2024, arXiv 2408.15664), which says nothing of one micro-batch.
inline constexpr double kNaturalImbalance = 0.16;

/// Rows of the ranks of one expert group in one layer and one micro-batch, relative to their mean.
class RankLoads {
 public:
  RankLoads() = default;
  explicit RankLoads(const Scenario& scenario);

  /// All ranks receive the same.
  [[nodiscard]] bool even() const { return deviation_ == 0 && lasting_.empty(); }
  [[nodiscard]] int ranks() const { return ranks_; }
  [[nodiscard]] int ranks_per_domain() const { return ranks_per_domain_; }
  /// Of one expert's tokens, sampling noise included; and of a rank's rows. Lasting skew apart.
  [[nodiscard]] double expert_deviation() const { return expert_deviation_; }
  [[nodiscard]] double deviation() const { return deviation_; }
  /// Lasting load of a rank.
  [[nodiscard]] double lasting(int rank) const {
    return lasting_.empty() ? 1.0 : lasting_[static_cast<std::size_t>(rank)];
  }
  /// Expected maximum over the ranks.
  [[nodiscard]] double slowest() const;
  /// The load that the busiest rank stays below in 99.9 % of cases, when it sums `count` independent layers and
  /// micro-batches.
  [[nodiscard]] double high(double count) const;

  /// Loads of all ranks in case `index` of `entity` (a layer): the same bits for the same arguments.
  [[nodiscard]] std::vector<double> drawn(std::uint64_t seed, std::uint64_t entity, std::uint64_t index) const;

 private:
  int ranks_ = 1;
  int ranks_per_domain_ = 1;
  double expert_deviation_ = 0;
  double deviation_ = 0;
  std::vector<double> lasting_;  ///< by rank, mean 1; empty: all 1
};

/// Share of token-expert pairs that a capacity factor drops; 0 for dropless training.
double dropped_share(const Scenario& scenario);


}  // namespace gpuhours
