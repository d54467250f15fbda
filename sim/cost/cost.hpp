#pragma once
// Run -> dollars, energy, carbon. Rent = GPU hours x price; ownership and Epoch's method in ownership.hpp. Energy =
// node power x node hours x PUE, the share of a node following its GPUs. Restarts and stalls are paid for, and counted
// at the power of training.

#include <optional>
#include <string>
#include <vector>

#include "run/run.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

/// A line of the tree of costs; the parts of one that has any sum to it.
struct CostItem {
  std::string name;
  std::string basis;  ///< what it was multiplied from, in words
  Dollars usd;
  std::vector<CostItem> parts;
};

/// Of a price that is known as a range.
struct DollarRange {
  Dollars low, high;
};

struct CostEstimate {
  Dollars usd;            ///< of the run, by pricing.method
  DollarsPerSecond rate;  ///< per GPU
  std::optional<DollarRange> range;
  Dollars with_research;  ///< usd x pricing.research_multiplier
  Joules energy;          ///< at the meter, PUE included
  Dollars electricity;    ///< what that energy costs at the scenario's price; part of a rent, not on top of it
  double carbon_kg = 0;
  CostItem tree;  ///< of with_research
};

/// `power_share`: mean node power of the step over the node's nameplate.
CostEstimate cost_estimate(const Scenario& scenario, const RunEstimate& run, double power_share);

}  // namespace gpuhours
