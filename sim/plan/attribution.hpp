#pragma once
// Where the difference between two columns of a comparison comes from. Input: two scenarios that share layout and node
// shape; output: the seconds of a step and the GPU hours that compute, HBM, NVLink, NIC and fabric, and all other
// inputs add, which sum to the whole difference.
//
// A group that replaces another shows what that one had hidden, so that changing one group after another gives parts
// that depend on the order. The parts are therefore Shapley values (L. S. Shapley, A value for n-person games, 1953):
// the mean over all orders, the only division that sums to the whole, treats groups alike and gives nothing to a group
// without effect. With k groups that differ it takes 2^k estimates, at most 16 for hardware alone and 32 with other
// inputs (folded estimates are cheap); groups that are the same in both are left out.
//
// compute is the GPU without its memory and links: matrix units, SMs, clocks, power, the kernel laws of this GPU and
// how well its generation uses a link. HBM is its bandwidth. NVLink: link speed, switches that reduce (SHARP), latency.
// NIC and fabric: NICs of a node and the network between nodes.

#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "estimate/calibration.hpp"
#include "report/comparison.hpp"

namespace gpuhours {

/// Shapley value of each of `players` players. `worth` holds 2^players values, indexed by the set of players as bits.
std::vector<double> shapley_values(int players, const std::vector<double>& worth);

/// Indices into the groups: 0 compute, 1 HBM, 2 NVLink, 3 NIC and fabric, 4 other inputs.
inline constexpr int kHardwareGroups = 4;
std::string_view attribution_group(int group);

/// `base` with the hardware groups of `set` (bits) as in `second` and the others as in `first`.
Scenario mixed_hardware(const Scenario& base, const Scenario& first, const Scenario& second, unsigned set);
/// The hardware groups in which two clusters differ, as bits.
unsigned different_hardware(const Cluster& first, const Cluster& second);
/// Why two scenarios cannot be compared group by group; empty when they can.
std::string different_shape(const Scenario& first, const Scenario& second);

/// `first_estimate` and `second_estimate` are those of the scenarios. A mixture that cannot run is no error: `refused`
/// says why.
Attribution attribution(const Scenario& first, const Estimate& first_estimate, const Scenario& second,
                        const Estimate& second_estimate, const Calibration& calibration, int jobs);

}  // namespace gpuhours
