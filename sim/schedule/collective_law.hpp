#pragma once
// One collective on one group -> time by each algorithm that a library could choose, and the choice.
// Bytes of a link and direction per rank, S the buffer (nccl-tests' size), n ranks on N NVLink domains, r a domain:
//   ring (all-gather, reduce-scatter; all-reduce twice)  S (n-1)/n over NVLink (N > 1: (r-1)/r of it), 1/r over a NIC
//   NVLS (switch reduces, all-reduce)                    S over NVLink
//   tree over domains (double binary tree)               S/r over a NIC for N = 2, 2 S/r for many
//   all-to-all                                           S (r-1)/n over NVLink, S (n-r)/n over a NIC
// Time is base + hops x step + the slower of the two links at its achieved share (schedule/network_laws.hpp).

#include <string>
#include <vector>

#include "schedule/network_laws.hpp"

namespace gpuhours {

enum class CollectiveOp { all_reduce, all_gather, reduce_scatter, broadcast, all_to_all, send };

/// A process group and the nominal speeds that it meets.
struct GroupShape {
  int size = 1;
  int domains = 1;
  int per_domain = 1;
  BytesPerSecond nvlink;  ///< per GPU and direction
  BytesPerSecond nic;     ///< per GPU and direction: the node's NICs over its GPUs
  bool nvls = false;      ///< the NVSwitches reduce
  std::string generation = "hopper";
  std::string transport = "infiniband";  ///< key of NetworkLaws::nic
  Seconds extra_latency;                 ///< of a network hop over the fabric that the laws were fitted on
};

struct CollectiveEstimate {
  Seconds time;
  std::string algorithm;   ///< "ring/LL128", "nvls", "tree/Simple", "pairwise", "none"
  std::string bottleneck;  ///< "nvlink", "nic", "latency", "none"
  Bytes nvlink_bytes;      ///< sent by a rank, its own copy included
  Bytes nic_bytes;
  Seconds latency;          ///< part of `time` that no link's speed changes
  double nvlink_share = 1;  ///< achieved over nominal
  double nic_share = 1;
  double error = 0;
  bool measured = false;  ///< laws of this GPU generation and transport exist
};

/// Every algorithm for `op`, in no order; one "none" entry for a group of one.
std::vector<CollectiveEstimate> collective_candidates(const NetworkLaws& laws, const GroupShape& group, CollectiveOp op,
                                                      Bytes bytes);

/// The fastest of them.
CollectiveEstimate collective_estimate(const NetworkLaws& laws, const GroupShape& group, CollectiveOp op, Bytes bytes);

/// nccl-tests' factor from algorithm bandwidth (bytes over time) to bus bandwidth.
double bus_factor(CollectiveOp op, int ranks);

}  // namespace gpuhours
