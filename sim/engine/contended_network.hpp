#pragma once
// Communication of a step where what runs at one moment shares links: a pipeline send leaves when a chunk ends, and the
// next chunk's expert traffic runs beside it. A chunk sends once and has a dispatch and a combine an MoE layer: the
// send takes the mean of its times beside each, and the delay that it causes is spread over the chunk's dispatches and
// combines. Groups of one kind already run together in the flow network; tensor and context traffic stay inside NVLink
// domains or between chunks. Gradients that are reduced beside the last backward chunk are not laid beside its expert
// traffic. Input: flow network, scenario, workload; output: CommunicationModel.

#include <memory>

#include "engine/collective_run.hpp"
#include "workload/workload.hpp"

namespace gpuhours {

/// `network` with the pipeline send and the expert traffic of `workload` at once; `network` itself without either.
std::shared_ptr<const CommunicationModel> contended_network(std::shared_ptr<const FlowCommunicationModel> network,
                                                            const Scenario& scenario, const Workload& workload);

/// Every group with the network to itself: what the step would take without contention.
std::shared_ptr<const CommunicationModel> lone_groups(std::shared_ptr<const FlowCommunicationModel> network);

/// The send of one micro-batch's activations to the next stage.
Communication pipeline_send(const Workload& workload);
/// Distinct dispatches and combines of a step, in the order of the workload.
std::vector<Communication> expert_traffic(const Workload& workload);

}  // namespace gpuhours
