#pragma once
// The `parallelism` section of a published run's scenario. Input: the row's columns and its model; output: YAML lines,
// with what they fill in or refuse in the RunScenario.

#include <string>

#include "calibrate/published_run.hpp"

namespace gpuhours {

/// Nothing, with `out.refusal` set, where the row's schedule does not say which it is. Precondition: no refusal yet.
std::string layout_lines(const PublishedRun& run, const Architecture& model, RunScenario& out);

}  // namespace gpuhours
