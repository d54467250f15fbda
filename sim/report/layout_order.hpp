#pragma once
// Whether the model puts the layouts of a run into the order that was measured. Input: a validation report; output: its
// families, runs of one stack, release, model, GPU, number, precision, global batch and setting (sequence length,
// layers, routing, network) with several layouts (sizes of parallelism, micro-batch, recompute, schedule, dispatcher,
// graphs).
//   rank correlation  of the measured and the predicted times, over layouts; of families with enough of them
//   pairs in order    of the pairs whose measured times are no tie, the share that the prediction orders in the same
//   way regret            how much longer the layout of the least predicted time takes than the fastest one, both as
//   measured
// Rows of one layout are one, with their mean times.

#include <optional>
#include <string>
#include <vector>

#include "report/validation_report.hpp"

namespace gpuhours {

/// Measured times closer than this are a tie among pairs. Steps of one job vary by about as much: the two layouts of
/// the BLOOM sweep that were run twice differ by 0.1 and 0.5 %.
inline constexpr double kMeasuredTie = 0.01;
/// Fewer layouts get no rank correlation: three have six orders, one in six of which is right by chance.
inline constexpr int kLayoutsToRank = 4;

struct LayoutOrder {
  std::string label;  ///< "nemo 24.07 llama3-8b h100_sxm x 8, bf16, batch 128"
  int tier = 1;
  int layouts = 0;
  std::optional<double> rank_correlation;
  int pairs = 0;       ///< whose measured times are no tie
  int in_order = 0;    ///< of them
  std::string best;    ///< row of the layout of the least measured time
  std::string chosen;  ///< and of the least predicted
  double regret = 0;
  double chosen_predicted = 1;  ///< predicted time of `chosen` over that of `best`
  [[nodiscard]] bool ranked() const { return rank_correlation.has_value(); }
};

/// Families of two layouts or more, alphabetical by label.
using LayoutOrders = std::vector<LayoutOrder>;
LayoutOrders layout_orders(const ValidationReport& report);

/// Families with a rank correlation each, all smaller ones in a line.
std::string layout_orders_text(const LayoutOrders& orders, TextStyle style);

}  // namespace gpuhours
