#include "estimate/network_report.hpp"

#include "engine/contended_network.hpp"
#include "estimate/step_model.hpp"

namespace gpuhours {
namespace {

using Contention = NetworkReport::Contention;

/// Expert traffic and the pipeline send: each alone, and both at once.
void add_expert_beside_send(const StepModel& model, const FlowCommunicationModel& flow,
                            std::vector<Contention>& contention) {
  const Workload& work = model.work();
  const Parallelism& p = model.scenario().parallelism;
  if (p.pp <= 1 || p.ep <= 1) return;
  const Communication send = pipeline_send(work);
  for (const Communication& expert : expert_traffic(work)) {
    const auto met = flow.contention({expert, send});
    const std::string& name = expert.name;
    contention.push_back({name + " beside the pipeline send", flow.time_of_one_group(expert).alone, met.together[0]});
    contention.push_back({"pipeline send beside " + name, flow.time_of_one_group(send).alone, met.together[1]});
  }
}

/// Sends of one pipeline and of all, and the collectives at a step's end: one data-parallel group, and all of them.
void add_like_groups(const StepModel& model, const FlowCommunicationModel& flow, std::vector<Contention>& contention) {
  const Scenario& scenario = model.scenario();
  std::vector<Communication> all = data_collectives(scenario, held_parameters(model.work(), model.timed(), 0));
  if (scenario.parallelism.pp > 1) all.insert(all.begin(), pipeline_send(model.work()));
  for (const Communication& communication : all) {
    if (group_layout(scenario, communication.group).size <= 1) continue;
    contention.push_back({communication.name + ", all groups at once", flow.time_of_one_group(communication).alone,
                          flow.time(communication).alone});
  }
}

}  // namespace

NetworkReport network_report(const StepModel& model, int global_batch, Seconds step_time) {
  NetworkReport report;
  report.model = model.scenario().engine.network;
  if (!model.flow()) return report;
  add_expert_beside_send(model, *model.flow(), report.contention);
  add_like_groups(model, *model.flow(), report.contention);
  StepWork alone;
  ChunkProfiles profiles;
  fill_step_work(model.scenario(), model.work(), model.laws(), *lone_groups(model.flow()), alone);
  const StepResult step = simulate_step(alone, model.shape(global_batch), step_options(model.scenario()), profiles);
  report.contention_cost = step_time - step.length.seconds();
  return report;
}

}  // namespace gpuhours
