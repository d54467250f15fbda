#include "calibrate/trace_command.hpp"

#include "calibrate/trace_file.hpp"
#include "calibrate/trace_summary.hpp"

namespace gpuhours {

std::optional<std::string> trace_command(const std::string& path, TraceFormat format, Diagnostics& problems,
                                         const std::string& classes) {
  const KernelClasses rules = KernelClasses::from_file(classes.empty() ? shipped_kernel_classes() : classes, problems);
  const std::optional<Trace> trace = read_trace(path, problems);
  if (!trace || problems.has_errors()) return std::nullopt;
  const TraceSummary summary = trace_summary(*trace, rules);
  switch (format) {
    case TraceFormat::json:
      return summary_json(summary);
    case TraceFormat::csv:
      return summary_csv(summary);
    case TraceFormat::table:
      break;
  }
  return summary_text(summary);
}

}  // namespace gpuhours
