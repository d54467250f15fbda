#include "scenario/scenario.hpp"

namespace gpuhours {

std::vector<int> stage_layers(const Scenario& scenario) {
  const Parallelism& parallelism = scenario.parallelism;
  if (!parallelism.layers_per_stage.empty()) return parallelism.layers_per_stage;
  const int stages = parallelism.pp * parallelism.vpp;
  const int surplus = scenario.model.layers % stages;
  const int first = (stages - surplus) / 2;
  std::vector<int> layers(static_cast<std::size_t>(stages), scenario.model.layers / stages);
  for (int i = first; i < first + surplus; ++i) ++layers[static_cast<std::size_t>(i)];
  return layers;
}

}  // namespace gpuhours
