#pragma once
// A profiler's file of whichever form -> Trace with owners assigned. The form is told by the first bytes, not by the
// name: SQLite, or JSON, plain or gzip.

#include <optional>

#include "calibrate/trace.hpp"

namespace gpuhours {

/// Nothing when the file is refused; the reason and place are in `problems`.
std::optional<Trace> read_trace(const std::string& path, Diagnostics& problems);

}  // namespace gpuhours
