#pragma once
// The rules of check_layout() and refused_features() asked about a Scenario value that was never written down.

#include <optional>
#include <string>

#include "scenario/scenario.hpp"

namespace gpuhours {

/// The first rule that the scenario breaks, in the words of a scenario file's error; empty when it may be simulated.
/// Precondition: complete(scenario.model).
std::optional<std::string> layout_problem(const Scenario& scenario);

}  // namespace gpuhours
