#pragma once
// The one table of what is reported: name, unit, meaning, where it is found. Every writer (text, JSON, CSV, compare)
// reads it, so a metric has one name and one unit everywhere.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "estimate/estimate.hpp"

namespace gpuhours {

/// What the writers print: the resolved scenario and what came out.
struct Result {
  const Scenario& scenario;
  const Estimate& estimate;
};

/// An 80 % interval is two numbers; monostate is null: not known or not applicable.
using MetricValue = std::variant<std::monostate, bool, std::int64_t, double, std::string, std::array<double, 2>>;

/// `name` is the path in the JSON object, its last part naming the unit where there is one; `label` the words of the
/// text table; `unit` one of s, bytes, USD, share, tokens, ... or empty for plain numbers and words.
template <class Subject>
struct Metric {
  std::string_view name;
  std::string_view label;
  std::string_view unit;
  std::string_view meaning;
  MetricValue (*value)(const Subject&);
};

/// Version of the JSON object: grows when a key changes its meaning or goes.
inline constexpr int kSchemaVersion = 1;
/// The program's version, "0.1.0".
std::string_view program_version();

/// Every metric of a result that is one value.
std::span<const Metric<Result>> metrics();
/// The metrics of a list's element: run.phases[], step.ranks[], provenance.guessed[], network.contention[].
std::span<const Metric<PhaseEstimate>> phase_metrics();
std::span<const Metric<StepBreakdown>> breakdown_metrics();
std::span<const Metric<ProvenanceReport::Guess>> guess_metrics();
std::span<const Metric<NetworkReport::Contention>> contention_metrics();

/// The metric called `name`; null when there is none.
const Metric<Result>* metric(std::string_view name);

/// A value as people read it, by its unit.
std::string value_text(const MetricValue& value, std::string_view unit);

/// A name of the catalogue or of people as a JSON key: lower case, runs of other characters as one underscore.
std::string key_text(std::string_view name);

/// "DualPipe", as people write it.
std::string_view schedule_title(Schedule schedule);

}  // namespace gpuhours
