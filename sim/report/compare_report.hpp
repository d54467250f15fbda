#pragma once
// Several estimates side by side, each with its ratio to the first. JSON as in DESIGN 3.3: {results: [object, label,
// ratio_to_first]}; CSV: a row each.

#include <string>
#include <vector>

#include "report/metrics.hpp"
#include "report/rules_report.hpp"
#include "report/text_table.hpp"

namespace gpuhours {

struct LabelledResult {
  std::string label;
  Scenario scenario;
  Estimate estimate;
  [[nodiscard]] Result result() const { return {scenario, estimate}; }
};

/// Value over the first result's, for metrics where a ratio means something; empty where either is missing or the first
/// is 0.
std::optional<double> ratio_to_first(const Metric<Result>& metric, const LabelledResult& result,
                                     const LabelledResult& first);

/// `marks`: empty, or whether each result's GPU may be sold under a rule.
std::string compare_text(const std::vector<LabelledResult>& results, TextStyle style,
                         const std::vector<RuleMark>& marks = {});
std::string compare_json(const std::vector<LabelledResult>& results, const std::vector<RuleMark>& marks = {});
std::string compare_csv(const std::vector<LabelledResult>& results, const std::vector<RuleMark>& marks = {});

}  // namespace gpuhours
