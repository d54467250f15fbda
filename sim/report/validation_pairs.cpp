#include "report/validation_pairs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "report/estimate_report.hpp"
#include "report/json_values.hpp"
#include "report/number_text.hpp"

namespace gpuhours {
namespace {

bool wide(const std::string& precision) { return precision == "bf16" || precision == "fp16"; }

std::string who(const ValidationRow& row) {
  return fmt::format("{} {} {} {}", row.stack, row.release, row.model, row.gpu);
}

using Rows = std::vector<const ValidationRow*>;

/// Rows by `key`, each list in the order of the table.
template <class Key>
std::map<std::string, Rows> rows_by(const ValidationReport& report, const Key& key) {
  std::map<std::string, Rows> out;
  for (const ValidationRow& row : report.rows) out[key(row)].push_back(&row);
  return out;
}

void add_precision_pairs(const ValidationReport& report, RunPairs& out) {
  const auto alike = rows_by(report, [](const ValidationRow& row) {
    return fmt::format("{}|{}|{}|{}", who(row), row.gpus, row.global_batch, row.layout);
  });
  for (const auto& [key, rows] : alike) {
    for (const ValidationRow* first : rows) {
      if (!wide(first->precision)) continue;
      for (const ValidationRow* second : rows) {
        if (wide(second->precision)) continue;
        out.push_back(
            {.kind = "precision",
             .first = first->id,
             .second = second->id,
             .label = fmt::format("{} x {}: {} -> {}", who(*first), first->gpus, first->precision, second->precision),
             .measured = first->measured / second->measured,
             .predicted = first->predicted / second->predicted});
      }
    }
  }
}

double rate(const ValidationRow& row, Seconds time) { return row.global_batch / time.value() / row.gpus; }

/// Each size against the smallest of its family.
void add_scaling_pairs(const Rows& rows, const char* kind, RunPairs& out) {
  const ValidationRow* first = *std::min_element(
      rows.begin(), rows.end(), [](const ValidationRow* a, const ValidationRow* b) { return a->gpus < b->gpus; });
  for (const ValidationRow* second : rows) {
    if (second->gpus == first->gpus) continue;
    out.push_back(
        {.kind = kind,
         .first = first->id,
         .second = second->id,
         .label = fmt::format("{} {}: {} -> {} GPUs", who(*first), first->precision, first->gpus, second->gpus),
         .gpus_ratio = static_cast<double>(second->gpus) / first->gpus,
         .measured = rate(*second, second->measured) / rate(*first, first->measured),
         .predicted = rate(*second, second->predicted) / rate(*first, first->predicted)});
  }
}

void add_scaling_pairs(const ValidationReport& report, RunPairs& out) {
  const auto strong = rows_by(report, [](const ValidationRow& row) {
    return fmt::format("{}|{}|{}|{}", who(row), row.precision, row.global_batch, row.layout);
  });
  for (const auto& [key, rows] : strong) add_scaling_pairs(rows, "strong", out);
  const auto weak = rows_by(report, [](const ValidationRow& row) {
    return fmt::format("{}|{}|{:.6g}|{}", who(row), row.precision, static_cast<double>(row.global_batch) / row.gpus,
                       row.layout);
  });
  for (const auto& [key, rows] : weak) add_scaling_pairs(rows, "weak", out);
}

double slope(const RunPair& pair, double ratio) {
  return pair.gpus_ratio == 1 ? 0 : std::log(ratio) / std::log(pair.gpus_ratio);
}

double mean_size(const RunPairs& pairs, const std::string& kind, int& count) {
  double sum = 0;
  count = 0;
  for (const RunPair& pair : pairs) {
    if (pair.kind != kind) continue;
    sum += std::abs(pair.error());
    ++count;
  }
  return count > 0 ? sum / count : 0;
}

nlohmann::ordered_json order_json(const LayoutOrder& one) {
  return {{"label", one.label},
          {"tier", one.tier},
          {"layouts", one.layouts},
          {"rank_correlation", one.rank_correlation ? nlohmann::ordered_json(*one.rank_correlation) : nullptr},
          {"pairs", one.pairs},
          {"in_order", one.in_order},
          {"fastest", one.best},
          {"chosen", one.chosen},
          {"regret", one.regret}};
}

}  // namespace

RunPairs run_pairs(const ValidationReport& report) {
  RunPairs out;
  add_precision_pairs(report, out);
  add_scaling_pairs(report, out);
  std::stable_sort(out.begin(), out.end(), [](const RunPair& a, const RunPair& b) {
    return std::tie(a.kind, a.label, a.first, a.second) < std::tie(b.kind, b.label, b.first, b.second);
  });
  return out;
}

std::string pairs_text(const RunPairs& pairs, const LayoutOrders& orders, TextStyle style) {
  std::string out;
  for (const char* kind : {"precision", "strong", "weak"}) {
    int count = 0;
    const double mean = mean_size(pairs, kind, count);
    out += bold(fmt::format("{}: {} pairs, mean error {}", kind, count, percent_text(mean)), style) + "\n";
    if (count == 0) continue;
    TextTable table({"what changed", "from", "to", "measured", "predicted", "error"});
    table.align_left(1);
    table.align_left(2);
    for (const RunPair& pair : pairs) {
      if (pair.kind != kind) continue;
      table.row({pair.label, pair.first, pair.second, fmt::format("{:.3f}", pair.measured),
                 fmt::format("{:.3f}", pair.predicted), change_text(pair.error())});
    }
    out += table.text(style) + "\n";
  }
  return out + layout_orders_text(orders, style);
}

std::string pairs_json(const RunPairs& pairs, const LayoutOrders& orders) {
  nlohmann::ordered_json out;
  out["schema_version"] = kSchemaVersion;
  for (const char* kind : {"precision", "strong", "weak"}) {
    int count = 0;
    const double mean = mean_size(pairs, kind, count);
    out["kinds"].push_back({{"kind", kind}, {"pairs", count}, {"mape", mean}});
  }
  out["pairs"] = nlohmann::ordered_json::array();
  for (const RunPair& pair : pairs) {
    out["pairs"].push_back({{"kind", pair.kind},
                            {"first", pair.first},
                            {"second", pair.second},
                            {"label", pair.label},
                            {"gpus_ratio", pair.gpus_ratio},
                            {"measured", pair.measured},
                            {"predicted", pair.predicted},
                            {"error", pair.error()},
                            {"measured_slope", slope(pair, pair.measured)},
                            {"predicted_slope", slope(pair, pair.predicted)}});
  }
  out["layouts"] = nlohmann::ordered_json::array();
  for (const LayoutOrder& one : orders) out["layouts"].push_back(order_json(one));
  return json_text(out);
}

std::string pairs_csv(const RunPairs& pairs, const LayoutOrders& orders) {
  std::string out = csv_line({"kind", "first", "second", "label", "gpus_ratio", "measured", "predicted", "error",
                              "layouts", "rank_correlation", "pairs", "in_order"});
  const auto number = [](double value) { return fmt::format("{}", value); };
  for (const RunPair& pair : pairs) {
    out += csv_line({pair.kind, pair.first, pair.second, pair.label, number(pair.gpus_ratio), number(pair.measured),
                     number(pair.predicted), number(pair.error()), "", "", "", ""});
  }
  for (const LayoutOrder& one : orders) {
    const double measured = 1 + one.regret;
    out += csv_line({"layouts", one.best, one.chosen, one.label, "1", number(measured), number(one.chosen_predicted),
                     number(one.chosen_predicted / measured - 1), std::to_string(one.layouts),
                     one.rank_correlation ? number(*one.rank_correlation) : "", std::to_string(one.pairs),
                     std::to_string(one.in_order)});
  }
  return out;
}

}  // namespace gpuhours
