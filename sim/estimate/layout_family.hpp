#pragma once
// Layouts that differ in stages, schedule and data parallelism only, so that they share the operators of a layer and
// their times: one family is made for each tp, cp, ep, etp, micro-batch, kind of FSDP and recompute. Where
// data-parallel communication stands inside the layers (ZeRO from stage 2 on, FSDP), layouts with the same
// data-parallel groups share those. Input: scenarios of one family one after another; output: the fullest rank's
// memory, a lower bound of the step, the step under balanced routing and under the scenario's own, each dearer than the
// one before. One thread at a time. Times are those of StepModel with the analytic network and jitter 0.

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

  /// The layout that is asked about from here on; it has passed layout_problem(). It and `plans` outlive the questions.
  void take(const Scenario& layout, LastPlans& plans);
  /// The plan is short enough to be written out; the precondition of all below.
  [[nodiscard]] bool can_be_planned() const;
  /// The fullest rank's ledger, without a remedy.
  [[nodiscard]] MemoryLedger memory();
  /// Never above step(): all kernels of the rank with most of them, at their shorter time alone or beside, times its
  /// micro-batches.
  [[nodiscard]] SimTime compute_floor();
  /// Not settled, and kEndless, where the step is refused (engine/step_range.hpp).
  [[nodiscard]] StepResult step();
  /// Under the scenario's routing: step() where that is balanced, else every chunk is one of its kind's draws.
  [[nodiscard]] StepResult routed_step();

 private:
  struct Routing;
  struct Times;

  /// The family's layers under balanced routing or the scenario's own; timed when first needed.
  Routing& routing(bool balanced);
  /// Those of the layout, with its data-parallel communication.
  Times& times(Routing& routing);
  StepResult simulated(bool balanced);

  const KernelLaws& laws_;
  std::shared_ptr<const NetworkLaws> network_laws_;
  const Scenario* layout_ = nullptr;
  Workload work_;
  PlanShape shape_;
  LastPlans* plans_ = nullptr;
  std::array<std::int64_t, 6> least_compute_{};  ///< by slot of the TimedModel, forward and backward
  std::unique_ptr<Routing> balanced_, natural_;
};

}  // namespace gpuhours
