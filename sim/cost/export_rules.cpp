#include "cost/export_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace gpuhours {

namespace {

constexpr std::array<std::string_view, 5> kNames = {"uncontrolled", "notice", "case_by_case", "licence", "denial"};
constexpr std::array<std::string_view, 5> kPhrases = {"uncontrolled", "free after 25 days' notice (NAC)",
                                                      "licence, weighed case by case", "licence required",
                                                      "licence, presumption of denial"};

double measured(const ChipFigures& chip, Measure measure) {
  switch (measure) {
    case Measure::tpp:
      return chip.tpp;
    case Measure::performance_density:
      return chip.performance_density;
    case Measure::io_bidirectional:
      return chip.io_bidirectional;
    case Measure::memory_bandwidth:
      return chip.memory_bandwidth;
    case Measure::memory_bandwidth_plus_io:
      return chip.memory_bandwidth + chip.io_bidirectional;
  }
  return 0;
}

std::string figure_text(const ChipFigures& chip, Measure measure) {
  const double value = measured(chip, measure);
  switch (measure) {
    case Measure::tpp:
      return fmt::format("TPP {:.0f}", value);
    case Measure::performance_density:
      return fmt::format("performance density {:.2f}", value);
    case Measure::io_bidirectional:
      return fmt::format("I/O {:.0f} GB/s", value * 1e-9);
    case Measure::memory_bandwidth:
      return fmt::format("memory {:.0f} GB/s", value * 1e-9);
    case Measure::memory_bandwidth_plus_io:
      return fmt::format("memory and I/O {:.0f} GB/s", value * 1e-9);
  }
  return "";
}

/// Without a die area the density is not known and no limit on it holds.
bool holds(const ChipFigures& chip, const RuleLimit& limit) {
  const double value = measured(chip, limit.measure);
  if (limit.measure == Measure::performance_density && value <= 0) return false;
  if (limit.comparison == ">=") return value >= limit.bound;
  if (limit.comparison == ">") return value > limit.bound;
  if (limit.comparison == "<=") return value <= limit.bound;
  return value < limit.bound;
}

bool all_hold(const ChipFigures& chip, const RuleLimits& limits) {
  return std::all_of(limits.begin(), limits.end(), [&](const RuleLimit& limit) { return holds(chip, limit); });
}

std::string because(const ChipFigures& chip, const RuleLimits& limits) {
  std::string out;
  for (const RuleLimit& limit : limits) {
    if (!out.empty()) out += ", ";
    out += fmt::format("{} {}", figure_text(chip, limit.measure), limit.text);
  }
  return out;
}

/// Class and reason of a rule's own test.
struct Own {
  const RuleClass* found = nullptr;
  std::string because;
};

Own own_class(const ChipFigures& chip, const ExportRule& rule) {
  if (!chip.data_centre && chip.tpp < rule.exempt_below_tpp) return {nullptr, "not meant for data centres"};
  for (const RuleClass& one : rule.classes) {
    for (const RuleLimits& limits : one.any) {
      if (all_hold(chip, limits)) return {&one, because(chip, limits)};
    }
  }
  return {};
}

}  // namespace

std::string_view phrase(Treatment treatment) { return kPhrases[static_cast<std::size_t>(treatment)]; }
std::string_view treatment_name(Treatment treatment) { return kNames[static_cast<std::size_t>(treatment)]; }
bool may_be_sold(Treatment treatment) { return treatment <= Treatment::notice; }

ChipFigures chip_figures(const Gpu& gpu) {
  const ProcessingPerformance performance = processing_performance(gpu);
  return {.tpp = performance.tpp,
          .tpp_format = performance.format,
          .performance_density = gpu.die_area_mm2 > 0 ? performance.tpp / gpu.die_area_mm2 : 0,
          .io_bidirectional = 2 * (gpu.nvlink_per_direction + gpu.pcie_per_direction).value(),
          .memory_bandwidth = gpu.memory_bandwidth.value(),
          .data_centre = gpu.data_centre};
}

const ExportRule* find_rule(const std::vector<ExportRule>& rules, std::string_view id) {
  const auto it = std::find_if(rules.begin(), rules.end(), [&](const ExportRule& rule) { return rule.id == id; });
  return it == rules.end() ? nullptr : &*it;
}

ExportFinding export_finding(const ChipFigures& chip, const ExportRule& rule, const std::vector<ExportRule>& rules) {
  ExportFinding finding;
  const ExportRule* base = rule.base.empty() ? nullptr : find_rule(rules, rule.base);
  if (base != nullptr) finding = export_finding(chip, *base, rules);
  finding.rule = rule.id;
  finding.rule_name = rule.name;
  finding.date = rule.date;
  finding.own_class.clear();
  const Own own = own_class(chip, rule);
  const bool controlled = finding.treatment != Treatment::uncontrolled;
  const bool relaxes = rule.combines == RuleCombination::replaces;
  if (own.found != nullptr && (!relaxes || controlled)) {
    finding.own_class = own.found->name;
    if (relaxes || own.found->treatment > finding.treatment) {
      finding.class_name = own.found->name;
      finding.treatment = own.found->treatment;
      finding.because = own.because;
    }
  } else if (!controlled && finding.because.empty()) {
    finding.because = own.because;
  }
  for (const RuleLimits& band : rule.duty) {
    if (all_hold(chip, band)) finding.duty_share = rule.duty_share;
  }
  return finding;
}

bool is_date(std::string_view date) {
  if (date.size() != 7 && date.size() != 10) return false;
  for (std::size_t i = 0; i < date.size(); ++i) {
    const bool dash = i == 4 || i == 7;
    if (dash ? date[i] != '-' : date[i] < '0' || date[i] > '9') return false;
  }
  const int month = 10 * (date[5] - '0') + (date[6] - '0');
  const int day = date.size() == 10 ? 10 * (date[8] - '0') + (date[9] - '0') : 1;
  return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

bool is_before(std::string_view a, std::string_view b) {
  const std::size_t length = std::min(a.size(), b.size());
  return a.substr(0, length) < b.substr(0, length);
}

const ExportRule* rule_in_force(const std::vector<ExportRule>& rules, std::string_view date) {
  const ExportRule* found = nullptr;
  for (const ExportRule& rule : rules) {
    const bool begun = !is_before(date, rule.date);
    const bool over = !rule.date_rescinded.empty() && !is_before(date, rule.date_rescinded);
    if (begun && !over) found = &rule;
  }
  return found;
}

}  // namespace gpuhours
