#include "report/rules_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "report/estimate_report.hpp"
#include "report/json_values.hpp"
#include "report/number_text.hpp"

namespace gpuhours {
namespace {

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string density_text(const ChipFigures& chip) {
  return chip.performance_density > 0 ? fmt::format("{:.2f}", chip.performance_density) : "unknown: no die area";
}

}  // namespace

RulesReport rules_report(const Gpu& gpu, const std::vector<ExportRule>& rules, const std::string& date) {
  RulesReport report{gpu.id, gpu.released, chip_figures(gpu), date, "", {}};
  for (const ExportRule& rule : rules) {
    if (!date.empty() && is_before(date, rule.date)) continue;
    report.findings.push_back(export_finding(report.chip, rule, rules));
  }
  const ExportRule* in_force = date.empty() ? nullptr : rule_in_force(rules, date);
  if (in_force != nullptr) report.in_force = in_force->id;
  return report;
}

std::string rules_text(const RulesReport& report, TextStyle style) {
  std::string out = fmt::format("{} under the rules for exports to China\n", bold(report.gpu, style));
  TextTable figures({});
  figures.align_left(1);
  figures.row({"total processing performance",
               fmt::format("{} ({})", number_text(report.chip.tpp), name(report.chip.tpp_format))});
  figures.row({"performance density", density_text(report.chip)});
  figures.row({"memory bandwidth", fmt::format("{} GB/s", number_text(report.chip.memory_bandwidth * 1e-9))});
  figures.row({"links, both directions", fmt::format("{} GB/s", number_text(report.chip.io_bidirectional * 1e-9))});
  if (!report.chip.data_centre) figures.row({"meant for data centres", "no"});
  out += figures.text() + "\n";
  TextTable table({"rule", "of", "own test", "decides", "export", "because"});
  for (std::size_t i = 1; i < 6; ++i) table.align_left(i);
  for (const ExportFinding& finding : report.findings) {
    std::string treatment(phrase(finding.treatment));
    if (finding.duty_share > 0) treatment += fmt::format(", duty {}", percent_text(finding.duty_share));
    table.row({finding.rule, finding.date, or_dash(finding.own_class), or_dash(finding.class_name), treatment,
               finding.because});
  }
  out += table.text(style);
  if (report.date.empty()) return out;
  for (const ExportFinding& finding : report.findings) {
    if (finding.rule != report.in_force) continue;
    out += fmt::format("\nIn force at {}: {} ({}): {}\n", report.date, finding.rule, finding.rule_name,
                       phrase(finding.treatment));
  }
  if (report.in_force.empty()) out += fmt::format("\nNo rule was in force at {}: uncontrolled\n", report.date);
  return out;
}

std::string rules_json(const RulesReport& report) {
  using Json = nlohmann::ordered_json;
  const ChipFigures& chip = report.chip;
  Json out;
  out["schema_version"] = kSchemaVersion;
  out["gpu"] = report.gpu;
  out["released"] = report.released;
  out["tpp"] = chip.tpp;
  out["tpp_format"] = name(chip.tpp_format);
  out["performance_density"] = chip.performance_density > 0 ? Json(chip.performance_density) : Json(nullptr);
  out["memory_bandwidth_bytes_per_s"] = chip.memory_bandwidth;
  out["io_bidirectional_bytes_per_s"] = chip.io_bidirectional;
  out["data_centre"] = chip.data_centre;
  out["date"] = report.date.empty() ? Json(nullptr) : Json(report.date);
  out["in_force"] = report.in_force.empty() ? Json(nullptr) : Json(report.in_force);
  out["rules"] = Json::array();
  for (const ExportFinding& f : report.findings) {
    out["rules"].push_back({{"rule", f.rule},
                            {"name", f.rule_name},
                            {"date", f.date},
                            {"own_class", f.own_class},
                            {"class", f.class_name},
                            {"treatment", treatment_name(f.treatment)},
                            {"may_be_sold", may_be_sold(f.treatment)},
                            {"because", f.because},
                            {"duty_share", f.duty_share}});
  }
  return json_text(out);
}

std::string rules_csv(const RulesReport& report) {
  std::string out = csv_line({"gpu", "rule", "date", "own_class", "class", "treatment", "may_be_sold", "because"});
  for (const ExportFinding& f : report.findings) {
    out += csv_line({report.gpu, f.rule, f.date, f.own_class, f.class_name, std::string(treatment_name(f.treatment)),
                     may_be_sold(f.treatment) ? "true" : "false", f.because});
  }
  return out;
}

bool may_be_sold(const RuleMark& mark) {
  return may_be_sold(mark.finding.treatment) && (mark.released.empty() || !is_before(mark.date, mark.released));
}

std::string mark_text(const RuleMark& mark) {
  if (!may_be_sold(mark.finding.treatment)) return fmt::format("no: {}", phrase(mark.finding.treatment));
  if (!may_be_sold(mark)) return fmt::format("no: not released before {}", mark.released);
  return fmt::format("yes: {}", phrase(mark.finding.treatment));
}

}  // namespace gpuhours
