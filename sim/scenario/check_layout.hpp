#pragma once
// Rules over several keys: what divides what, and what the model and the GPU can do. The rules are those of
// Megatron-Core and of DualPipe; each names its keys and points at one of them.

#include "core/diagnostic.hpp"
#include "scenario/document.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

/// Adds an error for each rule that the layout of the main phase or of a simulated phase breaks. `document` gives the
/// places and may be empty (a search that makes its own layouts). Rules over values that `diagnostics` already
/// complains about are passed over. Precondition: complete(scenario.model).
void check_layout(const Scenario& scenario, const YamlNode& document, Diagnostics& diagnostics);

}  // namespace gpuhours
