#pragma once
// From a trace and the work that it should hold to measurements with shapes. Inside every occurrence of an annotated
// phase the kernels, by start, are laid beside the expected operators by the best order-keeping alignment; the score of
// a pair counts what the kernel's class can be, what its grid says of the tensor, and how its time compares with the
// work. What is left over is tried again without the order. The rest is reported, never guessed.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "calibrate/kernel_classes.hpp"
#include "calibrate/trace.hpp"
#include "workload/operator.hpp"

namespace gpuhours {

using ExpectedWork = std::variant<Operator, Communication>;

/// What one annotation of the host encloses, in order.
struct ExpectedPhase {
  std::string annotation;  ///< "attn(F)"
  std::vector<ExpectedWork> work;
};

/// The phases of one layer under the names of DualPipe's public trace: segments of the forward pass are NAME(F), of the
/// backward pass NAME(B), of weight gradients NAME(W). Communication is named after its forward direction, so the
/// dispatch of a backward pass is "combine(B)" and its combine "dispatch(B)".
std::vector<ExpectedPhase> layer_phases(const LayerWork& layer);

/// An expected operator and the activities that were it.
struct MatchedWork {
  std::string phase;
  int occurrence = 0;                    ///< of the phase, from 0
  ExpectedWork work;                     ///< with the row count that the grids of this occurrence show
  std::vector<std::int32_t> activities;  ///< in Trace::activities, by start
  double time_us = 0;                    ///< sum of durations
  double busy_us = 0;                    ///< union of the activities
  double waiting_us = 0;                 ///< of time_us, in kernels that only wait for other ranks
  bool rows_seen = false;                ///< a grid of the occurrence shows the row count that `work` holds
};

struct UnmatchedActivity {
  std::int32_t activity = 0;
  std::string phase;  ///< empty: outside every expected phase
};

struct MissingWork {
  std::string phase;
  int occurrence = 0;
  std::string name;
};

struct TraceMatch {
  std::vector<MatchedWork> matched;
  std::vector<UnmatchedActivity> unmatched;
  std::vector<MissingWork> missing;
  double total_us = 0;  ///< durations of all activities
  double matched_us = 0;

  /// Of the durations of all GPU activities, from 0 to 1.
  [[nodiscard]] double matched_share() const { return total_us > 0 ? matched_us / total_us : 0; }
};

TraceMatch match_phases(const Trace& trace, const KernelClasses& classes, const std::vector<ExpectedPhase>& phases);

/// Share matched, in all and by class, and what stayed unmatched or missing.
std::string match_text(const TraceMatch& match, const Trace& trace, const KernelClasses& classes);

/// One row an operator and occurrence; the header says the columns.
std::string measurements_csv(const TraceMatch& match, const Trace& trace);

}  // namespace gpuhours
