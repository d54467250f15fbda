#include "estimate/ratio_interval.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace gpuhours;

namespace {

/// One simulated phase of 100 steps on 8 GPUs, and a given one; step of `seconds`, rent 2 USD an hour.
Estimate of(double seconds, std::vector<ErrorFactor> errors, double given_hours = 0) {
  Estimate e;
  e.step.time = Seconds(seconds);
  e.errors = std::move(errors);
  PhaseEstimate main;
  main.wall_time = Seconds(100 * seconds);
  main.gpu_hours = 8 * 100 * seconds / 3600;
  e.run.phases.push_back(main);
  PhaseEstimate given;
  given.simulated = false;
  given.gpu_hours = given_hours;
  given.wall_time = Seconds(given_hours * 3600 / 8);
  e.run.phases.push_back(given);
  for (const PhaseEstimate& phase : e.run.phases) {
    e.run.gpu_hours += phase.gpu_hours;
    e.run.wall_time += phase.wall_time;
  }
  e.cost.usd = Dollars(2 * e.run.gpu_hours);
  return e;
}

}  // namespace

TEST_CASE("a ratio to itself is exactly 1 to 1") {
  const Estimate e = of(20, {{"kernels", 0.05}, {"residual", 0.03}}, 7);
  const RatioIntervals i = ratio_intervals(e, e, 1);
  for (const Interval& one : {i.step_time, *i.gpu_hours, *i.wall_time, *i.usd}) {
    CHECK(one.p10 == 1);
    CHECK(one.p90 == 1);
  }
}

TEST_CASE("errors in common cancel, whatever the ratio") {
  const RatioIntervals i = ratio_intervals(of(30, {{"kernels", 0.05}}), of(20, {{"kernels", 0.05}}), 1);
  CHECK(i.step_time.p10 == doctest::Approx(1.5).epsilon(1e-12));
  CHECK(i.step_time.p90 == doctest::Approx(1.5).epsilon(1e-12));
  CHECK(i.gpu_hours->p10 == doctest::Approx(1.5).epsilon(1e-12));
}

TEST_CASE("errors of their own add as squares") {
  // Logarithms 0.03 and 0.04 make 0.05; 80 % lie within 1.2816 of that: exp(+-0.06408). 1,999 samples: within 8 %.
  const RatioIntervals i =
      ratio_intervals(of(20, {{"a", 0.03}, {"both", 0.2}}), of(20, {{"b", 0.04}, {"both", 0.2}}), 1);
  CHECK(std::log(i.step_time.p10) == doctest::Approx(-0.06408).epsilon(0.08));
  CHECK(std::log(i.step_time.p90) == doctest::Approx(0.06408).epsilon(0.08));
}

TEST_CASE("given hours have no error: half of them halve the interval to first order") {
  const double hours = 8 * 100 * 20.0 / 3600;
  const RatioIntervals whole = ratio_intervals(of(20, {{"a", 0.01}}), of(20, {}), 1);
  const RatioIntervals half = ratio_intervals(of(20, {{"a", 0.01}}, hours), of(20, {}, hours), 1);
  CHECK((half.gpu_hours->p90 - 1) == doctest::Approx(0.5 * (whole.gpu_hours->p90 - 1)).epsilon(1e-3));
  CHECK(half.step_time.p90 == whole.step_time.p90);
}

TEST_CASE("another price scales the dollars, a free run has no ratio of them") {
  Estimate dear = of(20, {});
  dear.cost.usd = 3 * dear.cost.usd;
  CHECK(ratio_intervals(dear, of(20, {}), 1).usd->p10 == doctest::Approx(3));
  Estimate free = of(20, {});
  free.cost.usd = {};
  CHECK_FALSE(ratio_intervals(dear, free, 1).usd);
}
