#pragma once
// What follows a GPU that `compare --vary cluster.gpu` puts into a scenario. Input: the scenario as it reads with that
// GPU; output: overrides (of scenario/overrides.hpp) that make the rest fit, and what to say about them.
//   node    the GPU's default_node, also where a named system of hardware/systems brought another; a node that the
//           scenario names by hand stays
//   rack    a node that follows the GPU and that the job's GPUs do not fill in whole numbers is used up to the largest
//           divisor of them: 64 of 72 for 2,048 GPUs (as validate reads published runs)
//   fabric  stays
//   price   stays, unless the catalogue's latest on-demand price of the GPU is asked for

#include <optional>
#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "scenario/read_scenario.hpp"

namespace gpuhours {

/// What a column is given beside what was varied.
struct ColumnRules {
  std::vector<std::string> overrides;
  std::vector<std::string> notes;
};

/// Node and rack; empty where nothing has to follow.
ColumnRules hardware_that_follows(const ResolvedScenario& scenario, const std::string& root, Diagnostics& diagnostics);

/// Id of the latest on-demand price of a GPU in the catalogue, of several in one month the lowest; empty without one.
std::optional<std::string> latest_price(const std::string& gpu, const std::string& root, Diagnostics& diagnostics);

}  // namespace gpuhours
