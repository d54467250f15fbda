#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "report/estimate_report.hpp"
#include "report/number_text.hpp"

namespace gpuhours {
namespace {

std::string_view name_or_id(const std::string& name, const std::string& id) { return name.empty() ? id : name; }

/// "NVIDIA H800 SXM5 80 GB" -> "H800".
std::string short_name(const Gpu& gpu) {
  std::string_view words = name_or_id(gpu.name, gpu.id);
  if (words.starts_with("NVIDIA ")) words.remove_prefix(7);
  return std::string(words.substr(0, words.find_first_of(" ,")));
}

/// Never left out where experiments are counted in.
std::string research_words(const Result& result) {
  const double multiplier = result.scenario.pricing.research_multiplier;
  if (multiplier == 1) return {};
  return fmt::format(" ({} with experiments and failed runs, x {:.4g})",
                     dollars_text(result.estimate.cost.with_research), multiplier);
}

std::string heading(std::string_view title, TextStyle style) { return fmt::format("\n{}\n", bold(title, style)); }

std::string inputs_section(const Result& result, TextStyle style) {
  const Scenario& s = result.scenario;
  const Parallelism& p = s.parallelism;
  std::string layout = fmt::format("tp {}, pp {}, dp {}", p.tp, p.pp, p.dp(s.cluster.gpus));
  if (p.vpp > 1) layout += fmt::format(", vpp {}", p.vpp);
  if (p.cp > 1) layout += fmt::format(", cp {}", p.cp);
  if (s.model.is_moe()) layout += fmt::format(", ep {}", p.ep);
  if (p.etp > 1) layout += fmt::format(", etp {}", p.etp);
  layout += fmt::format(", ZeRO-{}, {}", p.zero_stage, schedule_title(p.schedule));
  TextTable table({});
  table.align_left(1);
  table.row({"cluster", fmt::format("{} x {}, {}, {}", number_text(s.cluster.gpus, 1), s.cluster.gpu.id,
                                    s.cluster.node.id, s.cluster.fabric.id)});
  table.row({"layout", layout});
  table.row({"batch", fmt::format("{} sequences of {} tokens, micro-batch {}", number_text(s.training.global_batch, 1),
                                  number_text(s.training.sequence_length, 1), s.training.micro_batch)});
  table.row({"software", fmt::format("{}, precision {}", s.stack.id, s.precision.id)});
  return heading("Inputs", style) + table.text();
}

/// One row a pipeline rank, as the DeepSeek paper prints a step; columns that are zero everywhere are left out, except
/// those of the paper.
std::string breakdown_section(const StepEstimate& step, TextStyle style) {
  const std::vector<StepBreakdown> ranks = step.by_rank.empty() ? std::vector{step.breakdown} : step.by_rank;
  std::vector<Metric<StepBreakdown>> columns;
  for (const auto& column : breakdown_metrics()) {
    const bool used = std::any_of(ranks.begin(), ranks.end(),
                                  [&](const auto& rank) { return std::get<double>(column.value(rank)) != 0; });
    if (used || !column.name.starts_with("exposed_")) columns.push_back(column);
  }
  std::vector<std::string> header{"rank"};
  for (const auto& column : columns) header.emplace_back(column.label);
  header.emplace_back("sum");
  TextTable table(header);
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const std::size_t rank = step.by_rank.empty() ? static_cast<std::size_t>(step.breakdown_rank) : i;
    std::vector<std::string> cells{std::to_string(rank)};
    double sum = 0;
    for (const auto& column : breakdown_metrics()) sum += std::get<double>(column.value(ranks[i]));
    for (const auto& column : columns) cells.push_back(fmt::format("{:.3f}", std::get<double>(column.value(ranks[i]))));
    cells.push_back(fmt::format("{:.3f}", sum));
    table.row(cells);
  }
  return heading("Where a step's time goes (seconds, by pipeline rank)", style) + table.text(style);
}

/// Only of the flow network: the analytic one sees no contention.
std::string network_section(const Result& result, TextStyle style) {
  const NetworkReport& network = result.estimate.network;
  if (network.model == NetworkModel::analytic) return {};
  std::string out = heading("Network (flows share links)", style) + metric_lines(result, {"network.contention_cost_s"});
  if (network.contention.empty()) return out;
  std::vector<std::string> header;
  for (const auto& column : contention_metrics()) header.emplace_back(column.label);
  TextTable table(header);
  for (const auto& traffic : network.contention) {
    std::vector<std::string> cells;
    for (const auto& column : contention_metrics()) cells.push_back(value_text(column.value(traffic), column.unit));
    table.row(cells);
  }
  return fmt::format("{}\n{}", out, table.text(style));
}

std::string memory_section(const Result& result, TextStyle style) {
  const MemoryLedger& memory = result.estimate.memory;
  TextTable table({});
  for (const LedgerEntry& entry : memory.entries) table.row({entry.name, bytes_text(entry.bytes)});
  table.row({"peak", bytes_text(memory.peak)});
  table.row({"capacity", bytes_text(memory.capacity)});
  std::string out = heading(fmt::format("Memory per GPU (pipeline rank {})", memory.rank), style) + table.text();
  if (!memory.fits()) out += fmt::format("  {}\n", red(infeasible_line(result), style));
  return out;
}

std::string run_section(const Result& result, TextStyle style) {
  std::vector<std::string> header;
  for (const auto& column : phase_metrics()) header.emplace_back(column.label);
  TextTable table(header);
  table.align_left(1);
  for (const PhaseEstimate& phase : result.estimate.run.phases) {
    std::vector<std::string> cells;
    for (const auto& column : phase_metrics()) cells.push_back(value_text(column.value(phase), column.unit));
    table.row(cells);
  }
  return heading("Run", style) + table.text(style) +
         metric_lines(result, {"run.gpu_hours", "run.wall_time_s", "run.goodput", "run.lost.checkpoints",
                               "run.lost.repeated_work", "run.lost.restarts", "run.lost.planned", "run.lost.waiting",
                               "run.between_interruptions_s", "run.checkpoint_interval_s", "interval.gpu_hours"});
}

std::string notes_section(const Estimate& estimate, TextStyle style) {
  std::string out;
  if (!estimate.notes.empty()) out += heading("Notes", style);
  for (const std::string& note : estimate.notes) out += fmt::format("  - {}\n", note);
  if (!estimate.warnings.all().empty()) out += heading("Warnings", style);
  for (const Diagnostic& warning : estimate.warnings.all()) {
    out += fmt::format("  - {}\n", yellow(warning.message, style));
    if (!warning.hint.empty()) out += fmt::format("    {}\n", warning.hint);
  }
  return out;
}

}  // namespace

