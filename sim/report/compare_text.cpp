#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "report/compare_report.hpp"
#include "report/estimate_report.hpp"
#include "report/number_text.hpp"
#include "report/search_report.hpp"

namespace gpuhours {
namespace {

/// More columns than these stand as rows.
constexpr std::size_t kSideBySide = 4;
/// Resources named behind a layout.
constexpr std::size_t kResources = 3;

const Metric<Result>& known(std::string_view name) {
  const Metric<Result>* found = metric(name);
  assert(found != nullptr);
  return *found;
}

std::string marked(const LabelledResult& result, TextStyle style) {
  return result.estimate.memory.fits() ? result.label : red(fmt::format("{} (INFEASIBLE)", result.label), style);
}

std::string cell(std::string_view name, const LabelledResult& result) {
  const Metric<Result>& metric = known(name);
  return value_text(compared_value(metric, result), metric.unit);
}

std::string ratio_cell(std::string_view name, const LabelledResult& result, const LabelledResult& first) {
  const auto ratio = ratio_to_first(known(name), result, first);
  return ratio ? fmt::format("{:.3f}", *ratio) : "";
}

/// "peak FLOPs -6.2 %": the resource of which a tenth more shortens the step most.
std::string binds_text(const LabelledResult& result, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < std::min(most, result.sensitivities.size()); ++i) {
    const Sensitivity& one = result.sensitivities[i];
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", one.resource, change_text(one.change));
  }
  return out;
}

/// Shown only where it says something: GPUs and tokens when columns differ in them.
bool wanted(const ComparedMetric& compared, const std::vector<LabelledResult>& results) {
  if (compared.name != "inputs.cluster.gpus" && compared.name != "run.tokens") return true;
  return std::any_of(results.begin(), results.end(), [&](const LabelledResult& result) {
    return cell(compared.name, result) != cell(compared.name, results.front());
  });
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

/// The same where columns stand as rows.
std::string marks_section(const Comparison& comparison, TextStyle style) {
  if (comparison.marks.empty() || comparison.results.size() <= kSideBySide) return {};
  const RuleMark& first = comparison.marks.front();
  TextTable table({"", "may be sold", "because"});
  table.align_left(1);
  table.align_left(2);
  for (std::size_t i = 0; i < comparison.marks.size(); ++i) {
    const RuleMark& mark = comparison.marks[i];
    table.row({comparison.results[i].label, mark_text(mark), mark.finding.because});
  }
  return fmt::format("\n{}\n{}", bold(fmt::format("{} at {}", first.finding.rule, first.date), style),
                     table.text(style));
}

std::string side_by_side(const Comparison& comparison, TextStyle style) {
  const std::vector<LabelledResult>& results = comparison.results;
  std::vector<std::string> header{""};
  for (const LabelledResult& result : results) {
    header.push_back(marked(result, style));
    if (&result != &results.front()) header.emplace_back("ratio");
  }
  TextTable table(header);
  for (const ComparedMetric& compared : compared_metrics()) {
    if (!wanted(compared, results)) continue;
    std::vector<std::string> cells{std::string(known(compared.name).label)};
    for (const LabelledResult& result : results) {
      cells.push_back(cell(compared.name, result));
      if (&result == &results.front()) continue;
      cells.push_back(compared.ratio ? ratio_cell(compared.name, result, results.front()) : "");
    }
    table.row(cells);
  }
  std::vector<std::string> binds{"10 % more helps most"};
  for (const LabelledResult& result : results) {
    binds.push_back(binds_text(result, 1));
    if (&result != &results.front()) binds.emplace_back();
  }
  if (!results.front().sensitivities.empty()) table.row(binds);
  add_mark_rows(comparison.marks, table);
  return table.text(style);
}

std::string one_below_the_other(const std::vector<LabelledResult>& results, TextStyle style) {
  TextTable table({"", "GPUs", "step", "MFU", "GPU hours", "ratio", "wall time", "ratio", "rent", "ratio", "energy",
                   "memory", "guessed", "10 % more helps most"});
  table.align_left(13);
  for (const LabelledResult& result : results) {
    const LabelledResult& first = results.front();
    const auto ratio = [&](std::string_view name) {
      return &result == &first ? std::string{} : ratio_cell(name, result, first);
    };
    table.row({marked(result, style), cell("inputs.cluster.gpus", result), cell("step.time_s", result),
               cell("step.mfu", result), cell("run.gpu_hours", result), ratio("run.gpu_hours"),
               cell("run.wall_time_s", result), ratio("run.wall_time_s"), cell("cost.usd", result), ratio("cost.usd"),
               cell("energy.kwh", result), cell("memory.peak_bytes_per_gpu", result),
               cell("provenance.guessed_share", result), binds_text(result, 1)});
  }
  return table.text(style);
}

/// Each column's layout with the largest parts of its step and what binds it.
std::string layouts_section(const std::vector<LabelledResult>& results, TextStyle style) {
  std::string out = fmt::format("\n{}\n", bold("Layouts, the best of each search", style));
  for (const LabelledResult& result : results) {
    out += fmt::format("  {}\n    {}\n    {}; with 10 % more: {}\n", result.label, layout_text(result.scenario),
                       bottleneck_text(result.estimate.step), binds_text(result, kResources));
  }
  return out;
}

std::string held_section(const Comparison& comparison, TextStyle style) {
  if (comparison.hold == Hold::gpus) return {};
  const bool days = comparison.hold == Hold::days;
  const std::string searched = days && comparison.reoptimised ? "; layouts searched at the scenario's GPUs" : "";
  std::string out =
      fmt::format("\n{}\n", bold(fmt::format("Held equal: {}, by {}", name(comparison.hold),
                                             days ? "the number of GPUs, in whole data-parallel ranks" + searched
                                                  : "the tokens of the main phase" + searched),
                                 style));
  for (const LabelledResult& result : comparison.results) {
    const std::string chosen =
        days ? fmt::format("{} GPUs, {}", cell("inputs.cluster.gpus", result), cell("run.wall_time_s", result))
             : fmt::format("{} tokens, {}", cell("run.tokens", result), cell("cost.usd", result));
    const double off = result.held_off.value_or(0);
    out +=
        fmt::format("  {}: {}{}\n", result.label, chosen,
                    &result == &comparison.results.front() ? "" : fmt::format(" ({} of the first)", change_text(off)));
  }
  return out;
}

std::string interval_text(const std::optional<Interval>& interval) {
  return interval ? fmt::format("{:.3f} to {:.3f}", interval->p10, interval->p90) : "-";
}

std::string intervals_section(const std::vector<LabelledResult>& results, TextStyle style) {
  if (results.size() < 2 || !results.front().intervals) return {};
  TextTable table({"", "step", "GPU hours", "wall time", "rent"});
  for (const LabelledResult& result : results) {
    if (&result == &results.front() || !result.intervals) continue;
    const RatioIntervals& i = *result.intervals;
    table.row({result.label, interval_text(i.step_time), interval_text(i.gpu_hours), interval_text(i.wall_time),
               result.priced ? interval_text(i.usd) : "-"});
  }
  const std::string title = fmt::format("Ratios to {}, 80 % intervals: errors in common cancel", results.front().label);
  return fmt::format("\n{}\n{}", bold(title, style), table.text(style));
}

std::string signed_seconds(Seconds time) {
  return (time.value() < 0 ? "-" : "+") + seconds_text(time.value() < 0 ? -time : time);
}

std::string signed_hours(double hours) { return (hours < 0 ? "-" : "+") + scaled_text(hours < 0 ? -hours : hours); }

void add_parts(const LabelledResult& result, const LabelledResult& first, TextTable& table) {
  const std::vector<AttributedPart>& parts = result.attribution->parts;
  AttributedPart whole{"all", {}, 0};
  for (const AttributedPart& part : parts) {
    whole.step += part.step;
    whole.gpu_hours += part.gpu_hours;
  }
  std::vector<std::string> seconds{result.label};
  std::vector<std::string> shares{"  of a step"};
  std::vector<std::string> hours{"  GPU hours"};
  const auto add = [&](const AttributedPart& part) {
    seconds.push_back(signed_seconds(part.step));
    shares.push_back(change_text(part.step / first.estimate.step.time));
    hours.push_back(signed_hours(part.gpu_hours));
  };
  for (const AttributedPart& part : parts) add(part);
  add(whole);
  for (const auto* row : {&seconds, &shares, &hours}) table.row(*row);
}

std::string attribution_section(const std::vector<LabelledResult>& results, TextStyle style) {
  TextTable table({"", "compute", "HBM", "NVLink", "NIC and fabric", "other inputs", "all"});
  std::string refused;
  for (const LabelledResult& result : results) {
    if (!result.attribution) continue;
    if (result.attribution->refused.empty()) {
      add_parts(result, results.front(), table);
    } else {
      refused += fmt::format("  {} is not divided: {}\n", result.label, result.attribution->refused);
    }
  }
  if (table.empty() && refused.empty()) return {};
  const std::string title =
      fmt::format("Where the difference to {} comes from (mean over all orders of change)", results.front().label);
  return fmt::format("\n{}\n{}{}", bold(title, style), table.empty() ? "" : table.text(style), refused);
}

std::string notes_section(const std::vector<LabelledResult>& results, TextStyle style) {
  std::string out;
  for (const LabelledResult& result : results) {
    for (const std::string& note : result.notes) out += fmt::format("  {}: {}\n", result.label, note);
  }
  return out.empty() ? out : fmt::format("\n{}\n{}", bold("Notes", style), out);
}

std::string summary(const LabelledResult& result) {
  const std::string line = summary_line(result.result());
  return result.priced ? line : line.substr(0, line.rfind(", ")) + ", no price known";
}

}  // namespace

std::string compare_text(const Comparison& comparison, TextStyle style) {
  const std::vector<LabelledResult>& results = comparison.results;
  std::string out;
  for (const LabelledResult& result : results) {
    out += fmt::format("{}: {}\n", bold(result.label, style), summary(result));
    if (!result.estimate.memory.fits()) {
      out += fmt::format("  {}\n", red(fmt::format("INFEASIBLE: {}", infeasible_line(result.result())), style));
    }
  }
  for (const RefusedColumn& one : comparison.refused) {
    out += fmt::format("{}: {}\n", bold(one.label, style), red("REFUSED: " + one.reason, style));
  }
  out += "\n" + (results.size() > kSideBySide ? one_below_the_other(results, style) : side_by_side(comparison, style));
  out += marks_section(comparison, style);
  out += held_section(comparison, style);
  if (comparison.reoptimised) out += layouts_section(results, style);
  return out + intervals_section(results, style) + attribution_section(results, style) + notes_section(results, style);
}

}  // namespace gpuhours
