#include "cost/cost.hpp"

namespace gpuhours {

CostEstimate cost_estimate(const Scenario& scenario, const RunEstimate& run, double power_share) {
  const Pricing& pricing = scenario.pricing;
  const Node& node = scenario.cluster.node;
  const Seconds gpu_time = run.gpu_hours * kHour;
  CostEstimate cost;
  cost.rate = pricing.rent_per_gpu;
  cost.usd = cost.rate * gpu_time;
  cost.energy = node.max_power * (power_share * pricing.pue / node.gpus) * gpu_time;
  cost.electricity = cost.energy * pricing.electricity;
  cost.carbon_kg = cost.energy.value() * pricing.carbon_kg_per_joule;
  return cost;
}

}  // namespace gpuhours
