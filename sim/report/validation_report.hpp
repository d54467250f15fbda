#pragma once
// Predicted against measured step times: rows, statistics by group and in all, and the rows that were refused
// (DESIGN 3.3 `validate`, 3.4). Errors are signed fractions, predicted over measured minus 1.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/quantity.hpp"
#include "estimate/estimate.hpp"
#include "report/text_table.hpp"

namespace gpuhours {

struct ValidationRow {
  std::string id;
  std::string group;  ///< stack|model|gpu|precision
  std::string stack, release, family, model, gpu, generation, precision;
  bool mixture = false;  ///< of experts
  double parameters = 0;
  int tier = 1;  ///< 3: reported apart
  [[nodiscard]] bool weak() const { return tier == 3; }
  int gpus = 0;
  int global_batch = 0;  ///< sequences
  std::string setting;   ///< what layouts of one run share: sequence length, layers, routing, network
  std::string layout;    ///< every other size and choice of the run, in one line
  Seconds measured;
  Seconds predicted;
  std::optional<Interval> interval;  ///< 80 %, seconds
  double guessed_share = 0;
  bool fits = true;                 ///< in memory; the time is compared all the same
  std::vector<std::string> filled;  ///< fields that the file leaves blank, and by what
  [[nodiscard]] double error() const { return predicted / measured - 1; }
  /// Rows of equal key are one run in several releases of a family: they count once.
  [[nodiscard]] std::string point() const;
};

struct RefusedRow {
  std::string id;
  std::string reason;
};

struct ValidationReport {
  std::vector<ValidationRow> rows;
  std::vector<RefusedRow> refused;
  bool left_out = false;  ///< every group was predicted with stack constants fitted without it
  std::vector<std::string> notes;  ///< stacks that could not be fitted, and what stood in
};

/// Statistics of the errors of some rows. Rows of one point (ValidationRow::point) are one error, their mean. `median`,
/// `p90` and `p95` are of absolute errors, between neighbours in proportion; `worst` is the signed error of largest
/// size; `bias` the mean of the signed errors.
struct ErrorStatistics {
  std::string group;  ///< empty: all rows
  int rows = 0;
  int points = 0;
  double mape = 0, median = 0, p90 = 0, p95 = 0, worst = 0, bias = 0;
  std::optional<double> inside_80;  ///< share of the rows with an interval that lie in it; empty without intervals
};

/// What a row is counted under; empty: not at all.
using RowClass = std::function<std::string(const ValidationRow&)>;
std::string group_of(const ValidationRow& row);
std::string stack_of(const ValidationRow& row);
/// "hopper dense fp8": generation, dense or MoE, format.
std::string hardware_class_of(const ValidationRow& row);
/// Stack, release and GPU: "megatron-lm core_r0.8.0 h100_sxm".
std::string family_of(const ValidationRow& row);
/// "fp8" for every recipe that scales FP8 by tensors or blocks, else the recipe itself.
std::string format_of(const ValidationRow& row);

/// Of the rows of tiers 1 and 2.
ErrorStatistics error_statistics(const ValidationReport& report);
/// Of the rows of tier 3.
ErrorStatistics tier_3_statistics(const ValidationReport& report);
/// The same by family_of(), in alphabetical order.
std::vector<ErrorStatistics> tier_3_families(const ValidationReport& report);
/// The rows of tiers 1 and 2 by class, in alphabetical order.
std::vector<ErrorStatistics> statistics_by(const ValidationReport& report, const RowClass& row_class);

std::string validation_text(const ValidationReport& report, TextStyle style);
std::string validation_json(const ValidationReport& report);
/// Predicted against measured, both logarithmic, with the lines of +-10 %; a colour a stack.
std::string validation_svg(const ValidationReport& report);
/// One line a row; refused rows have a reason and no times.
std::string validation_csv(const ValidationReport& report);

/// The README's table in Markdown: rows by who ran what on what.
std::string accuracy_markdown(const ValidationReport& report);

}  // namespace gpuhours
