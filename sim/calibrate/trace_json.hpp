#pragma once
// Kineto / Chrome trace JSON -> Trace. Streaming: memory grows with the kept events only (about 100 bytes each), not
// with the text.
// Accepts an object with "traceEvents" or a bare array; whole or fractional microseconds; whole or text process and
// thread ids; old category names ("Kernel", "Runtime", "Operator"). Phases other than complete events (X) carry
// nothing that is kept; complete events of other categories are counted only.

#include <optional>

#include "calibrate/json_tokens.hpp"
#include "calibrate/trace.hpp"

namespace gpuhours {

/// Nothing when the text is no trace, is damaged, or holds no GPU activity; the reason and its place are in `problems`.
std::optional<Trace> trace_from_json(ByteSource source, const std::string& file, Diagnostics& problems);

}  // namespace gpuhours
