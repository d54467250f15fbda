#pragma once
// What `compare` found: columns, those that cannot run, and what stands beside each. Filled by plan/compare.hpp.

#include <optional>
#include <string>
#include <vector>

#include "estimate/ratio_interval.hpp"
#include "report/explain_report.hpp"
#include "report/metrics.hpp"
#include "report/rules_report.hpp"

namespace gpuhours {

/// What is the same in every column. Days vary the number of GPUs, dollars the tokens of the main phase: rent is GPU
/// hours times a price, so that GPUs alone would leave it as it is.
enum class Hold { gpus, days, dollars };
std::string_view name(Hold hold);

/// What a group of inputs adds to a step and to a run when it becomes the column's instead of the first's.
struct AttributedPart {
  std::string group;  ///< "compute", "HBM", "NVLink", "NIC and fabric", "other inputs"
  Seconds step;
  double gpu_hours = 0;
};

/// The parts of the difference to the first column; they sum to it.
struct Attribution {
  std::vector<AttributedPart> parts;
  std::string refused;  ///< not empty: why there are none
};

struct LabelledResult {
  std::string label;
  Scenario scenario;
  Estimate estimate;
  std::vector<std::string> notes = {};           ///< what a rule or a search chose for this column
  bool priced = true;                            ///< false: no price is known, dollars are left out
  std::vector<Sensitivity> sensitivities = {};   ///< the largest gain first; empty when not asked for
  std::optional<RatioIntervals> intervals = {};  ///< of the ratios to the first
  std::optional<Attribution> attribution = {};   ///< empty for the first
  std::optional<double> held_off = {};           ///< days or dollars over the first's, minus 1
  [[nodiscard]] Result result() const { return {scenario, estimate}; }
};

/// A case that reads well and cannot run.
struct RefusedColumn {
  std::string label;
  std::string reason;
};

struct Comparison {
  std::vector<LabelledResult> results;  ///< the first is what ratios refer to
  std::vector<RefusedColumn> refused;
  std::vector<RuleMark> marks;  ///< empty, or whether each result's GPU may be sold under a rule
  Hold hold = Hold::gpus;
  bool reoptimised = false;  ///< each column has the best layout of those searched
};

}  // namespace gpuhours
