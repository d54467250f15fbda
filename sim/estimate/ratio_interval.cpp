#include "estimate/ratio_interval.hpp"

#include <algorithm>
#include <vector>

namespace gpuhours {
namespace {

/// One less than a multiple of ten, so that two of the ordered samples are the 10th and the 90th percentile.
constexpr std::size_t kSamples = 1999;

/// A quantity of a run: what does not change with the step, and what grows with it.
struct Part {
  double given = 0, simulated = 0;
  [[nodiscard]] double at(double step) const { return given + simulated * step; }
};

Part hours_of(const Estimate& estimate) {
  Part part;
  for (const PhaseEstimate& phase : estimate.run.phases) {
    (phase.simulated ? part.simulated : part.given) += phase.gpu_hours;
  }
  return part;
}

Part wall_of(const Estimate& estimate) {
  Part part;
  for (const PhaseEstimate& phase : estimate.run.phases) {
    (phase.simulated ? part.simulated : part.given) += phase.wall_time.value();
  }
  return part;
}

std::vector<double> steps_of(const Estimate& estimate, std::uint64_t seed) {
  std::vector<double> out(kSamples);
  for (std::size_t i = 0; i < kSamples; ++i) out[i] = sampled_ratio(estimate.errors, seed, i);
  return out;
}

Interval middle_80(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  return {samples[kSamples / 10], samples[kSamples - 1 - kSamples / 10]};
}

}  // namespace

RatioIntervals ratio_intervals(const Estimate& column, const Estimate& first, std::uint64_t seed) {
  const std::vector<double> ours = steps_of(column, seed);
  const std::vector<double> firsts = steps_of(first, seed);
  const auto interval = [&](const Part& a, const Part& b, double factor) -> std::optional<Interval> {
    if (b.at(1) <= 0) return std::nullopt;
    std::vector<double> ratios(kSamples);
    for (std::size_t i = 0; i < kSamples; ++i) ratios[i] = factor * (a.at(ours[i]) / b.at(firsts[i]));
    return middle_80(std::move(ratios));
  };
  const auto rate = [](const Estimate& e) { return e.run.gpu_hours > 0 ? e.cost.usd.value() / e.run.gpu_hours : 0; };

  RatioIntervals out;
  out.step_time = interval({0, column.step.time.value()}, {0, first.step.time.value()}, 1).value_or(Interval{1, 1});
  out.wall_time = interval(wall_of(column), wall_of(first), 1);
  const Part hours = hours_of(column);
  const Part first_hours = hours_of(first);
  out.gpu_hours = interval(hours, first_hours, 1);
  if (rate(first) > 0) out.usd = interval(hours, first_hours, rate(column) / rate(first));
  return out;
}

}  // namespace gpuhours
