#include "report/compare_report.hpp"

#include <fmt/format.h>

#include <array>
#include <cassert>
#include <nlohmann/json.hpp>

#include "report/estimate_report.hpp"
#include "report/json_values.hpp"
#include "report/search_report.hpp"

namespace gpuhours {
namespace {

using Json = nlohmann::ordered_json;

constexpr ComparedMetric kCompared[] = {
    {"inputs.cluster.gpus", false},
    {"step.time_s", true},
    {"step.tokens_per_s_per_gpu", true},
    {"step.model_tflops_per_gpu", true},
    {"step.mfu", false},
    {"step.exposed_communication_s", true},
    {"step.breakdown_s.bubble", true},
    {"memory.peak_bytes_per_gpu", true},
    {"memory.capacity_bytes", false},
    {"memory.fits", false},
    {"run.tokens", false},
    {"run.gpu_hours", true},
    {"run.wall_time_s", true},
    {"cost.usd", true},
    {"cost.usd_per_gpu_hour", true},
    {"energy.kwh", true},
    {"provenance.guessed_share", false},
};

const Metric<Result>& known(std::string_view name) {
  const Metric<Result>* found = metric(name);
  assert(found != nullptr);
  return *found;
}

Json interval_json(const std::optional<Interval>& interval) {
  return interval ? Json::array({interval->p10, interval->p90}) : Json(nullptr);
}

Json intervals_json(const RatioIntervals& intervals) {
  Json out;
  json_at(out, "step.time_s") = interval_json(intervals.step_time);
  json_at(out, "run.gpu_hours") = interval_json(intervals.gpu_hours);
  json_at(out, "run.wall_time_s") = interval_json(intervals.wall_time);
  json_at(out, "cost.usd") = interval_json(intervals.usd);
  return out;
}

Json attribution_json(const Attribution& attribution, const LabelledResult& first) {
  Json out;
  if (!attribution.refused.empty()) {
    out["refused"] = attribution.refused;
    return out;
  }
  Json parts = Json::array();
  for (const AttributedPart& part : attribution.parts) {
    parts.push_back({{"group", part.group},
                     {"step_s", part.step.value()},
                     {"share_of_step", part.step / first.estimate.step.time},
                     {"gpu_hours", part.gpu_hours}});
  }
  out["parts"] = std::move(parts);
  return out;
}

void add_ratios(const LabelledResult& result, const LabelledResult& first, Json& object) {
  for (const ComparedMetric& compared : kCompared) {
    if (!compared.ratio) continue;
    const auto ratio = ratio_to_first(known(compared.name), result, first);
    json_at(object["ratio_to_first"], compared.name) = ratio ? Json(*ratio) : Json(nullptr);
  }
  if (result.intervals) object["ratio_interval"] = intervals_json(*result.intervals);
}

Json mark_json(const RuleMark& mark) {
  return {{"rule", mark.finding.rule},        {"date", mark.date},
          {"may_be_sold", may_be_sold(mark)}, {"treatment", treatment_name(mark.finding.treatment)},
          {"class", mark.finding.class_name}, {"because", mark.finding.because},
          {"released", mark.released}};
}

Json column_json(const LabelledResult& result, const LabelledResult& first) {
  Json object = result_json(result.result());
  if (!result.priced) {
    for (const Metric<Result>& one : metrics()) {
      if (one.name.starts_with("cost.") || one.name == "interval.usd") json_at(object, one.name) = nullptr;
    }
  }
  object["label"] = result.label;
  object["layout"] = layout_text(result.scenario);
  object["largest_parts"] = bottleneck_text(result.estimate.step);
  add_ratios(result, first, object);
  if (!result.sensitivities.empty()) {
    object["binds"] = Json::array();
    for (const Sensitivity& one : result.sensitivities) {
      object["binds"].push_back({{"resource", one.resource}, {"change", one.change}});
    }
  }
  if (result.attribution) object["attribution"] = attribution_json(*result.attribution, first);
  if (result.held_off) object["held_off"] = *result.held_off;
  object["notes"] = result.notes;
  return object;
}

/// Cells of csv_header(), dollars left out where no price is known.
std::vector<std::string> column_cells(const LabelledResult& result) {
  std::vector<std::string> cells = csv_cells(result.result());
  if (result.priced) return cells;
  const std::vector<std::string> header = csv_header();
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (header[i].starts_with("cost.") || header[i].starts_with("interval.usd")) cells[i].clear();
  }
  return cells;
}

}  // namespace

