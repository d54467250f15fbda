#include "cost/cost.hpp"

#include <fmt/format.h>

#include "cost/ownership.hpp"

namespace gpuhours {

namespace {

/// Rent at `price`, by phase of the run.
CostItem rent_cost(const RunEstimate& run, const Pricing& pricing, DollarsPerSecond price) {
  CostItem item{"run", "rent", run.gpu_hours * kHour * price, {}};
  if (!pricing.provider.empty()) item.basis += fmt::format(", {} {}", pricing.provider, pricing.date);
  for (const PhaseEstimate& phase : run.phases) {
    item.parts.push_back({phase.name,
                          fmt::format("{:.0f} GPU hours at {:.2f} USD", phase.gpu_hours, (price * kHour).value()),
                          phase.gpu_hours * kHour * price,
                          {}});
  }
  return item;
}

/// The costs of a run by the scenario's method; `capital` and `price` may be an end of their range.
CostItem run_cost(const Scenario& scenario, const RunEstimate& run, const Capital& capital, DollarsPerSecond price,
                  Dollars electricity) {
  const Pricing& pricing = scenario.pricing;
  const Seconds gpu_time = run.gpu_hours * kHour;
  switch (pricing.method) {
    case PricingMethod::rent:
      return rent_cost(run, pricing, price);
    case PricingMethod::owned:
      return owned_cost(scenario, server_price(capital, pricing.terms.server_over_gpu), gpu_time, run.wall_time,
                        electricity);
    case PricingMethod::epoch:
      return epoch_cost(scenario, server_price(capital, kEpochServerOverGpu), gpu_time);
  }
  return {};
}

/// Low and high where the price that the method uses is known as a range.
std::optional<DollarRange> range_of(const Scenario& scenario, const RunEstimate& run, Dollars electricity) {
  const Pricing& pricing = scenario.pricing;
  const auto at = [&](Dollars server, DollarsPerSecond rent) {
    Capital capital = pricing.capital;
    capital.server_per_gpu = server;
    return run_cost(scenario, run, capital, rent, electricity).usd;
  };
  const bool rented = pricing.method == PricingMethod::rent;
  const bool known = rented ? pricing.low.value() > 0 && pricing.high.value() > 0
                            : pricing.capital.low.value() > 0 && pricing.capital.high.value() > 0;
  if (!known) return std::nullopt;
  return DollarRange{at(pricing.capital.low, pricing.low), at(pricing.capital.high, pricing.high)};
}

}  // namespace

CostEstimate cost_estimate(const Scenario& scenario, const RunEstimate& run, double power_share) {
  const Pricing& pricing = scenario.pricing;
  const Node& node = scenario.cluster.node;
  const Seconds gpu_time = run.gpu_hours * kHour;
  CostEstimate cost;
  cost.energy = node.max_power * (power_share * pricing.pue / node.gpus) * gpu_time;
  cost.electricity = cost.energy * pricing.electricity;
  cost.carbon_kg = cost.energy.value() * pricing.carbon_kg_per_joule;
  CostItem of_run = run_cost(scenario, run, pricing.capital, pricing.rent_per_gpu, cost.electricity);
  cost.usd = of_run.usd;
  const bool rented = pricing.method == PricingMethod::rent || gpu_time.value() <= 0;
  cost.rate = rented ? pricing.rent_per_gpu : cost.usd / gpu_time;
  cost.range = range_of(scenario, run, cost.electricity);
  cost.with_research = cost.usd * pricing.research_multiplier;
  cost.tree = {"total", pricing.currency, cost.with_research, {std::move(of_run)}};
  if (pricing.research_multiplier > 1) {
    cost.tree.parts.push_back({"experiments and failed runs",
                               fmt::format("research_multiplier {:.4g}", pricing.research_multiplier),
                               cost.with_research - cost.usd,
                               {}});
  }
  return cost;
}

}  // namespace gpuhours
