#pragma once
// What sharing the network costs a step. Input: a step model with `engine.network: flow`; output: each kind of traffic
// as one group with the network to itself and as it runs in the step, and the step both ways.

#include <optional>
#include <string>
#include <vector>

#include "core/quantity.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

class StepModel;

struct NetworkReport {
  NetworkModel model = NetworkModel::analytic;
  struct Contention {
    std::string what;  ///< "dispatch beside the pipeline send", "all data groups at once"
    Seconds alone;     ///< one group, nothing else on the network
    Seconds together;  ///< all that runs at the same moment
  };
  std::vector<Contention> contention;      ///< empty for the analytic model, which sees none
  std::optional<Seconds> contention_cost;  ///< of the step: its time less the time without contention
};

NetworkReport network_report(const StepModel& model, int global_batch, Seconds step_time);

}  // namespace gpuhours