std::string_view name(Hold hold) {
  constexpr std::array<std::string_view, 3> kNames{"gpus", "days", "dollars"};
  return kNames[static_cast<std::size_t>(hold)];
}

std::string_view varied_by(Hold hold) {
  constexpr std::array<std::string_view, 3> kVaried{"", "cluster.gpus", "training.tokens"};
  return kVaried[static_cast<std::size_t>(hold)];
}

std::span<const ComparedMetric> compared_metrics() { return kCompared; }

MetricValue compared_value(const Metric<Result>& metric, const LabelledResult& result) {
  if (!result.priced && metric.name.starts_with("cost.")) return {};
  return metric.value(result.result());
}

std::optional<double> ratio_to_first(const Metric<Result>& metric, const LabelledResult& result,
                                     const LabelledResult& first) {
  const MetricValue value = compared_value(metric, result);
  const MetricValue base = compared_value(metric, first);
  const auto* number = std::get_if<double>(&value);
  const auto* divisor = std::get_if<double>(&base);
  if (number == nullptr || divisor == nullptr || *divisor == 0) return {};
  return *number / *divisor;
}

std::string compare_json(const Comparison& comparison) {
  Json out;
  out["schema_version"] = kSchemaVersion;
  out["hold"] = name(comparison.hold);
  out["varied_by_hold"] = comparison.hold == Hold::gpus ? Json(nullptr) : Json(varied_by(comparison.hold));
  out["reoptimised"] = comparison.reoptimised;
  out["results"] = Json::array();
  for (const LabelledResult& result : comparison.results) {
    Json object = column_json(result, comparison.results.front());
    if (!comparison.marks.empty()) object["export"] = mark_json(comparison.marks[out["results"].size()]);
    out["results"].push_back(std::move(object));
  }
  out["refused"] = Json::array();
  for (const RefusedColumn& one : comparison.refused) {
    out["refused"].push_back({{"label", one.label}, {"reason", one.reason}});
  }
  return json_text(out);
}

std::string compare_csv(const Comparison& comparison) {
  std::vector<std::string> header = csv_header();
  header.insert(header.begin(), {"label", "layout"});
  for (const ComparedMetric& compared : kCompared) {
    if (compared.ratio) header.push_back(fmt::format("ratio_to_first.{}", compared.name));
  }
  header.insert(header.end(), {"ratio_interval.run.gpu_hours.p10", "ratio_interval.run.gpu_hours.p90"});
  if (!comparison.marks.empty()) header.emplace_back("export.may_be_sold");
  std::string out = csv_line(header);
  for (const LabelledResult& result : comparison.results) {
    std::vector<std::string> cells = column_cells(result);
    cells.insert(cells.begin(), {result.label, layout_text(result.scenario)});
    for (const ComparedMetric& compared : kCompared) {
      if (!compared.ratio) continue;
      const auto ratio = ratio_to_first(known(compared.name), result, comparison.results.front());
      cells.push_back(ratio ? fmt::format("{}", *ratio) : "");
    }
    const bool known_interval = result.intervals && result.intervals->gpu_hours;
    cells.push_back(known_interval ? fmt::format("{}", result.intervals->gpu_hours->p10) : "");
    cells.push_back(known_interval ? fmt::format("{}", result.intervals->gpu_hours->p90) : "");
    const auto at = static_cast<std::size_t>(&result - comparison.results.data());
    if (!comparison.marks.empty()) cells.emplace_back(may_be_sold(comparison.marks[at]) ? "true" : "false");
    out += csv_line(cells);
  }
  return out;
}

}  // namespace gpuhours
