#pragma once
// Export rules of hardware/rules and what they make of a chip, for an export from the United States to China.
//   TPP                  the largest over formats of dense TFLOP/s x bits (processing_performance)
//   performance density  TPP over mm2 of logic dies on a non-planar node
//   I/O                  NVLink and PCIe, both directions summed
// A rule's classes are tried in order. `base`: the rule that it builds on; strictest: the stricter treatment of both
// holds (a demand on top); replaces: its own class stands for chips that the base controls (a relaxation).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostic.hpp"
#include "scenario/hardware.hpp"

namespace gpuhours {

/// From free to forbidden.
enum class Treatment { uncontrolled, notice, case_by_case, licence, denial };
/// "licence, presumption of denial".
std::string_view phrase(Treatment treatment);
/// As rule files and JSON write it: "denial".
std::string_view treatment_name(Treatment treatment);
/// Uncontrolled, or free after notice.
bool may_be_sold(Treatment treatment);

enum class Measure { tpp, performance_density, io_bidirectional, memory_bandwidth, memory_bandwidth_plus_io };

/// "tpp >= 4800"; rates in byte/s.
struct RuleLimit {
  Measure measure = Measure::tpp;
  std::string comparison;  ///< >=, >, <=, <
  double bound = 0;
  std::string text;  ///< as written: ">= 600 GB/s"
};
using RuleLimits = std::vector<RuleLimit>;  ///< all of them

struct RuleClass {
  std::string name;
  Treatment treatment = Treatment::denial;
  std::vector<RuleLimits> any;
};

enum class RuleCombination { strictest, replaces };

struct ExportRule {
  std::string id;
  std::string name;
  std::string date;  ///< YYYY-MM-DD, of publication: makers were told to stop at once
  std::string date_rescinded;
  std::string base;  ///< id of an earlier rule, or empty
  RuleCombination combines = RuleCombination::strictest;
  double exempt_below_tpp = 0;  ///< parts that are not meant for data centres stay out below it
  std::vector<RuleClass> classes;
  double duty_share = 0;
  std::vector<RuleLimits> duty;
};

/// What the rules look at. `performance_density` 0: the die area is not known.
struct ChipFigures {
  double tpp = 0;
  Format tpp_format = Format::fp64;
  double performance_density = 0;
  double io_bidirectional = 0;  ///< byte/s
  double memory_bandwidth = 0;  ///< byte/s
  bool data_centre = true;
};
ChipFigures chip_figures(const Gpu& gpu);

struct ExportFinding {
  std::string rule;
  std::string rule_name;
  std::string date;
  std::string own_class;   ///< of this rule's own test, empty: none holds
  std::string class_name;  ///< the one that decides, its own or its base's; empty: uncontrolled
  Treatment treatment = Treatment::uncontrolled;
  std::string because;    ///< the limits that hold: "TPP 15831 >= 4800"
  double duty_share = 0;  ///< on import into the US of chips that go on, 0: none
};

/// Every rule of `root`/hardware/rules, earliest first; empty with every mistake in `diagnostics`.
std::vector<ExportRule> export_rules(const std::string& root, Diagnostics& diagnostics);

/// Null when there is none of that id.
const ExportRule* find_rule(const std::vector<ExportRule>& rules, std::string_view id);

ExportFinding export_finding(const ChipFigures& chip, const ExportRule& rule, const std::vector<ExportRule>& rules);

/// YYYY-MM or YYYY-MM-DD.
bool is_date(std::string_view date);
/// Whether `a` lies before `b`; a month is compared as a month.
bool is_before(std::string_view a, std::string_view b);
/// The last rule of `date` that had not been rescinded; null before the first.
const ExportRule* rule_in_force(const std::vector<ExportRule>& rules, std::string_view date);

}  // namespace gpuhours
