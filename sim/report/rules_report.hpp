#pragma once
// What export rules make of a GPU: for `show GPU --rules`, and as marks beside compared estimates.

#include <string>
#include <vector>

#include "cost/export_rules.hpp"
#include "report/text_table.hpp"

namespace gpuhours {

struct RulesReport {
  std::string gpu;
  std::string released;  ///< YYYY-MM
  ChipFigures chip;
  std::string date;      ///< asked for, or empty: every rule
  std::string in_force;  ///< id of the rule in force at `date`, empty: none
  std::vector<ExportFinding> findings;
};

/// `date` empty or one that is_date(): only rules that had begun.
RulesReport rules_report(const Gpu& gpu, const std::vector<ExportRule>& rules, const std::string& date);

std::string rules_text(const RulesReport& report, TextStyle style);
std::string rules_json(const RulesReport& report);
std::string rules_csv(const RulesReport& report);

/// One compared GPU under one rule.
struct RuleMark {
  std::string date;      ///< of the sale
  std::string released;  ///< of the GPU
  ExportFinding finding;
};
/// "yes: uncontrolled", "no: licence, presumption of denial", "no: not released before 2024-04".
std::string mark_text(const RuleMark& mark);
bool may_be_sold(const RuleMark& mark);

}  // namespace gpuhours
