#include <fmt/format.h>

#include "report/number_text.hpp"
#include "report/validation_report.hpp"

namespace gpuhours {
namespace {

/// Models below this are bound by their launches more than by the GPU.
constexpr double kLargeModel = 5e9;

bool by_nvidia(const ValidationRow& row) {
  return row.stack == "nemo" || row.stack == "megatron-bridge" || row.stack == "mlperf-nemo";
}

bool is_hopper(const ValidationRow& row) { return row.generation == "hopper"; }

std::string nvidia_class(const ValidationRow& row) {
  if (is_hopper(row)) {
    return fmt::format("NVIDIA (NeMo, Megatron-Bridge, MLPerf), {}, {}, {}", row.gpu == "h200_sxm" ? "H200" : "H100",
                       row.mixture ? "MoE" : "dense", format_of(row));
  }
  return fmt::format("NVIDIA, {}, {}, {}", row.generation == "blackwell" ? "Blackwell" : row.gpu,
                     row.mixture ? "MoE" : "dense", format_of(row));
}

/// Who ran what on what.
std::string accuracy_class(const ValidationRow& row) {
  if (by_nvidia(row)) return nvidia_class(row);
  if (row.stack == "llm-foundry") {
    return fmt::format("llm-foundry, FSDP, {}, {}, {}", row.gpu,
                       row.parameters >= kLargeModel ? "7B and more" : "up to 3B", format_of(row));
  }
  return fmt::format("{}, {}, {}, {}", row.stack, row.gpu, row.mixture ? "MoE" : "dense", format_of(row));
}

std::string markdown_row(const ErrorStatistics& s, const std::string& name) {
  return fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n", name, s.rows, s.points, percent_text(s.mape),
                     percent_text(s.median), percent_text(s.p95), change_text(s.bias),
                     s.inside_80 ? percent_text(*s.inside_80) : "-");
}

}  // namespace

std::string accuracy_markdown(const ValidationReport& report) {
  std::string out =
      "| runs | n | points | MAPE | median | p95 | bias | inside 80 % |\n|---|---|---|---|---|---|---|---|\n";
  for (const ErrorStatistics& one : statistics_by(report, accuracy_class)) out += markdown_row(one, one.group);
  const auto hopper_dense = [](const ValidationRow& row) {
    return std::string(by_nvidia(row) && is_hopper(row) && row.gpu == "h100_sxm" && !row.mixture ? "bar" : "");
  };
  for (const ErrorStatistics& one : statistics_by(report, hopper_dense)) {
    out += markdown_row(one, "all dense H100 of the Megatron family");
  }
  out += markdown_row(error_statistics(report), "all of tiers 1 and 2");
  const ErrorStatistics weak = tier_3_statistics(report);
  if (weak.rows > 0) out += markdown_row(weak, "tier 3");
  return out;
}

}  // namespace gpuhours
