#pragma once
// A collective as flows between GPUs. A pipelined ring or tree is a flow on each of its edges that lasts as long as the
// whole collective; the hops that fill the pipeline are its latency. Bytes are divided by the share of the link that
// the algorithm reaches, so that flows of several collectives share the links' nominal speed. Ring over nodes: one
// channel a GPU of a node; channel c enters node k at its GPU (c - k) mod r and leaves from the one before, so that
// data stays on its rail. Trees run once a rail.

#include <span>
#include <string>
#include <vector>

#include "cluster/expert_visits.hpp"
#include "schedule/collective_law.hpp"

namespace gpuhours {

enum class FlowPath {
  whole,        ///< from GPU to GPU
  to_switch,    ///< only up to the NVSwitch, which reduces
  from_switch,  ///< only down from it, which multicasts
};

struct PlannedFlow {
  int from = 0;
  int to = 0;        ///< equal to `from` for half paths
  double bytes = 0;  ///< over the achieved share
  FlowPath path = FlowPath::whole;
};

struct FlowPlan {
  std::string algorithm;
  Seconds latency;  ///< before the flows, and not shared with anybody
  std::vector<PlannedFlow> flows;
};

/// The flows of `estimate`'s algorithm for `ranks` (ascending, as many in each NVLink domain of `domain_size` GPUs).
FlowPlan collective_flows(const CollectiveEstimate& estimate, CollectiveOp op, Bytes bytes, std::span<const int> ranks,
                          int domain_size);

/// Dispatch (or combine, the same bytes backwards) of `bytes` a rank: once to each domain visited over the NIC of the
/// rank's rail, forwarded over NVLink. Shares and latency as given.
FlowPlan expert_flows(const ExpertVisits& visits, Bytes bytes, double nic_share, double nvlink_share, Seconds latency,
                      std::span<const int> ranks, int domain_size);

}  // namespace gpuhours
