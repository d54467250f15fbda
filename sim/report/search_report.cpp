#include "report/search_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "report/estimate_report.hpp"
#include "report/json_values.hpp"
#include "report/number_text.hpp"
#include "scenario/enum_names.hpp"

namespace gpuhours {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kPartsShown = 3;

std::string count_text(std::int64_t count) { return number_text(static_cast<double>(count), 1); }

std::string rate_text(std::int64_t count, double seconds) {
  return seconds > 0 ? number_text(static_cast<double>(count) / seconds, 3) : "-";
}

Json layout_json(const Scenario& s) {
  const Parallelism& p = s.parallelism;
  return {{"gpus", s.cluster.gpus},
          {"tp", p.tp},
          {"pp", p.pp},
          {"vpp", p.vpp},
          {"cp", p.cp},
          {"dp", p.dp(s.cluster.gpus)},
          {"ep", p.ep},
          {"etp", p.etp},
          {"schedule", enum_name(p.schedule)},
          {"zero_stage", p.zero_stage},
          {"fsdp", enum_name(p.fsdp)},
          {"micro_batch", s.training.micro_batch},
          {"recompute", enum_name(s.training.recompute)},
          {"precision", s.precision.id}};
}

std::string counts_text(const SearchReport& report) {
  TextTable table({});
  const auto row = [&](const char* what, std::int64_t count, std::string more) {
    table.row({what, count_text(count), std::move(more)});
  };
  table.align_left(2);
  row("announced", report.announced, "");
  row("visited", report.visited,
      fmt::format("{} a second, {} in all", rate_text(report.visited, report.seconds),
                  seconds_text(Seconds(report.seconds))));
  std::int64_t broken = 0;
  for (const auto& [rule, count] : report.broken_rules) broken += count;
  row("not allowed", broken, "");
  row("out of memory", report.out_of_memory, "");
  row("feasible", report.feasible, "");
  row("ruled out by the bound", report.above_bound, "");
  row("simulated", report.simulated,
      fmt::format("{} a second", rate_text(report.simulated, report.simulating_seconds)));
  return table.text();
}

std::string rules_text(const SearchReport& report) {
  std::vector<std::pair<std::string, std::int64_t>> rules(report.broken_rules.begin(), report.broken_rules.end());
  std::stable_sort(rules.begin(), rules.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  TextTable table({"layouts", "are not allowed because"});
  table.align_left(1);
  for (const auto& [rule, count] : rules) table.row({count_text(count), rule});
  return table.empty() ? "" : "\n" + table.text();
}

std::string best_text(const SearchReport& report, TextStyle style) {
  TextTable table({"", "GPUs", "step", "GPU hours", "wall time", "rent", "headroom"});
  std::string reasons;
  int rank = 0;
  for (const FoundLayout& found : report.best) {
    const Estimate& e = found.estimate;
    const std::string number = fmt::format("{}", ++rank);
    table.row({number, count_text(found.scenario.cluster.gpus), seconds_text(e.step.time), scaled_text(e.run.gpu_hours),
               seconds_text(e.run.wall_time), dollars_text(e.cost.usd), bytes_text(e.memory.capacity - e.memory.peak)});
    reasons += fmt::format("  {:<2} {}\n     {}\n", number, layout_text(found.scenario), bottleneck_text(e.step));
  }
  const char* title =
      report.objective == Objective::pareto ? "Days against dollars: nothing is better in both" : "Best layouts";
  return fmt::format("\n{}\n{}\n{}", bold(title, style), table.text(style), reasons);
}

std::string own_text(const SearchReport& report) {
  if (!report.own || report.best.empty()) return "";
  const Seconds step = report.own->estimate.step.time;
  return fmt::format("  own  {}\n     the scenario's own layout: {}, {:.2f} times the step of the first\n",
                     layout_text(report.own->scenario), seconds_text(step),
                     step / report.best.front().estimate.step.time);
}

}  // namespace

std::string_view name(Objective objective) {
  constexpr std::array<std::string_view, 4> kNames{"step_time", "gpu_hours", "usd", "pareto"};
  return kNames[static_cast<std::size_t>(objective)];
}

std::string layout_text(const Scenario& s) {
  const Parallelism& p = s.parallelism;
  std::string out = fmt::format("tp {}, pp {}", p.tp, p.pp);
  if (p.vpp > 1) out += fmt::format(", vpp {}", p.vpp);
  if (p.cp > 1) out += fmt::format(", cp {}", p.cp);
  out += fmt::format(", dp {}", p.dp(s.cluster.gpus));
  if (s.model.is_moe()) out += fmt::format(", ep {}", p.ep);
  if (p.etp > 1) out += fmt::format(", etp {}", p.etp);
  out += fmt::format(", micro-batch {}, {}, recompute {}, ZeRO-{}", s.training.micro_batch, schedule_title(p.schedule),
                     enum_name(s.training.recompute), p.zero_stage);
  if (p.fsdp != Fsdp::none) out += fmt::format(", FSDP {}", enum_name(p.fsdp));
  return out + ", " + s.precision.id;
}

std::string bottleneck_text(const StepEstimate& step) {
  const StepBreakdown& b = step.breakdown;
  const Seconds compute = b.forward + b.backward + b.weight + b.forward_backward;
  std::vector<std::pair<const char*, Seconds>> parts{{"compute", compute},         {"bubble", b.bubble},
                                                     {"exposed TP", b.exposed_tp}, {"exposed EP", b.exposed_ep},
                                                     {"exposed DP", b.exposed_dp}, {"exposed PP", b.exposed_pp},
                                                     {"exposed CP", b.exposed_cp}, {"optimizer", b.optimizer}};
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& c) { return a.second > c.second; });
  std::string out;
  for (std::size_t i = 0; i < kPartsShown && parts[i].second > Seconds{}; ++i) {
    out += fmt::format("{}{} {}", i == 0 ? "" : ", ", parts[i].first, percent_text(parts[i].second / step.time));
  }
  return out;
}

