#pragma once
// A scenario's step at any batch: the workload, laws and network are prepared once, then each batch costs one
// simulation.

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/diagnostic.hpp"
#include "engine/collective_run.hpp"
#include "engine/step_simulation.hpp"
#include "estimate/calibration.hpp"
#include "kernels/kernel_laws.hpp"
#include "scenario/scenario.hpp"
#include "schedule/communication_time.hpp"
#include "schedule/step_work.hpp"
#include "workload/workload.hpp"

namespace gpuhours {

class StepModel {
 public:
  /// Null with errors in `diagnostics` when calibration is missing or malformed.
  static std::unique_ptr<StepModel> make(const Scenario& scenario, const Calibration& calibration,
                                         Diagnostics& diagnostics);
  /// The same from files that are read for this model alone.
  static std::unique_ptr<StepModel> make(const Scenario& scenario, const std::string& calibration_directory,
                                         Diagnostics& diagnostics);

  [[nodiscard]] PlanShape shape(int global_batch) const { return plan_shape(scenario_, global_batch); }
  /// The plan with as few micro-batches as show every rank's fullest moment: what memory hangs on.
  [[nodiscard]] PipelinePlan warmed_up_plan(int global_batch) const;
  /// Why a step at this batch cannot be simulated, or nothing.
  [[nodiscard]] std::optional<std::string> refusal(int global_batch, bool timeline) const;
  /// Precondition: no refusal.
  [[nodiscard]] StepResult step(int global_batch, bool timeline) const;

  [[nodiscard]] const Scenario& scenario() const { return scenario_; }
  [[nodiscard]] const Workload& work() const { return workload_; }
  [[nodiscard]] const KernelLaws& laws() const { return *laws_; }
  [[nodiscard]] const CommunicationModel& network() const { return *network_; }
  /// The network whose links are shared; null for `engine.network: analytic`.
  [[nodiscard]] const std::shared_ptr<const FlowCommunicationModel>& flow() const { return flow_; }
  [[nodiscard]] const StepWork& timed() const { return timed_; }

 private:
  explicit StepModel(const Scenario& scenario) : scenario_(scenario) {}

  Scenario scenario_;
  std::shared_ptr<const KernelLaws> laws_;
  std::shared_ptr<const FlowCommunicationModel> flow_;
  std::shared_ptr<const CommunicationModel> network_;
  Workload workload_;
  StepWork timed_;
  mutable std::mutex simulating_;   ///< guards `profiles_`
  mutable ChunkProfiles profiles_;  ///< batches share them
};

/// The scenario of one phase of the run: 0 the main phase, then `training.phases` with their own length, batch and
/// parallelism.
Scenario phase_scenario(const Scenario& scenario, int phase);

}  // namespace gpuhours
