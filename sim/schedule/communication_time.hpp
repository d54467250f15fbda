#pragma once
// Communication -> time without the flow network: latency + bytes over the achieved bandwidth of the tier that binds.
// Achieved shares of the nominal link speeds and latencies are read from calibration/network.yaml.

#include <memory>
#include <string>

#include "cluster/placement.hpp"
#include "core/diagnostic.hpp"
#include "schedule/collective_law.hpp"
#include "workload/operator.hpp"

namespace gpuhours {

struct CommunicationTime {
  Seconds alone;              ///< nothing else on the GPU
  Seconds beside;             ///< compute kernels run all the time (they share HBM and SMs)
  std::string bottleneck;     ///< "nvlink", "nic", "latency", "none"
  Bytes nvlink_bytes;         ///< sent per GPU over NVLink
  Bytes nic_bytes;            ///< sent per GPU over its NIC
  bool measured = false;      ///< rests on a measurement of this fabric class
  double relative_error = 0;  ///< standard error as a fraction
};

class CommunicationModel {
 public:
  virtual ~CommunicationModel() = default;
  [[nodiscard]] virtual CommunicationTime time(const Communication& communication) const = 0;
};

/// Latency and bandwidth by tier (`engine.network: analytic`). Null with errors in `diagnostics` when calibration is
/// missing.
std::shared_ptr<const CommunicationModel> analytic_network(const Scenario& scenario,
                                                           const std::string& calibration_directory,
                                                           Diagnostics& diagnostics);
/// The same from laws that have been read, which many models may share.
std::shared_ptr<const CommunicationModel> analytic_network(const Scenario& scenario,
                                                           std::shared_ptr<const NetworkLaws> laws);

/// What a dispatch or combine (by all-gather or all-to-all), or any other communication, is as a collective.
struct CollectiveCall {
  CollectiveOp op;
  Bytes bytes;
};
CollectiveCall as_collective(const Scenario& scenario, const Communication& communication, int ranks);

/// The laws of a dispatcher that sends a token once.
const ExpertLaws& laws_of(const NetworkLaws& laws, Dispatcher dispatcher);
/// NVLink's achieved rate in expert dispatch and combine, or what the SMs that the kernel holds can move (0: no limit).
BytesPerSecond expert_nvlink_rate(const ExpertPhaseLaw& law, const GroupShape& group, int sms);

/// The groups of `kind` with the link speeds of the scenario's cluster.
GroupShape group_shape(const Scenario& scenario, const NetworkLaws& laws, GroupKind kind);

}  // namespace gpuhours
