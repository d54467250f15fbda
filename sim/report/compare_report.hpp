#pragma once
// Several estimates side by side, each with its ratio to the first. JSON as in DESIGN 3.3: {hold, reoptimised, results:
// [object, label, layout, ratio_to_first, ratio_interval, binds, attribution, notes], refused: [{label, reason}]}; CSV:
// a row each, the refused left out; text: up to four columns side by side, more as rows.

#include <span>
#include <string>
#include <vector>

#include "report/comparison.hpp"
#include "report/text_table.hpp"

namespace gpuhours {

/// A metric that stands side by side; `ratio`: with the ratio to the first.
struct ComparedMetric {
  std::string_view name;
  bool ratio;
};
std::span<const ComparedMetric> compared_metrics();

/// The metric of a column; null for dollars where no price is known.
MetricValue compared_value(const Metric<Result>& metric, const LabelledResult& result);

/// Value over the first result's, for metrics where a ratio means something; empty where either is missing or the first
/// is 0.
std::optional<double> ratio_to_first(const Metric<Result>& metric, const LabelledResult& result,
                                     const LabelledResult& first);

/// What a hold chooses in each column: "cluster.gpus"; empty for Hold::gpus.
std::string_view varied_by(Hold hold);

std::string compare_text(const Comparison& comparison, TextStyle style);
std::string compare_json(const Comparison& comparison);
std::string compare_csv(const Comparison& comparison);

}  // namespace gpuhours
