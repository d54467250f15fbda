#pragma once
// Runs that differ in one thing only: what the change did to the measured and to the predicted step time. Input: a
// validation report; output: pairs.
//   precision  same stack, release, model, GPU, number, batch and layout; BF16 (or FP16) against a lower format: the
//              speed-up is the time of the first over the time of the second
//   scaling    same stack, release, model, GPU, precision and layout on more GPUs: tokens a second and GPU on the
//   larger
//              over the smaller number. weak: the batch grows with the GPUs; strong: it stays
// The slope of a scaling pair is the logarithm of that ratio over the logarithm of the ratio of GPUs: 0 is perfect.

#include <string>
#include <vector>

#include "report/layout_order.hpp"
#include "report/validation_report.hpp"

namespace gpuhours {

struct RunPair {
  std::string kind;  ///< "precision", "weak", "strong"
  std::string first, second;
  std::string label;  ///< "nemo llama3-8b h100_sxm x 8: bf16 -> fp8_current"
  double gpus_ratio = 1;
  double measured = 1;
  double predicted = 1;
  [[nodiscard]] double error() const { return predicted / measured - 1; }
};

/// Alphabetical by kind and label.
using RunPairs = std::vector<RunPair>;
RunPairs run_pairs(const ValidationReport& report);

std::string pairs_text(const RunPairs& pairs, const LayoutOrders& orders, TextStyle style);
std::string pairs_json(const RunPairs& pairs, const LayoutOrders& orders);
/// A family of layouts is a line of kind "layouts": its fastest row and the chosen one, the times of the second over
/// the first.
std::string pairs_csv(const RunPairs& pairs, const LayoutOrders& orders);

}  // namespace gpuhours
