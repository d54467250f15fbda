#pragma once
// What owned GPUs cost a run. Every figure is one of pricing.capital and pricing.terms, but for Epoch's constants.
//   capital K, per GPU = server + spares x server + network;  network = endpoints a GPU x cost of an endpoint (fabric)
//   linear        depreciation K (1 - residual) / life; mean book value K (1 + residual) / 2
//   declining     a run of T years after the purchase: depreciation K (1 - e^-dT) / T, mean book value K (1 -
//   e^-dT)/(dT) interest      rate x mean book value hosting       rate x nameplate power of the node's share;  staff =
//   rate x K
// All of these run while GPUs idle: a year of them is spread over `utilisation` of a year. Electricity is metered.
// Epoch AI (Cottier et al., arXiv 2405.21015; cost_analysis_standalone.py of 2026-04):
//   hardware = server x 0.14 ln 10 / 8,766 h (value falls by 0.14 orders of magnitude a year), over 1 - 0.19 for the
//   network; energy = node power x 0.75 x PUE x electricity.

#include "cost/cost.hpp"

namespace gpuhours {

inline constexpr double kEpochOrdersPerYear = 0.14;
inline constexpr double kEpochNetworkShare = 0.19;
inline constexpr double kEpochPowerShare = 0.75;
/// A server over its bare GPUs: Epoch's average of A100 (1.66) and V100 (1.69) systems and later ones.
inline constexpr double kEpochServerOverGpu = 1.64;
inline constexpr Seconds kYear{8766.0 * 3600.0};

/// Price of the network by GPU: the fabric's published cost of an endpoint, else that of its counted switches and
/// links.
struct NetworkPrice {
  Dollars per_gpu;
  std::string basis;
};
NetworkPrice network_price(const Cluster& cluster);

/// Price of a server by GPU: server_per_gpu, else the bare GPU's x `server_over_gpu`.
Dollars server_price(const Capital& capital, double server_over_gpu);

/// The items of `gpu_time` on servers at `server` a GPU. `wall`: the run's length.
CostItem owned_cost(const Scenario& scenario, Dollars server, Seconds gpu_time, Seconds wall, Dollars electricity);
CostItem epoch_cost(const Scenario& scenario, Dollars server, Seconds gpu_time);

}  // namespace gpuhours
