#include "plan/hold.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/parallel.hpp"
#include "report/number_text.hpp"
#include "scenario/layout_problem.hpp"

namespace gpuhours {
namespace {

/// Days change about as one over the GPUs; numbers further off than this from that guess are not estimated.
constexpr double kFarOff = 3;
/// Rent that is met to this is met.
constexpr double kMet = 1e-9;
/// Rent is met at the first; what an owner pays is not quite linear in the hours.
constexpr int kMostTries = 8;

std::string first_message(const Diagnostics& found) {
  return found.all().empty() ? "no reason given" : found.all().front().message;
}

/// Of `all` those within kFarOff of `guess`, or the nearest one.
std::vector<int> near(const std::vector<int>& all, double guess) {
  const auto distance = [&](int gpus) { return std::abs(std::log(gpus / guess)); };
  std::vector<int> out;
  for (const int gpus : all) {
    if (distance(gpus) <= std::log(kFarOff)) out.push_back(gpus);
  }
  if (out.empty() && !all.empty()) {
    out.push_back(*std::min_element(all.begin(), all.end(), [&](int a, int b) { return distance(a) < distance(b); }));
  }
  return out;
}

/// Rent of one more token of the main phase at its whole batch.
double usd_per_token(const Scenario& scenario, const Estimate& e) {
  const double step_tokens = static_cast<double>(scenario.training.global_batch) * scenario.training.sequence_length;
  const double usd_per_hour = e.cost.usd.value() / e.run.gpu_hours;
  return scenario.cluster.gpus * (e.step.time / kHour) / e.run.goodput / step_tokens * usd_per_hour;
}

}  // namespace

std::vector<int> runnable_gpus(const Scenario& scenario) {
  std::vector<int> out;
  const Parallelism& p = scenario.parallelism;
  Scenario asked = scenario;
  const int rounds = scenario.training.global_batch / scenario.training.micro_batch;
  for (int dp = 1; dp <= rounds; ++dp) {
    if (rounds % dp != 0) continue;
    asked.cluster.gpus = p.tp * p.pp * p.cp * dp;
    if (!layout_problem(asked)) out.push_back(asked.cluster.gpus);
  }
  return out;
}

std::optional<HeldColumn> with_days(const Scenario& scenario, const Estimate& own, Seconds days,
                                    const Calibration& calibration, int jobs, std::string& refused) {
  const double guess = scenario.cluster.gpus * (own.run.wall_time / days);
  const std::vector<int> sizes = near(runnable_gpus(scenario), guess);
  std::vector<std::optional<HeldColumn>> found(sizes.size());
  std::vector<Diagnostics> problems(sizes.size());
  for_each_index(static_cast<int>(sizes.size()), jobs, [&](int i) {
    const auto at = static_cast<std::size_t>(i);
    Scenario one = scenario;
    one.cluster.gpus = sizes[at];
    auto result = estimate(one, calibration, {}, problems[at]);
    if (result) found[at] = HeldColumn{std::move(one), std::move(*result), 0};
  });
  std::optional<HeldColumn> best;
  const auto rank = [&](const HeldColumn& one) {
    return std::pair(!one.estimate.memory.fits(), std::abs(std::log(one.estimate.run.wall_time / days)));
  };
  for (std::optional<HeldColumn>& one : found) {
    if (one && (!best || rank(*one) < rank(*best))) best = std::move(one);
  }
  if (best) {
    best->off = best->estimate.run.wall_time / days - 1;
  } else {
    refused = sizes.empty() ? "its layout runs its batch on no number of GPUs" : first_message(problems.front());
  }
  return best;
}

std::optional<HeldColumn> with_dollars(const Scenario& scenario, const Estimate& own, Dollars usd,
                                       const Calibration& calibration, std::string& refused) {
  if (own.cost.usd.value() <= 0) {
    refused = "no rent to hold: its price is 0";
    return std::nullopt;
  }
  HeldColumn held{scenario, own, own.cost.usd / usd - 1};
  for (int i = 0; i < kMostTries && std::abs(held.off) > kMet; ++i) {
    const double more = (usd - held.estimate.cost.usd).value() / usd_per_token(held.scenario, held.estimate);
    Training& training = held.scenario.training;
    training.tokens += more;
    if (training.tokens <= training.ramp.tokens || training.tokens <= 0) {
      refused = fmt::format("{} buys no more than {}", dollars_text(usd),
                            training.ramp.tokens > 0 ? "the batch ramp" : "the phases whose hours are given");
      return std::nullopt;
    }
    Diagnostics found;
    auto result = estimate(held.scenario, calibration, {}, found);
    if (!result) {
      refused = first_message(found);
      return std::nullopt;
    }
    held.estimate = std::move(*result);
    held.off = held.estimate.cost.usd / usd - 1;
  }
  return held;
}

}  // namespace gpuhours
