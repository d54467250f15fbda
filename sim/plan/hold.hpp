#pragma once
// Columns that share something other than their number of GPUs. Input: a scenario, its estimate and what the first
// column takes; output: the scenario changed so that it takes the same, with its estimate.
//   days     the number of GPUs, in whole data-parallel ranks that divide the batch, whose run takes the time nearest
//            to the first's (by ratio; of two equally near the smaller; one that fits in memory before one that does
//            not). Layout and batch stay.
//   dollars  the tokens of the main phase that the first's rent buys. Rent = GPU hours x price, which the number of
//            GPUs hardly changes; it is linear in the tokens once the ramp is over, so that they follow from the rent
//            of a token.

#include <optional>
#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "estimate/calibration.hpp"
#include "estimate/estimate.hpp"

namespace gpuhours {

struct HeldColumn {
  Scenario scenario;
  Estimate estimate;
  double off = 0;  ///< what is held over the first's, minus 1
};

/// Numbers of GPUs on which the layout of `scenario` runs its batches, ascending.
std::vector<int> runnable_gpus(const Scenario& scenario);

/// Empty with the reason in `refused` when there is none.
std::optional<HeldColumn> with_days(const Scenario& scenario, const Estimate& own, Seconds days,
                                    const Calibration& calibration, int jobs, std::string& refused);
std::optional<HeldColumn> with_dollars(const Scenario& scenario, const Estimate& own, Dollars usd,
                                       const Calibration& calibration, std::string& refused);

}  // namespace gpuhours
