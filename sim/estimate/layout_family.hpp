#pragma once
// Layouts that differ in stages, schedule and data parallelism only, so that they share the operators of a layer and
// their times: one family is made for each tp, cp, ep, etp, micro-batch and recompute (and for every layout under FSDP,
// whose layers hold data-parallel communication). Input: scenarios of one family one after another; output: the fullest
// rank's memory, a lower bound of the step and the step, each dearer than the one before. One thread at a time. Times
// are those of StepModel with the analytic network and jitter 0.

#include <memory>
#include <optional>

#include "engine/folded_step.hpp"
#include "kernels/kernel_laws.hpp"
#include "memory/ledger.hpp"
#include "scenario/scenario.hpp"
#include "schedule/communication_time.hpp"

namespace gpuhours {

class LayoutFamily {
 public:
  LayoutFamily(const Scenario& first, const KernelLaws& laws, std::shared_ptr<const NetworkLaws> network);
  ~LayoutFamily();

  /// The layout that is asked about from here on; it has passed layout_problem() and outlives the questions.
  void take(const Scenario& layout);
  /// The fullest rank's ledger, without a remedy.
  [[nodiscard]] MemoryLedger memory() const;
  /// Never above step(): all kernels of the rank with most of them, at their shorter time alone or beside, times its
  /// micro-batches.
  [[nodiscard]] SimTime compute_floor();
  [[nodiscard]] StepResult step();

 private:
  void time_layers();

  const KernelLaws& laws_;
  std::shared_ptr<const NetworkLaws> network_laws_;
  const Scenario* layout_ = nullptr;
  Workload work_;
  PlanShape shape_;
  std::unique_ptr<TimedModel> timed_;            ///< made when first needed
  std::array<std::int64_t, 6> least_compute_{};  ///< by slot of the TimedModel, forward and backward
  ChunkProfiles profiles_;
};

/// The pipeline of one step at the scenario's global batch.
PlanShape plan_shape(const Scenario& scenario);

}  // namespace gpuhours
