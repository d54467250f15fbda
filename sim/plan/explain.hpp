#pragma once
// Which resource a step waits for: the estimate again with each resource 10 % better, everything else as it was. The
// sum of the changes is no prediction of all at once: what one resource hides, another shows.

#include <vector>

#include "core/diagnostic.hpp"
#include "estimate/calibration.hpp"
#include "estimate/estimate.hpp"
#include "report/explain_report.hpp"

namespace gpuhours {

/// A resource and the scenario with 10 % more of it (speeds x 1.1; times and SMs held x 0.9).
struct Alteration {
  std::string resource;
  std::string what;
  Scenario scenario;
};

/// Peak FLOPs, HBM, NVLink, NIC, latency, SMs held by communication; those that the scenario does not use are left out.
std::vector<Alteration> alterations(const Scenario& scenario);

/// `base` is the estimate of `scenario`. Empty with errors in `diagnostics` when an altered scenario cannot be
/// estimated.
std::vector<Sensitivity> sensitivities(const Scenario& scenario, const Estimate& base, const Calibration& calibration,
                                       int jobs, Diagnostics& diagnostics);

}  // namespace gpuhours
