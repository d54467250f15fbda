#include "calibrate/match_command.hpp"

#include <algorithm>

#include "calibrate/recorded.hpp"
#include "calibrate/trace_file.hpp"
#include "workload/workload.hpp"

namespace gpuhours {

namespace {

bool has_phase_of(const Trace& trace, const std::vector<ExpectedPhase>& phases) {
  return std::any_of(phases.begin(), phases.end(), [&](const ExpectedPhase& phase) {
    const std::int32_t name = trace.names.find(phase.annotation);
    return std::any_of(trace.annotations.begin(), trace.annotations.end(),
                       [&](const HostSpan& span) { return span.name == name; });
  });
}

}  // namespace

std::optional<std::string> match_command(const std::string& path, const Scenario& scenario, TraceFormat format,
                                         Diagnostics& problems, const std::string& classes) {
  const KernelClasses rules = KernelClasses::from_file(classes.empty() ? shipped_kernel_classes() : classes, problems);
  const std::optional<Trace> trace = read_trace(path, problems);
  if (!trace || problems.has_errors()) return std::nullopt;
  const Workload work = workload(scenario);
  const std::vector<ExpectedPhase> phases = layer_phases(scenario.model.is_moe() ? work.moe : work.dense);
  const TraceMatch match = has_phase_of(*trace, phases) ? match_phases(*trace, rules, phases)
                                                        : match_recorded(*trace, rules, step_operators(scenario));
  if (match.matched.empty()) {
    problems.error({path, 0, 0, ""}, "no kernel of this trace is an operator of the scenario",
                   "annotations like 'attn(F)' or recorded shapes ('Input Dims') tell which kernel was what");
    return std::nullopt;
  }
  return format == TraceFormat::csv ? measurements_csv(match, *trace) : match_text(match, *trace, rules);
}

}  // namespace gpuhours