std::string search_text(const SearchReport& report, TextStyle style) {
  std::string out;
  if (report.interrupted) out += red("interrupted: the best of the layouts visited so far", style) + "\n";
  if (!report.unmet.empty()) out += red("INFEASIBLE: " + report.unmet, style) + "\n";
  if (report.best.empty()) {
    out += red("INFEASIBLE: no layout is allowed and fits into memory", style) + "\n";
  } else {
    out += summary_line(report.best.front().result()) + "\n" + best_text(report, style) + own_text(report);
  }
  out += fmt::format("\n{}\n{}{}", bold("Layouts", style), counts_text(report), rules_text(report));
  for (const std::string& choice : report.left_out) out += fmt::format("  left out: {}\n", choice);
  return out;
}

std::string search_json(const SearchReport& report) {
  Json out;
  out["schema_version"] = kSchemaVersion;
  out["objective"] = name(report.objective);
  out["announced"] = report.announced;
  out["visited"] = report.visited;
  out["feasible"] = report.feasible;
  out["simulated"] = report.simulated;
  out["seconds"] = report.seconds;
  out["simulating_seconds"] = report.simulating_seconds;
  out["interrupted"] = report.interrupted;
  out["unmet"] = report.unmet.empty() ? Json(nullptr) : Json(report.unmet);
  out["pruned"] = {{"out_of_memory", report.out_of_memory},
                   {"above_bound", report.above_bound},
                   {"rules", Json(report.broken_rules)}};
  out["left_out"] = report.left_out;
  out["best"] = Json::array();
  for (const FoundLayout& found : report.best) {
    Json object = result_json(found.result());
    object["layout"] = layout_json(found.scenario);
    object["bottleneck"] = bottleneck_text(found.estimate.step);
    out["best"].push_back(std::move(object));
  }
  out["own"] = report.own ? layout_json(report.own->scenario) : Json(nullptr);
  if (report.own) out["own"]["step_time_s"] = report.own->estimate.step.time.value();
  return json_text(out);
}

std::string search_csv(const SearchReport& report) {
  std::vector<std::string> header = csv_header();
  header.insert(header.begin(), "layout");
  std::string out = csv_line(header);
  for (const FoundLayout& found : report.best) {
    std::vector<std::string> cells = csv_cells(found.result());
    cells.insert(cells.begin(), layout_text(found.scenario));
    out += csv_line(cells);
  }
  return out;
}

}  // namespace gpuhours
