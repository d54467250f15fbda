#include "estimate/step_model.hpp"

#include "engine/contended_network.hpp"
#include "engine/step_range.hpp"

namespace gpuhours {

std::unique_ptr<StepModel> StepModel::make(const Scenario& scenario, const std::string& calibration_directory,
                                           Diagnostics& diagnostics) {
  return make(scenario, Calibration::of_directory(calibration_directory), diagnostics);
}

std::unique_ptr<StepModel> StepModel::make(const Scenario& scenario, const Calibration& calibration,
                                           Diagnostics& diagnostics) {
  std::unique_ptr<StepModel> model(new StepModel(scenario));
  model->laws_ = calibration.kernels(scenario.cluster.gpu, scenario.stack.kernels, diagnostics);
  const std::shared_ptr<const NetworkLaws> network = calibration.network(diagnostics);
  if (!model->laws_ || !network) return nullptr;
  if (scenario.engine.network == NetworkModel::flow) {
    const SourcePlace place{"cluster", 0, 0, {}};
    model->flow_ = flow_network_model(model->scenario_, network, place, diagnostics);
    if (!model->flow_) return nullptr;
  } else {
    model->network_ = analytic_network(model->scenario_, network);
  }
  model->workload_ = workload(model->scenario_);
  if (model->flow_) model->network_ = contended_network(model->flow_, model->scenario_, model->workload_);
  fill_step_work(model->scenario_, model->workload_, *model->laws_, *model->network_, model->timed_);
  return model;
}

PipelinePlan StepModel::warmed_up_plan(int global_batch) const {
  const PlanShape of = shape(global_batch);
  return of.plan(warmed_up(of).micro_batches);
}

std::optional<std::string> StepModel::refusal(int global_batch, bool timeline) const {
  StepOptions options = step_options(scenario_);
  options.timeline = timeline;
  return refused_step(timed_, shape(global_batch), options);
}

StepResult StepModel::step(int global_batch, bool timeline) const {
  StepOptions options = step_options(scenario_);
  options.timeline = timeline;
  const std::lock_guard lock(simulating_);
  return simulate_step(timed_, shape(global_batch), options, profiles_);
}

Scenario phase_scenario(const Scenario& scenario, int phase) {
  Scenario out = scenario;
  if (phase == 0) return out;
  const Phase& p = scenario.training.phases[static_cast<std::size_t>(phase - 1)];
  if (p.sequence_length > 0) out.training.sequence_length = p.sequence_length;
  if (p.global_batch > 0) out.training.global_batch = p.global_batch;
  if (p.parallelism) out.parallelism = *p.parallelism;
  return out;
}

}  // namespace gpuhours
