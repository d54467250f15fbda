#pragma once
// Which rank sits where, and who talks with whom. Ranks count tp fastest, then cp, dp, and pp slowest (Megatron's
// order); expert groups count the same ranks of a
// stage anew, expert-tensor fastest, then ep (Megatron's folding). shard: consecutive data ranks; replica: one of each.
// Device i is GPU i % node.gpus of node i / node.gpus.

#include <vector>

#include "cluster/group_kind.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

/// How a process group of one rank lies on the cluster: all groups of a kind are alike by symmetry.
struct GroupLayout {
  int size = 1;
  int nvlink_domains = 1;    ///< distinct NVLink domains its ranks lie in
  int ranks_per_domain = 1;  ///< ranks of the group in one domain
  int stride = 1;            ///< distance of neighbours in rank numbers
};

/// The layout of `kind` groups. DualPipe holds each stage on two ranks: its data groups count both copies.
GroupLayout group_layout(const Scenario& scenario, GroupKind kind);

/// Ranks of the group of `kind` that `rank` belongs to, ascending.
std::vector<int> group_ranks(const Scenario& scenario, GroupKind kind, int rank);

}  // namespace gpuhours
