#include "cost/ownership.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cluster/fabric_layout.hpp"

namespace gpuhours {

namespace {

CostItem sum_of(std::string name, std::string basis, std::vector<CostItem> parts) {
  CostItem item{std::move(name), std::move(basis), {}, std::move(parts)};
  for (const CostItem& part : item.parts) item.usd += part.usd;
  return item;
}

std::string percent(double share) { return fmt::format("{:.4g} %", 100 * share); }
std::string money(Dollars usd) { return fmt::format("{:.0f} USD", usd.value()); }

/// Share of the price that a year takes, and the mean book value over the price.
struct Wear {
  double per_year = 0;
  double book_value = 0;
  std::string basis;
};

Wear wear(const OwnershipTerms& terms, Seconds wall) {
  if (terms.depreciation == Depreciation::linear) {
    return {(1 - terms.residual) / (terms.life / kYear), (1 + terms.residual) / 2,
            fmt::format("linear over {:.4g} years to {}", terms.life / kYear, percent(terms.residual))};
  }
  const double years = std::max(wall / kYear, 1e-9);
  const double lost = -std::expm1(-terms.decline_per_year * years);
  return {lost / years, lost / (terms.decline_per_year * years),
          fmt::format("declining by {} a year, continuously", percent(terms.decline_per_year))};
}

}  // namespace

NetworkPrice network_price(const Cluster& cluster) {
  const Fabric& fabric = cluster.fabric;
  if (fabric.kind == FabricKind::none) return {{}, "one node"};
  const double endpoints = static_cast<double>(cluster.node.nics) / cluster.node.gpus;
  Dollars price = fabric.cost_per_endpoint;
  std::string origin = "as published";
  if (price.value() <= 0) {
    Diagnostics unused;
    const FabricCounts counts = fabric_counts(fabric, {}, unused);
    price = counts.cost_per_endpoint;
    origin = fmt::format("{} switches, {} links counted", counts.switches, counts.links);
  }
  return {price * endpoints, fmt::format("{:.4g} endpoints a GPU at {}, {}", endpoints, money(price), origin)};
}

Dollars server_price(const Capital& capital, double server_over_gpu) {
  return capital.server_per_gpu.value() > 0 ? capital.server_per_gpu : capital.gpu_price * server_over_gpu;
}

CostItem owned_cost(const Scenario& scenario, Dollars server, Seconds gpu_time, Seconds wall, Dollars electricity) {
  const OwnershipTerms& terms = scenario.pricing.terms;
  const Node& node = scenario.cluster.node;
  const NetworkPrice network = network_price(scenario.cluster);
  const Dollars spares = terms.spares * server;
  const Dollars capital = server + spares + network.per_gpu;
  const Wear worn = wear(terms, wall);
  const double years = gpu_time / kYear / terms.utilisation;
  const std::string idle =
      terms.utilisation < 1 ? fmt::format(", {} of owned hours train", percent(terms.utilisation)) : "";
  CostItem depreciation =
      sum_of("depreciation", worn.basis + idle,
             {{"servers", fmt::format("{} a GPU", money(server)), worn.per_year * years * server, {}},
              {"network", network.basis, worn.per_year * years * network.per_gpu, {}},
              {"spares", fmt::format("{} of the servers", percent(terms.spares)), worn.per_year * years * spares, {}}});
  const Watts nameplate = node.max_power / static_cast<double>(node.gpus);
  const Joules reserved = nameplate * (years * kYear);
  return sum_of(
      "run", fmt::format("owned, {}", terms.id.empty() ? "terms of the scenario" : terms.id),
      {std::move(depreciation),
       {"interest",
        fmt::format("{} a year on {} of the price", percent(terms.interest_per_year), percent(worn.book_value)),
        terms.interest_per_year * worn.book_value * years * capital,
        {}},
       {"hosting", fmt::format("{:.3f} kW a GPU, nameplate", nameplate.value() * 1e-3), reserved * terms.hosting, {}},
       {"electricity", fmt::format("PUE {:.3g}", scenario.pricing.pue), electricity, {}},
       {"staff and maintenance",
        fmt::format("{} of the price a year", percent(terms.staff_per_year)),
        terms.staff_per_year * years * capital,
        {}}});
}

CostItem epoch_cost(const Scenario& scenario, Dollars server, Seconds gpu_time) {
  const Pricing& pricing = scenario.pricing;
  const Node& node = scenario.cluster.node;
  const Dollars servers = server * (kEpochOrdersPerYear * std::log(10.0) * (gpu_time / kYear));
  const Dollars network = servers * (kEpochNetworkShare / (1 - kEpochNetworkShare));
  const Joules energy = node.max_power * (kEpochPowerShare * pricing.pue / node.gpus) * gpu_time;
  return sum_of("run", "Epoch AI, amortised hardware and energy",
                {{"servers", fmt::format("{} a GPU, value falls by 32.2 % a year", money(server)), servers, {}},
                 {"network", "19 % of the cluster", network, {}},
                 {"electricity",
                  fmt::format("75 % of {:.1f} kW a node, PUE {:.3g}", node.max_power.value() * 1e-3, pricing.pue),
                  energy * pricing.electricity,
                  {}}});
}

}  // namespace gpuhours
