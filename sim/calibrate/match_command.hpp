#pragma once
// A trace and the scenario that made it -> measurements: by the phases of its annotations where it has those of the
// scenario's layers, else by the shapes that the framework recorded.

#include <optional>

#include "calibrate/trace_command.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

/// table: what matched and what did not; csv: the measurements. JSON is not written. Nothing when the trace is refused
/// or neither way matches anything (the reasons are in `problems`). `classes` as in trace_command().
std::optional<std::string> match_command(const std::string& path, const Scenario& scenario, TraceFormat format,
                                         Diagnostics& problems, const std::string& classes = {});

}  // namespace gpuhours
