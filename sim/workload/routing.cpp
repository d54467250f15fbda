#include "workload/routing.hpp"

#include "core/order_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "cluster/placement.hpp"
#include "core/random.hpp"

namespace gpuhours {
namespace {

double normal_density(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi); }
double normal_distribution(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

/// Expected maximum of independent normal numbers with these means and one deviation.
double expected_maximum(const std::vector<double>& means, double deviation) {
  const double most = *std::max_element(means.begin(), means.end());
  if (deviation <= 0) return most;
  constexpr int kSteps = 512;
  const double low = most - 8 * deviation;  // the maximum is hardly ever below
  const double high = most + 8 * deviation;
  const double step = (high - low) / kSteps;
  double below = 0;  // integral of the maximum's distribution function, trapezoids
  for (int i = 0; i <= kSteps; ++i) {
    double product = 1;
    for (const double mean : means) product *= normal_distribution((low + i * step - mean) / deviation);
    below += (i == 0 || i == kSteps ? 0.5 : 1.0) * product * step;
  }
  return high - below;
}

/// Relative deviation of an expert's tokens in a micro-batch of `tokens` tokens.
double natural_deviation(const Scenario& scenario, double tokens) {
  const Architecture& model = scenario.model;
  const double imbalance = scenario.training.expert_imbalance.value_or(kNaturalImbalance);
  const double share = static_cast<double>(model.top_k) / model.experts;
  return std::sqrt(imbalance * imbalance + (1 - share) / (tokens * share));
}

bool is_natural(const Scenario& scenario) {
  return scenario.model.is_moe() && scenario.training.router_balance == RouterBalance::natural;
}

/// Tokens that the ranks of one expert group route in one micro-batch.
double group_tokens(const Scenario& scenario) {
  const Parallelism& p = scenario.parallelism;
  return static_cast<double>(scenario.training.micro_batch) * scenario.training.sequence_length / (p.cp * p.tp) * p.ep *
         p.etp;
}

/// Deviation of the sum of `held` of `experts` loads that sum to a constant, relative to its mean.
double deviation_of_sum(double deviation, double experts, double held) {
  return experts > 1 ? deviation * std::sqrt((experts - held) / (held * (experts - 1))) : 0.0;
}

std::vector<double> lasting_by_rank(const std::vector<int>& experts, int ranks) {
  if (experts.empty()) return {};
  const double mean = std::accumulate(experts.begin(), experts.end(), 0.0) / ranks;
  const std::size_t held = experts.size() / static_cast<std::size_t>(ranks);
  std::vector<double> out;
  for (int rank = 0; rank < ranks; ++rank) {
    const auto first = experts.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(rank) * held);
    out.push_back(std::accumulate(first, first + static_cast<std::ptrdiff_t>(held), 0.0) / mean);
  }
  const bool even = std::all_of(out.begin(), out.end(), [](double load) { return load == 1.0; });
  return even ? std::vector<double>{} : out;
}

}  // namespace

RankLoads::RankLoads(const Scenario& scenario) {
  const GroupLayout layout = group_layout(scenario, GroupKind::expert);
  ranks_ = layout.size;
  ranks_per_domain_ = layout.ranks_per_domain;
  if (!is_natural(scenario)) return;
  expert_deviation_ = natural_deviation(scenario, group_tokens(scenario));
  // With a capacity every expert computes the same.
  if (scenario.training.capacity_factor > 0 || ranks_ <= 1) return;
  const double experts = scenario.model.experts;
  deviation_ = deviation_of_sum(expert_deviation_, experts, experts / ranks_);
  lasting_ = lasting_by_rank(scenario.training.expert_loads, ranks_);
}

double RankLoads::slowest() const {
  if (even()) return 1;
  // Centred on the group's mean a normal number loses 1/n of its variance; deviation_ is what is left.
  const double apart = deviation_ * std::sqrt(ranks_ / (ranks_ - 1.0));
  if (lasting_.empty()) return 1 + apart * expected_maximum(ranks_);
  return expected_maximum(lasting_, apart);
}

double RankLoads::high(double count) const {
  if (even()) return 1;
  constexpr double kQuantile = 3.09;  // 99.9 % of a normal number
  const double most = lasting_.empty() ? 1.0 : *std::max_element(lasting_.begin(), lasting_.end());
  return most + kQuantile * deviation_ / std::sqrt(std::max(1.0, count));
}

std::vector<double> RankLoads::drawn(std::uint64_t seed, std::uint64_t entity, std::uint64_t index) const {
  std::vector<double> loads(static_cast<std::size_t>(ranks_));
  double sum = 0;
  for (int rank = 0; rank < ranks_; ++rank) {
    const std::uint64_t stream = entity * 65536 + static_cast<std::uint64_t>(rank);
    loads[static_cast<std::size_t>(rank)] = standard_normal(seed ^ 0x726f7574696e67ULL, stream, index);
    sum += loads[static_cast<std::size_t>(rank)];
  }
  const double mean = sum / ranks_;
  const double apart = ranks_ > 1 ? deviation_ * std::sqrt(ranks_ / (ranks_ - 1.0)) : 0.0;
  for (int rank = 0; rank < ranks_; ++rank) {
    double& load = loads[static_cast<std::size_t>(rank)];
    load = std::max(0.0, lasting(rank) + apart * (load - mean));
  }
  return loads;
}

double dropped_share(const Scenario& scenario) {
  const double capacity = scenario.training.capacity_factor;
  if (capacity <= 0 || !scenario.model.is_moe()) return 0;
  // Capacity is counted by the rank that sends, over its own tokens.
  const double tokens = group_tokens(scenario) / scenario.parallelism.ep;
  std::vector<double> means{1.0};
  if (!scenario.training.expert_loads.empty()) {
    means = lasting_by_rank(scenario.training.expert_loads, scenario.model.experts);
    if (means.empty()) means = {1.0};
  }
  const double deviation = is_natural(scenario) ? natural_deviation(scenario, tokens) : 0.0;
  double dropped = 0;
  for (const double mean : means) {
    if (deviation <= 0) {
      dropped += std::max(0.0, mean - capacity);
      continue;
    }
    const double a = (capacity - mean) / deviation;
    dropped += deviation * (normal_density(a) - a * (1 - normal_distribution(a)));
  }
  return dropped / static_cast<double>(means.size());
}

}  // namespace gpuhours
