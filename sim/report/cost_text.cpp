// The costs of a run as a tree with subtotals, and what they rest on.

#include <fmt/format.h>

#include "report/estimate_report.hpp"
#include "report/number_text.hpp"

namespace gpuhours {
namespace {

/// One line an item; `lead` stands before the branches of its parts.
void tree_rows(const CostItem& item, const std::string& branch, const std::string& lead, TextTable& table) {
  table.row({branch + item.name, dollars_text(item.usd), item.basis});
  for (const CostItem& part : item.parts) {
    const bool last = &part == &item.parts.back();
    tree_rows(part, lead + (last ? "└─ " : "├─ "), lead + (last ? "   " : "│  "), table);
  }
}

}  // namespace

std::string cost_tree_text(const CostEstimate& cost, TextStyle style) {
  TextTable table({});
  table.align_left(2);
  // Without experiments the total is the run: one line less.
  tree_rows(cost.tree.parts.size() == 1 ? cost.tree.parts.front() : cost.tree, "", "", table);
  return table.text(style);
}

std::string cost_section(const Result& result, TextStyle style) {
  const Pricing& pricing = result.scenario.pricing;
  std::string out = fmt::format("\n{}\n", bold("Cost", style)) + cost_tree_text(result.estimate.cost, style) + "\n";
  std::vector<std::string_view> names{"cost.usd", "cost.usd_low", "cost.usd_high", "interval.usd",
                                      "cost.usd_per_gpu_hour"};
  if (pricing.research_multiplier != 1) {
    names.insert(names.end(), {"cost.research_multiplier", "cost.usd_with_research"});
  }
  names.emplace_back("cost.price_date");
  if (pricing.method == PricingMethod::rent) names.emplace_back("cost.electricity_usd");
  names.insert(names.end(), {"energy.kwh", "energy.grid", "energy.kg_co2"});
  return out + metric_lines(result, names);
}

}  // namespace gpuhours
