#pragma once
// How a layer's times grow with the rows that its rank receives over the mean of the expert group. Input: the layer's
// work and that of a rank with the slowest rank's rows, both timed; output: a straight line, exact at both. Expert
// communication grows by the bytes of the receiver: with DeepEP's two-level kernels, where the NIC binds, those of the
// whole NVLink domain.

#include <optional>

#include "schedule/chunk_graph.hpp"
#include "schedule/timed_work.hpp"
#include "workload/routing.hpp"

namespace gpuhours {

class LoadGrowth {
 public:
  LoadGrowth(const Scenario& scenario, const RankLoads& loads, const WorkTimer& timer,
             const CommunicationModel& network);

  /// Gives `layer`, which is `work` timed, its growth. `member`: where a Workload holds that layer.
  void apply(const LayerWork& work, LayerWork Workload::*member, bool shares_sms, TimedLayer& layer) const;

 private:
  [[nodiscard]] GrowsWith expert_communication(const LayerWork& work) const;

  const Scenario& scenario_;
  const WorkTimer& timer_;
  const CommunicationModel& network_;
  double load_;
  std::optional<Workload> loaded_;  ///< empty: all ranks receive the same
};

struct SegmentTimes {
  SimTime alone;
  SimTime beside;
};
/// A segment's times on a rank with this load. A sender has its tokens to send whatever the rank receives.
SegmentTimes times_under(const TimedSegment& segment, const Load& load);

}  // namespace gpuhours
