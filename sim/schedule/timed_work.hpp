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
  std::array<double, kProvenances> seconds{};             ///< kernel time by provenance
  double power_seconds = 0;                               ///< power over TDP, times seconds
  std::array<double, kLawClasses> class_seconds{};        ///< kernel time by class of law
  std::array<double, kLawClasses> class_error_seconds{};  ///< its standard error, fully correlated inside a class
  double launch_seconds = 0;                              ///< gaps between kernels, host-bound waiting included
  double gap_launches = 0;                                ///< launches that cost a gap
  double host_launches = 0;                               ///< launches that the host's pace decides
  double host_layers = 0;                                 ///< passes through a layer that cost `stack.layer_overhead`

  KernelAccount& operator+=(const KernelAccount& other);
  KernelAccount& operator*=(double times);
  [[nodiscard]] double kernel_seconds() const { return seconds[0] + seconds[1] + seconds[2]; }
};

/// Who waits for a communication.
enum class Needed {
  at_once,        ///< the next segment of the pass
  after_next,     ///< the one after it: it runs beside the next
  prefetched,     ///< the next segment, but it may start when the layer `ahead` before this one does
  beside_weight,  ///< the next segment of its pass; this layer's weight gradients, where they follow, run beside it
  at_end,         ///< nobody but the end of the chunk
};

/// Whose load a segment's times grow with: nobody's, the rank's own, or that of all ranks of its NVLink domain (they
/// share what crosses the NICs).
enum class GrowsWith { nothing, rank, domain };

/// A compute block or a communication with its times.
struct TimedSegment {
  std::string name;
  bool compute = true;
  GroupKind group = GroupKind::tensor;  ///< of a communication
  SimTime alone;
  SimTime beside;
  KernelAccount account;
  bool intrudes = true;        ///< slows compute beside it
  bool with_exchange = false;  ///< a kernel that merged chunks run on the exchange's stream, next to it
  Needed needed = Needed::at_once;
  double relative_error = 0;  ///< of a communication
  int ahead = 1;              ///< prefetched: it may start when the layer this many before starts
  std::int32_t label = -1;    ///< index into StepWork::labels
  GrowsWith grows_with = GrowsWith::nothing;
  SimTime per_load;         ///< by which `alone` grows with a load of 1 over the mean
  SimTime per_load_beside;  ///< and `beside`
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

/// 1 + rank_variation x expected maximum of as many normal variables as the cluster has GPUs: a step ends when its
/// slowest rank does. 1 in an expanded simulation, where every rank draws its own.
double slowest_rank(const Scenario& scenario);

/// Gives times to the passes of a layer. `shares_sms`: GEMMs are sized to the SMs that communication leaves (F&B chunks
/// of an SM-aware stack).
class WorkTimer {
 public:
  WorkTimer(const Scenario& scenario, const KernelLaws& laws, const CommunicationModel& network)
      : scenario_(scenario), laws_(laws), network_(network), slowest_(slowest_rank(scenario)) {}

  [[nodiscard]] TimedLayer timed(const LayerWork& work, bool shares_sms) const;
  /// `operators` back to back on the compute stream.
  [[nodiscard]] TimedSegment timed(const ComputeBlock& block, bool shares_sms) const;
  [[nodiscard]] TimedSegment timed(const Communication& communication) const;
  /// What the host launches of `op`: nothing that a CUDA graph holds.
  [[nodiscard]] int launches_of(const Operator& op, const ComputeBlock& block) const;
  [[nodiscard]] KernelContext context(bool shares_sms) const;
  /// A kernel under this stack: its law's time with the stack's factors, on the rank that all wait for.
  [[nodiscard]] KernelTime timed(const Operator& op, const KernelContext& context) const;
  /// Appends a communication; `stack.exposed_share` of one that runs beside compute is waited for.
  void append(TimedSegment communication, std::vector<TimedSegment>& out) const;

 private:
  [[nodiscard]] std::vector<TimedSegment> timed(const LayerPass& pass, bool shares_sms) const;
  [[nodiscard]] bool beside_products(const Communication& communication) const;
  const Scenario& scenario_;
  const KernelLaws& laws_;
  const CommunicationModel& network_;
  double slowest_;  ///< compute time of the rank that all wait for, over the mean
};

}  // namespace gpuhours
