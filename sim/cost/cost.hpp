#pragma once
// Run -> dollars, energy, carbon. Rent = GPU hours x price; energy = node power x node hours x PUE, the share of a node
// following its GPUs. Restarts and stalls are rented, and counted at the power of training.

#include "run/run.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

struct CostEstimate {
  Dollars usd;            ///< rent
  DollarsPerSecond rate;  ///< per GPU
  Joules energy;          ///< at the meter, PUE included
  Dollars electricity;    ///< what that energy costs at the scenario's price; part of the rent, not on top of it
  double carbon_kg = 0;
};

/// `power_share`: mean node power of the step over the node's nameplate.
CostEstimate cost_estimate(const Scenario& scenario, const RunEstimate& run, double power_share);

}  // namespace gpuhours
