#pragma once
// A model's timed layers in two steps: what a rank computes and exchanges with its tensor, context and expert groups,
// which layouts share that differ in stages, schedule or data parallelism only; then what data parallelism from ZeRO
// stage 2 on and FSDP communicates inside every layer, which hangs on the data-parallel group and so on all of them.

#include "schedule/step_work.hpp"

namespace gpuhours {

/// Data-parallel communication stands inside the layers.
bool shards_layers(const Parallelism& parallelism);

/// Fills `out` (empty before) with layers without data-parallel communication. `loads`: of the ranks of an expert
/// group, which the layers' times grow with.
void fill_bare_model(const Scenario& scenario, const Workload& workload, const WorkTimer& timer,
                     const CommunicationModel& network, const RankLoads& loads, TimedModel& out);

/// Fills `out` (empty before) with the layers of `bare` and the scenario's data-parallel communication inside them.
void fill_sharded_model(const Scenario& scenario, const WorkTimer& timer, const TimedModel& bare, TimedModel& out);

}  // namespace gpuhours
