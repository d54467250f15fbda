// Any bytes as an Nsight Systems database: read or refused with a reason.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "calibrate/trace_owners.hpp"
#include "calibrate/trace_sqlite.hpp"
#include "calibrate/trace_summary.hpp"

using namespace gpuhours;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Diagnostics problems;
  std::optional<Trace> trace = trace_from_sqlite_bytes({reinterpret_cast<const char*>(data), size}, "fuzz", problems);
  if (trace.has_value() == problems.has_errors()) std::abort();
  if (!trace) return 0;
  assign_owners(*trace);
  const TraceSummary summary = trace_summary(*trace, KernelClasses());
  if (summary_text(summary).empty()) std::abort();
  return 0;
}
