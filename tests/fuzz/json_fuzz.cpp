// Any bytes as a JSON trace: read or refused, owners assigned, summed up and printed.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "calibrate/trace_json.hpp"
#include "calibrate/trace_owners.hpp"
#include "calibrate/trace_summary.hpp"

using namespace gpuhours;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 32 + 1;  // small pieces put tokens across the buffer's edge
  std::size_t at = 1;
  const auto source = [&](char* to, std::size_t wanted) {
    const std::size_t count = std::min({wanted, piece, size - at});
    std::copy_n(reinterpret_cast<const char*>(data) + at, count, to);
    at += count;
    return count;
  };
  Diagnostics problems;
  std::optional<Trace> trace = trace_from_json(source, "fuzz", problems);
  if (trace.has_value() == problems.has_errors()) std::abort();  // read, or refused with a reason
  if (!trace) return 0;
  assign_owners(*trace);
  const TraceSummary summary = trace_summary(*trace, KernelClasses());
  if (summary_json(summary).empty() || summary_text(summary).empty()) std::abort();
  return 0;
}
