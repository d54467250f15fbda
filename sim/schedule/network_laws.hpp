#pragma once
// What links reach of their nominal speed and what a step of an algorithm costs: calibration/network.yaml as a struct.
// One protocol takes base + steps x per_step + bytes / (share x nominal link speed); the library picks the fastest.

#include <map>
#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "core/quantity.hpp"

namespace gpuhours {

/// One protocol of a collective library (LL, LL128, Simple).
struct ProtocolLaw {
  std::string name;
  Seconds base;      ///< of the whole collective
  Seconds per_step;  ///< of one dependent hop
  double share = 1;  ///< achieved over nominal link speed, in (0, 1]
};

/// A kind of algorithm on one kind of link.
struct AlgorithmLaw {
  std::vector<ProtocolLaw> protocols;
  double own_copy = 0;  ///< a rank's own 1/n of the data costs this many times its wire time
  double error = 0;     ///< mean absolute relative error of the fit
};

/// Collectives inside one NVLink domain of a GPU generation.
struct NvlinkLaws {
  AlgorithmLaw ring;  ///< all-gather, reduce-scatter, all-reduce
  AlgorithmLaw nvls;  ///< all-reduce in the switch; no protocols: not available
  AlgorithmLaw point_to_point;
};

/// Collectives that cross NICs. Shares are of the NIC speed; a ring's step is the mean over all its hops, a tree's a
/// hop between domains.
struct NicLaws {
  AlgorithmLaw ring;
  AlgorithmLaw tree;       ///< a chain inside each domain
  AlgorithmLaw nvls_tree;  ///< the domain's switches reduce; no protocols: as `tree`
  AlgorithmLaw all_to_all;
  AlgorithmLaw send;
  Seconds reference_latency;  ///< end to end of the fabric that the steps were fitted on, 0: not known
};

/// Expert dispatch or combine by kernels that send each token once a node and forward it over NVLink. Rates count bytes
/// that really cross a link; DeepEP's own "logical" figures count the local copy too.
struct ExpertPhaseLaw {
  double nic_share = 0;         ///< of the NIC, nothing beside it
  double nic_share_beside = 0;  ///< of the NIC, compute beside it
  double nvlink_share = 0;      ///< of NVLink where all ranks lie in one domain
  double forward_share = 0;     ///< of NVLink where it forwards what came over the NIC
  BytesPerSecond sm_rate;       ///< NVLink bytes that one SM moves in one domain
  BytesPerSecond sm_forward;    ///< the same while forwarding
  Seconds base;                 ///< launch and barriers
  double error = 0;
  double error_beside = 0;
};

struct ExpertLaws {
  ExpertPhaseLaw dispatch;
  ExpertPhaseLaw combine;
  Seconds layout_on_host;  ///< a dispatch whose receive counts the host must read first
};

struct NetworkLaws {
  std::map<std::string, NvlinkLaws> nvlink;  ///< by GPU generation
  std::map<std::string, NicLaws> nic;        ///< by transport: infiniband, efa, ...
  int nvls_min_ranks = 8;                    ///< a group on one NVLink domain below this takes the ring
  ExpertLaws expert;                         ///< DeepEP's kernels
  ExpertLaws expert_hybrid;                  ///< HybridEP's

  /// The laws of `generation`, else those of "hopper"; `known` says which.
  [[nodiscard]] const NvlinkLaws& nvlink_of(const std::string& generation, bool* known = nullptr) const;
  /// The laws of `transport`, else those of "infiniband".
  [[nodiscard]] const NicLaws& nic_of(const std::string& transport, bool* known = nullptr) const;
};

/// Reads DIRECTORY/network.yaml; every missing or bad entry is an error in `diagnostics`.
NetworkLaws read_network_laws(const std::string& calibration_directory, Diagnostics& diagnostics);

/// Multiplies every start-up and hop time by `factor`: a what-if.
void scale_latencies(NetworkLaws& laws, double factor);

}  // namespace gpuhours
