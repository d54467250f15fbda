#include "report/explain_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "report/estimate_report.hpp"
#include "report/json_values.hpp"
#include "report/number_text.hpp"

namespace gpuhours {
namespace {

std::vector<Sensitivity> by_effect(std::vector<Sensitivity> sensitivities) {
  std::stable_sort(sensitivities.begin(), sensitivities.end(),
                   [](const Sensitivity& a, const Sensitivity& b) { return a.change < b.change; });
  return sensitivities;
}

/// Parts of the breakdown rank's step, the largest first.
std::string parts_text(const StepEstimate& step, TextStyle style) {
  std::vector<std::pair<double, std::string>> parts;
  for (const auto& part : breakdown_metrics()) {
    const double seconds = std::get<double>(part.value(step.breakdown));
    if (seconds != 0) parts.emplace_back(seconds, part.meaning);
  }
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  TextTable table({"part of the step", "time", "share"});
  for (const auto& [seconds, meaning] : parts) {
    table.row({meaning, seconds_text(Seconds(seconds)), percent_text(Seconds(seconds) / step.time)});
  }
  return table.text(style);
}

}  // namespace

std::string explain_text(const Result& result, const std::vector<Sensitivity>& sensitivities, TextStyle style) {
  const StepEstimate& step = result.estimate.step;
  std::string out = bold(summary_line(result), style) + "\n";
  if (!result.estimate.memory.fits()) {
    out += fmt::format("{}\n", red(fmt::format("INFEASIBLE: {}", infeasible_line(result)), style));
  }
  out += fmt::format("\nA step takes {}; exposed communication {} ({}), bubble {} ({}), pipeline rank {}.\n\n",
                     seconds_text(step.time), seconds_text(step.exposed_communication),
                     percent_text(step.exposed_communication / step.time), seconds_text(step.breakdown.bubble),
                     percent_text(step.breakdown.bubble / step.time), step.breakdown_rank);
  out += parts_text(step, style);
  TextTable table({"10 % better", "step", "change", "GPU hours", "altered"});
  table.align_left(4);
  for (const Sensitivity& s : by_effect(sensitivities)) {
    table.row({s.resource, seconds_text(s.step_time), change_text(s.change), scaled_text(s.gpu_hours), s.alteration});
  }
  return fmt::format("{}\n{}{}", out, table.text(style), provenance_section(result, style));
}

std::string explain_json(const Result& result, const std::vector<Sensitivity>& sensitivities) {
  const StepEstimate& step = result.estimate.step;
  nlohmann::ordered_json out;
  out["schema_version"] = kSchemaVersion;
  out["step_time_s"] = step.time.value();
  out["exposed_communication_s"] = step.exposed_communication.value();
  out["exposed_communication_share"] = step.exposed_communication / step.time;
  out["bubble_s"] = step.breakdown.bubble.value();
  out["bubble_share"] = step.breakdown.bubble / step.time;
  out["sensitivities"] = nlohmann::ordered_json::array();
  for (const Sensitivity& s : sensitivities) {
    out["sensitivities"].push_back({{"resource", s.resource},
                                    {"alteration", s.alteration},
                                    {"improvement", s.improvement},
                                    {"step_time_s", s.step_time.value()},
                                    {"change", s.change},
                                    {"gpu_hours", s.gpu_hours}});
  }
  out["estimate"] = result_json(result);
  return json_text(out);
}

std::string explain_csv(const std::vector<Sensitivity>& sensitivities) {
  std::string out = csv_line({"resource", "alteration", "improvement", "step_time_s", "change", "gpu_hours"});
  for (const Sensitivity& s : sensitivities) {
    out += csv_line({s.resource, s.alteration, fmt::format("{}", s.improvement), fmt::format("{}", s.step_time.value()),
                     fmt::format("{}", s.change), fmt::format("{}", s.gpu_hours)});
  }
  return out;
}

}  // namespace gpuhours
