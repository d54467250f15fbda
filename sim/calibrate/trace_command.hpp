#pragma once
// `gpuhours trace FILE`: what a profiler trace holds.

#include <optional>
#include <string>

#include "core/diagnostic.hpp"

namespace gpuhours {

enum class TraceFormat { table, json, csv };

/// The summary of the trace at `path`; nothing when it is refused (the reasons are in `problems`). `classes` is a file
/// of kernel class rules, empty: those that come with the program.
std::optional<std::string> trace_command(const std::string& path, TraceFormat format, Diagnostics& problems,
                                         const std::string& classes = {});

}  // namespace gpuhours
