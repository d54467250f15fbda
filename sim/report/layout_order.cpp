#include "report/layout_order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/rank_correlation.hpp"
#include "report/number_text.hpp"

namespace gpuhours {
namespace {

/// What "in order" is held to.
constexpr double kGoodCorrelation = 0.8;

std::string family(const ValidationRow& row) {
  return fmt::format("{} {} {} {} x {}, {}, batch {}", row.stack, row.release, row.model, row.gpu, row.gpus,
                     row.precision, row.global_batch);
}

/// One layout of a family: the rows that ran it.
struct Layout {
  std::string id;  ///< of its first row
  int tier = 1;
  int rows = 0;
  double measured = 0, predicted = 0;  ///< sums
  [[nodiscard]] double measured_mean() const { return measured / rows; }
  [[nodiscard]] double predicted_mean() const { return predicted / rows; }
};

/// Layouts by their text; order of the map, so no order of rows matters but for `id`.
using Layouts = std::map<std::string, Layout>;

void add(const ValidationRow& row, Layouts& layouts) {
  Layout& layout = layouts[row.layout];
  if (layout.rows++ == 0) layout.id = row.id;
  layout.tier = std::max(layout.tier, row.tier);
  layout.measured += row.measured.value();
  layout.predicted += row.predicted.value();
}

bool tie(double a, double b) { return std::abs(a - b) <= kMeasuredTie * std::min(a, b); }

LayoutOrder order(const std::string& label, const Layouts& layouts) {
  LayoutOrder out;
  out.label = label;
  out.layouts = static_cast<int>(layouts.size());
  std::vector<double> measured;
  std::vector<double> predicted;
  std::vector<std::string> ids;
  for (const auto& [text, layout] : layouts) {
    measured.push_back(layout.measured_mean());
    predicted.push_back(layout.predicted_mean());
    ids.push_back(layout.id);
    out.tier = std::max(out.tier, layout.tier);
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (tie(measured[i], measured[j])) continue;
      ++out.pairs;
      if ((measured[i] - measured[j]) * (predicted[i] - predicted[j]) > 0) ++out.in_order;
    }
  }
  if (out.layouts >= kLayoutsToRank) out.rank_correlation = rank_correlation(measured, predicted);
  const auto least = [](const std::vector<double>& times) {
    return static_cast<std::size_t>(std::min_element(times.begin(), times.end()) - times.begin());
  };
  const std::size_t best = least(measured);
  const std::size_t chosen = least(predicted);
  out.best = ids[best];
  out.chosen = ids[chosen];
  out.regret = measured[chosen] / measured[best] - 1;
  out.chosen_predicted = predicted[chosen] / predicted[best];
  return out;
}

std::string pairs_cell(int in_order, int pairs) { return pairs == 0 ? "-" : fmt::format("{} of {}", in_order, pairs); }

}  // namespace

LayoutOrders layout_orders(const ValidationReport& report) {
  std::map<std::pair<std::string, std::string>, Layouts> families;
  for (const ValidationRow& row : report.rows) add(row, families[{family(row), row.setting}]);
  LayoutOrders out;
  for (const auto& [key, layouts] : families) {
    if (layouts.size() > 1) out.push_back(order(key.first, layouts));
  }
  return out;
}

std::string layout_orders_text(const LayoutOrders& orders, TextStyle style) {
  int ranked = 0;
  int good = 0;
  LayoutOrder small;
  int small_families = 0;
  TextTable table({"family", "tier", "layouts", "rank correlation", "pairs in order", "fastest", "chosen", "regret"});
  for (const LayoutOrder& one : orders) {
    if (!one.ranked()) {
      ++small_families;
      small.pairs += one.pairs;
      small.in_order += one.in_order;
      small.regret = std::max(small.regret, one.regret);
      continue;
    }
    ++ranked;
    if (*one.rank_correlation >= kGoodCorrelation) ++good;
    table.row({one.label, std::to_string(one.tier), std::to_string(one.layouts),
               fmt::format("{:.2f}", *one.rank_correlation), pairs_cell(one.in_order, one.pairs), one.best, one.chosen,
               change_text(one.regret)});
  }
  std::string out =
      bold(fmt::format("order of layouts: rank correlation {} or better in {} of {} families of {} layouts "
                       "or more",
                       kGoodCorrelation, good, ranked, kLayoutsToRank),
           style) +
      "\n";
  if (ranked > 0) out += table.text(style);
  if (small_families > 0) {
    out += fmt::format("  families of fewer layouts: {}, pairs in order {}, regret at most {}\n", small_families,
                       pairs_cell(small.in_order, small.pairs), change_text(small.regret));
  }
  return out + fmt::format(
                   "  rank correlation: Spearman's, of all layouts; pairs: those measured more than {} apart; regret: "
                   "measured time of the chosen layout over the fastest\n",
                   percent_text(kMeasuredTie));
}

}  // namespace gpuhours
