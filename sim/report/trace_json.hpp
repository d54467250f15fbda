#pragma once
// A timeline as Chrome / Perfetto trace events (JSON object format, "X" events, microseconds): a process per device, a
// thread per stream.

#include <string>

#include "engine/timeline.hpp"

namespace gpuhours {

std::string trace_json(const Timeline& timeline);

/// gzip without a time stamp, so that equal input gives equal bytes.
std::string gzipped(const std::string& text);

}  // namespace gpuhours
