#include "report/compare_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <nlohmann/json.hpp>

#include "report/estimate_report.hpp"
#include "report/json_values.hpp"

namespace gpuhours {
namespace {

/// Metrics that stand side by side; `ratio`: with the ratio to the first.
struct ComparedMetric {
  std::string_view name;
  bool ratio;
};
constexpr ComparedMetric kCompared[] = {
    {"step.time_s", true},
    {"step.tokens_per_s_per_gpu", true},
    {"step.model_tflops_per_gpu", true},
    {"step.mfu", false},
    {"step.exposed_communication_s", true},
    {"step.breakdown_s.bubble", true},
    {"memory.peak_bytes_per_gpu", true},
    {"memory.capacity_bytes", false},
    {"memory.fits", false},
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

std::string marked(const LabelledResult& result, TextStyle style) {
  return result.estimate.memory.fits() ? result.label : red(fmt::format("{} (INFEASIBLE)", result.label), style);
}

/// Two rows: whether each GPU may be sold, and why.
void add_mark_rows(const std::vector<RuleMark>& marks, TextTable& table) {
  if (marks.empty()) return;
  std::vector<std::string> sold{fmt::format("may be sold, {} at {}", marks.front().finding.rule, marks.front().date)};
  std::vector<std::string> why{"because"};
  for (std::size_t i = 0; i < marks.size(); ++i) {
    sold.push_back(mark_text(marks[i]));
    why.push_back(marks[i].finding.because);
    if (i == 0) continue;
    sold.emplace_back();
    why.emplace_back();
  }
  table.row(sold);
  table.row(why);
}

nlohmann::ordered_json mark_json(const RuleMark& mark) {
  return {{"rule", mark.finding.rule},        {"date", mark.date},
          {"may_be_sold", may_be_sold(mark)}, {"treatment", treatment_name(mark.finding.treatment)},
          {"class", mark.finding.class_name}, {"because", mark.finding.because},
          {"released", mark.released}};
}

}  // namespace

std::optional<double> ratio_to_first(const Metric<Result>& metric, const LabelledResult& result,
                                     const LabelledResult& first) {
  const MetricValue value = metric.value(result.result());
  const MetricValue base = metric.value(first.result());
  const auto* number = std::get_if<double>(&value);
  const auto* divisor = std::get_if<double>(&base);
  if (number == nullptr || divisor == nullptr || *divisor == 0) return {};
  return *number / *divisor;
}

std::string compare_text(const std::vector<LabelledResult>& results, TextStyle style,
                         const std::vector<RuleMark>& marks) {
  std::string out;
  for (const LabelledResult& result : results) {
    out += fmt::format("{}: {}\n", bold(result.label, style), summary_line(result.result()));
    if (!result.estimate.memory.fits()) {
      out += fmt::format("  {}\n", red(fmt::format("INFEASIBLE: {}", infeasible_line(result.result())), style));
    }
  }
  std::vector<std::string> header{""};
  for (const LabelledResult& result : results) {
    header.push_back(marked(result, style));
    if (&result != &results.front()) header.emplace_back("ratio");
  }
  TextTable table(header);
  for (const ComparedMetric& compared : kCompared) {
    const Metric<Result>& metric = known(compared.name);
    std::vector<std::string> cells{std::string(metric.label)};
    for (const LabelledResult& result : results) {
      cells.push_back(value_text(metric.value(result.result()), metric.unit));
      if (&result == &results.front()) continue;
      const auto ratio = compared.ratio ? ratio_to_first(metric, result, results.front()) : std::nullopt;
      cells.push_back(ratio ? fmt::format("{:.3f}", *ratio) : "");
    }
    table.row(cells);
  }
  add_mark_rows(marks, table);
  return fmt::format("{}\n{}", out, table.text(style));
}

std::string compare_json(const std::vector<LabelledResult>& results, const std::vector<RuleMark>& marks) {
  nlohmann::ordered_json out;
  out["schema_version"] = kSchemaVersion;
  out["results"] = nlohmann::ordered_json::array();
  for (const LabelledResult& result : results) {
    nlohmann::ordered_json object = result_json(result.result());
    object["label"] = result.label;
    for (const ComparedMetric& compared : kCompared) {
      if (!compared.ratio) continue;
      const auto ratio = ratio_to_first(known(compared.name), result, results.front());
      json_at(object["ratio_to_first"], compared.name) = ratio ? nlohmann::ordered_json(*ratio) : nullptr;
    }
    if (!marks.empty()) object["export"] = mark_json(marks[out["results"].size()]);
    out["results"].push_back(std::move(object));
  }
  return json_text(out);
}

std::string compare_csv(const std::vector<LabelledResult>& results, const std::vector<RuleMark>& marks) {
  std::vector<std::string> header = csv_header();
  header.insert(header.begin(), "label");
  for (const ComparedMetric& compared : kCompared) {
    if (compared.ratio) header.push_back(fmt::format("ratio_to_first.{}", compared.name));
  }
  if (!marks.empty()) header.emplace_back("export.may_be_sold");
  std::string out = csv_line(header);
  for (const LabelledResult& result : results) {
    std::vector<std::string> cells = csv_cells(result.result());
    cells.insert(cells.begin(), result.label);
    for (const ComparedMetric& compared : kCompared) {
      if (!compared.ratio) continue;
      const auto ratio = ratio_to_first(known(compared.name), result, results.front());
      cells.push_back(ratio ? fmt::format("{}", *ratio) : "");
    }
    const auto at = static_cast<std::size_t>(&result - results.data());
    if (!marks.empty()) cells.emplace_back(may_be_sold(marks[at]) ? "true" : "false");
    out += csv_line(cells);
  }
  return out;
}

}  // namespace gpuhours
