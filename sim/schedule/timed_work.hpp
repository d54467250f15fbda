#pragma once
// Layers whose kernels and communications have been given their times. Input: workload, kernel laws, communication
// model, stack; output: per layer the segments that schedule/chunk_graph.hpp lays on streams.

#include <array>
#include <string>
#include <vector>

#include "core/sim_time.hpp"
#include "kernels/kernel_laws.hpp"
#include "schedule/communication_time.hpp"
#include "workload/workload.hpp"

namespace gpuhours {

/// What is known about a run of kernels beyond its length. Sums add.
struct KernelAccount {
  std::array<double, kProvenances> seconds{};  ///< kernel time by provenance
  double power_seconds = 0;                    ///< power over TDP, times seconds
  double error_seconds = 0;   ///< standard error of the sum, errors of one law taken as fully correlated
  double launch_seconds = 0;  ///< gaps between kernels, host-bound waiting included

  KernelAccount& operator+=(const KernelAccount& other);
  [[nodiscard]] double kernel_seconds() const { return seconds[0] + seconds[1] + seconds[2]; }
};

/// Who waits for a communication.
enum class Needed {
  at_once,     ///< the next segment of the pass
  after_next,  ///< the one after it: it runs beside the next
  prefetched,  ///< the next segment, but it may start when the layer before this one does
  beside_weight,  ///< the next segment of its pass; this layer's weight gradients, where they follow, run beside it
  at_end,      ///< nobody but the end of the chunk
};

/// A compute block or a communication with its times.
struct TimedSegment {
  std::string name;
  bool compute = true;
  GroupKind group = GroupKind::tensor;  ///< of a communication
  SimTime alone;
  SimTime beside;
  KernelAccount account;
  bool intrudes = true;  ///< slows compute beside it
  Needed needed = Needed::at_once;
  std::int32_t label = -1;  ///< index into StepWork::labels
};

/// A pass in two parts: where expert communication may run beside the other part of another micro-batch.
/// forward: attention and dispatch, then MLP and combine; backward_input: combine' and MLP, then dispatch' and
/// attention; backward_weight: MLP, then attention.
struct TimedPass {
  std::vector<TimedSegment> first;
  std::vector<TimedSegment> second;
};

struct TimedLayer {
  TimedPass forward;
  TimedPass backward_input;
  TimedPass backward_weight;
};

/// Gives times to the passes of a layer. `shares_sms`: GEMMs are sized to the SMs that communication leaves (F&B chunks
/// of an SM-aware stack).
class WorkTimer {
 public:
  WorkTimer(const Scenario& scenario, const KernelLaws& laws, const CommunicationModel& network)
      : scenario_(scenario), laws_(laws), network_(network) {}

  [[nodiscard]] TimedLayer timed(const LayerWork& work, bool shares_sms) const;
  /// `operators` back to back on the compute stream.
  [[nodiscard]] TimedSegment timed(const ComputeBlock& block, bool shares_sms) const;
  [[nodiscard]] TimedSegment timed(const Communication& communication) const;
  [[nodiscard]] KernelContext context(bool shares_sms) const;

 private:
  [[nodiscard]] std::vector<TimedSegment> timed(const LayerPass& pass, bool shares_sms) const;
  [[nodiscard]] bool beside_products(const Communication& communication) const;
  const Scenario& scenario_;
  const KernelLaws& laws_;
  const CommunicationModel& network_;
};

}  // namespace gpuhours
