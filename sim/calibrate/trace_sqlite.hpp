#pragma once
// Nsight Systems SQLite export -> Trace. Tables read: CUPTI_ACTIVITY_KIND_KERNEL, _MEMCPY, _MEMSET, _RUNTIME,
// StringIds, TARGET_INFO_GPU, NVTX_EVENTS; one that is missing is noted, and only a file without any GPU activity is
// refused. Times in the file are whole nanoseconds.

#include <optional>

#include "calibrate/trace.hpp"

namespace gpuhours {

std::optional<Trace> trace_from_sqlite(const std::string& path, Diagnostics& problems);
/// The same from the bytes of a database file.
std::optional<Trace> trace_from_sqlite_bytes(std::string_view bytes, const std::string& file, Diagnostics& problems);

}  // namespace gpuhours
