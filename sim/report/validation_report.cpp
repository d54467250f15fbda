#include "report/validation_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "report/estimate_report.hpp"
#include "report/json_values.hpp"
#include "report/number_text.hpp"

namespace gpuhours {
namespace {

using Json = nlohmann::ordered_json;

std::string share_cell(const std::optional<double>& share) { return share ? percent_text(*share) : "-"; }

std::string runs_text(int rows) { return fmt::format("{} run{}", rows, rows == 1 ? "" : "s"); }

std::vector<std::string> statistics_cells(const ErrorStatistics& s) {
  return {s.group.empty() ? "all" : s.group,
          std::to_string(s.rows),
          std::to_string(s.points),
          percent_text(s.mape),
          percent_text(s.median),
          percent_text(s.p90),
          percent_text(s.p95),
          change_text(s.worst),
          change_text(s.bias),
          share_cell(s.inside_80)};
}

TextTable statistics_table(const std::string& first) {
  return TextTable({first, "rows", "points", "MAPE", "median", "p90", "p95", "worst", "bias", "inside 80 %"});
}

std::string class_text(const ValidationReport& report, const std::string& title, const RowClass& row_class,
                       TextStyle style) {
  TextTable table = statistics_table(title);
  for (const ErrorStatistics& one : statistics_by(report, row_class)) table.row(statistics_cells(one));
  return table.text(style);
}

std::string interval_text(const std::optional<Interval>& interval) {
  if (!interval) return "-";
  return fmt::format("{} .. {}", seconds_text(Seconds(interval->p10)), seconds_text(Seconds(interval->p90)));
}

/// The rows of which `shown` holds.
std::string rows_text(const ValidationReport& report, const std::function<bool(const ValidationRow&)>& shown,
                      TextStyle style) {
  TextTable table({"run", "measured", "predicted", "error", "80 % interval", "guessed", "fits", "filled"});
  table.align_left(7);
  for (const ValidationRow& row : report.rows) {
    if (!shown(row)) continue;
    table.row({row.id, seconds_text(row.measured), seconds_text(row.predicted), change_text(row.error()),
               interval_text(row.interval), percent_text(row.guessed_share), row.fits ? "yes" : red("no", style),
               fmt::format("{}", fmt::join(row.filled, "; "))});
  }
  return table.text(style);
}

/// Rows of tier 3 by family: no bar is set for them.
std::string weak_text(const ValidationReport& report, TextStyle style) {
  std::string out;
  for (const ErrorStatistics& family : tier_3_families(report)) {
    const std::string title = fmt::format("tier 3, {}: {}, MAPE {}, bias {}", family.group, runs_text(family.rows),
                                          percent_text(family.mape), change_text(family.bias));
    const auto shown = [&](const ValidationRow& row) { return row.weak() && family_of(row) == family.group; };
    out += fmt::format("\n{}\n{}", bold(title, style), rows_text(report, shown, style));
  }
  return out;
}

/// Rows of tiers 1 and 2: statistics by group, stack and class, then each row.
std::string strong_text(const ValidationReport& report, const ErrorStatistics& all, const ErrorStatistics& weak,
                        TextStyle style) {
  TextTable groups = statistics_table("stack|model|gpu|precision");
  for (const ErrorStatistics& group : statistics_by(report, group_of)) groups.row(statistics_cells(group));
  groups.row(statistics_cells(all));
  if (weak.rows > 0) groups.row(statistics_cells(weak));
  const auto shown = [](const ValidationRow& row) { return !row.weak(); };
  return fmt::format("\n{}\n{}\n{}\n{}", groups.text(style), class_text(report, "stack", stack_of, style),
                     class_text(report, "generation, kind, format", hardware_class_of, style),
                     rows_text(report, shown, style));
}

Json statistics_json(const ErrorStatistics& s) {
  Json out = Json::object();
  if (!s.group.empty()) out["group"] = s.group;
  out["rows"] = s.rows;
  out["points"] = s.points;
  out["mape"] = s.mape;
  out["median"] = s.median;
  out["p90"] = s.p90;
  out["p95"] = s.p95;
  out["worst"] = s.worst;
  out["bias"] = s.bias;
  out["inside_80"] = s.inside_80 ? Json(*s.inside_80) : nullptr;
  return out;
}

Json row_json(const ValidationRow& row) {
  Json out = Json::object();
  out["id"] = row.id;
  out["group"] = row.group;
  out["point"] = row.point();
  out["tier"] = row.tier;
  out["measured_s"] = row.measured.value();
  out["predicted_s"] = row.predicted.value();
  out["error"] = row.error();
  out["p10_s"] = row.interval ? Json(row.interval->p10) : nullptr;
  out["p90_s"] = row.interval ? Json(row.interval->p90) : nullptr;
  out["guessed_share"] = row.guessed_share;
  out["fits"] = row.fits;
  out["filled"] = row.filled;
  return out;
}

}  // namespace

std::string validation_text(const ValidationReport& report, TextStyle style) {
  const ErrorStatistics all = error_statistics(report);
  const ErrorStatistics weak = tier_3_statistics(report);
  const bool only_weak = all.rows == 0 && weak.rows > 0;
  const ErrorStatistics& told = only_weak ? weak : all;
  std::string out = bold(fmt::format("{}{} predicted, {} refused: MAPE {}, median {}, bias {}", runs_text(told.rows),
                                     only_weak ? " of tier 3" : "", report.refused.size(), percent_text(told.mape),
                                     percent_text(told.median), change_text(told.bias)),
                         style);
  out += fmt::format("\n{} points: one layout in several releases counts once\n", told.points);
  if (report.left_out) out += "every group predicted with stack constants fitted without it\n";
  for (const std::string& note : report.notes) out += note + "\n";
  if (!only_weak) out += strong_text(report, all, weak, style);
  out += weak_text(report, style);
  if (report.refused.empty()) return out;
  TextTable refused({"refused", "reason"});
  refused.align_left(1);
  for (const RefusedRow& row : report.refused) refused.row({row.id, row.reason});
  return fmt::format("{}\n{}", out, refused.text(style));
}

std::string validation_json(const ValidationReport& report) {
  Json out = Json::object();
  out["schema_version"] = kSchemaVersion;
  out["left_one_group_out"] = report.left_out;
  out["notes"] = report.notes;
  out["all"] = statistics_json(error_statistics(report));
  const auto add = [&](const char* key, const RowClass& row_class) {
    out[key] = Json::array();
    for (const ErrorStatistics& one : statistics_by(report, row_class)) out[key].push_back(statistics_json(one));
  };
  add("groups", group_of);
  add("stacks", stack_of);
  add("classes", hardware_class_of);
  out["tier_3"] = statistics_json(tier_3_statistics(report));
  out["tier_3_families"] = Json::array();
  for (const ErrorStatistics& one : tier_3_families(report)) out["tier_3_families"].push_back(statistics_json(one));
  out["rows"] = Json::array();
  for (const ValidationRow& row : report.rows) out["rows"].push_back(row_json(row));
  out["refused"] = Json::array();
  for (const RefusedRow& row : report.refused) out["refused"].push_back({{"id", row.id}, {"reason", row.reason}});
  return json_text(out);
}

std::string validation_csv(const ValidationReport& report) {
  std::string out = csv_line({"id", "group", "tier", "measured_s", "predicted_s", "error", "p10_s", "p90_s",
                              "guessed_share", "fits", "filled", "refused"});
  const auto number = [](double value) { return fmt::format("{}", value); };
  for (const ValidationRow& row : report.rows) {
    out += csv_line({row.id, row.group, std::to_string(row.tier), number(row.measured.value()),
                     number(row.predicted.value()), number(row.error()), row.interval ? number(row.interval->p10) : "",
                     row.interval ? number(row.interval->p90) : "", number(row.guessed_share),
                     row.fits ? "true" : "false", fmt::format("{}", fmt::join(row.filled, "; ")), ""});
  }
  for (const RefusedRow& row : report.refused) {
    out += csv_line({row.id, "", "", "", "", "", "", "", "", "", "", row.reason});
  }
  return out;
}

}  // namespace gpuhours