std::string metric_lines(const Result& result, const std::vector<std::string_view>& names) {
  TextTable table({});
  table.align_left(1);
  for (const std::string_view name : names) {
    const Metric<Result>* found = metric(name);
    assert(found != nullptr);
    const MetricValue value = found->value(result);
    if (std::holds_alternative<std::monostate>(value)) continue;
    table.row({std::string(found->label), value_text(value, found->unit)});
  }
  return table.text();
}

std::string provenance_section(const Result& result, TextStyle style) {
  std::string out =
      heading("How sure", style) +
      metric_lines(result, {"provenance.measured_share", "provenance.interpolated_share", "provenance.guessed_share"});
  if (result.estimate.provenance.guessed.empty()) return out;
  TextTable table({"guessed", "share of step"});
  for (const auto& guess : result.estimate.provenance.guessed) {
    table.row({guess.what, percent_text(guess.share_of_step)});
  }
  return fmt::format("{}\n{}", out, table.text(style));
}

std::string summary_line(const Result& result) {
  const Scenario& s = result.scenario;
  return fmt::format("{} on {} {}: {} GPU hours, {}, {}", name_or_id(s.model.name, s.model.id),
                     number_text(s.cluster.gpus, 1), short_name(s.cluster.gpu),
                     scaled_text(result.estimate.run.gpu_hours), seconds_text(result.estimate.run.wall_time),
                     dollars_text(result.estimate.cost.usd)) +
         research_words(result);
}

std::string infeasible_line(const Result& result) {
  const MemoryLedger& memory = result.estimate.memory;
  if (memory.fits()) return {};
  const std::string remedy = memory.remedy.empty() ? "no single change was found that would fit"
                                                   : fmt::format("would fit with {}", memory.remedy);
  return fmt::format("does not fit: {} of {} on rank {}; {}", bytes_text(memory.peak), bytes_text(memory.capacity),
                     memory.rank, remedy);
}

std::string estimate_text(const Result& result, TextStyle style) {
  std::string out = bold(summary_line(result), style) + "\n";
  if (!result.estimate.memory.fits()) out += red(fmt::format("INFEASIBLE: {}", infeasible_line(result)), style) + "\n";
  const StepEstimate& step = result.estimate.step;
  out += inputs_section(result, style);
  out += heading(fmt::format("Step ({})", schedule_title(step.schedule_run)), style);
  out += metric_lines(result, {"step.time_s", "interval.step_time_s", "step.tokens_per_s_per_gpu",
                               "step.model_tflops_per_gpu", "step.mfu", "step.mfu_native",
                               "step.exposed_communication_s", "step.communication_hidden_share", "step.power_share"});
  out +=
      heading(fmt::format("A step as the DeepSeek-V3 paper prints it (pipeline rank {})", step.breakdown_rank), style);
  out += metric_lines(
      result, {"step.chunk_time_s.forward", "step.chunk_time_s.bubble", "step.chunk_time_s.backward",
               "step.chunk_time_s.weight", "step.chunk_time_s.forward_backward", "step.chunk_time_s.optimizer"});
  out += breakdown_section(step, style);
  out += network_section(result, style);
  out += memory_section(result, style);
  out += run_section(result, style);
  out += cost_section(result, style);
  out += provenance_section(result, style);
  return out + notes_section(result.estimate, style);
}

}  // namespace gpuhours
