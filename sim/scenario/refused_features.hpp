#pragma once
// The one list of what a scenario can say but the model cannot simulate yet. An entry goes when the feature comes.

#include "core/diagnostic.hpp"
#include "scenario/document.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

/// Adds an error for each feature in use that is not modelled: "'parallelism.vpp: 2' is not modelled yet: ...".
void refused_features(const Scenario& scenario, const YamlNode& document, Diagnostics& diagnostics);

}  // namespace gpuhours
