#include <algorithm>

#include "scenario/scenario.hpp"

namespace gpuhours {

std::vector<int> stage_layers(const Scenario& scenario) {
  if (!scenario.parallelism.layers_per_stage.empty()) return scenario.parallelism.layers_per_stage;
  const int stages = scenario.parallelism.pp * scenario.parallelism.vpp;
  std::vector<int> layers(static_cast<std::size_t>(stages), scenario.model.layers / stages);
  const int surplus = scenario.model.layers % stages;
  const int first = (stages - surplus) / 2;
  for (int i = 0; i < surplus; ++i) ++layers[static_cast<std::size_t>(first + i)];
  return layers;
}

double bytes_per_element(Format format) {
  switch (format) {
    case Format::fp64:
      return 8;
    case Format::fp32:
      return 4;
    case Format::tf32:
      return 4;
    case Format::bf16:
    case Format::fp16:
      return 2;
    case Format::fp8:
    case Format::int8:
      return 1;
    case Format::fp6:
      return 0.75;
    case Format::fp4:
      return 0.5;
  }
  return 0;
}

}  // namespace gpuhours
