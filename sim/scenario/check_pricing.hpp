#pragma once
// Rules over the keys of pricing: what each method needs.

#include "core/diagnostic.hpp"
#include "scenario/document.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

/// Adds an error for each figure that pricing.method needs and does not find.
void check_pricing(const Scenario& scenario, const YamlNode& document, Diagnostics& diagnostics);

}  // namespace gpuhours
