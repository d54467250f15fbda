#pragma once
// Predicted against measured step times: rows, statistics by group and in all, and the rows that were refused
// (DESIGN 3.3 `validate`, 3.4). Errors are signed fractions, predicted over measured minus 1.

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
  Seconds measured;
  Seconds predicted;
  std::optional<Interval> interval;  ///< 80 %, seconds
  double guessed_share = 0;
  bool fits = true;                 ///< in memory; the time is compared all the same
  std::vector<std::string> filled;  ///< fields that the file leaves blank, and by what
  [[nodiscard]] double error() const { return predicted / measured - 1; }
};

struct RefusedRow {
  std::string id;
  std::string reason;
};

struct ValidationReport {
  std::vector<ValidationRow> rows;
  std::vector<RefusedRow> refused;
};

/// Statistics of the errors of some rows. `median` and `p90` are of absolute errors, between neighbours in proportion;
/// `worst` is the signed error of largest size; `bias` the mean of the signed errors.
struct ErrorStatistics {
  std::string group;  ///< empty: all rows
  int rows = 0;
  double mape = 0, median = 0, p90 = 0, worst = 0, bias = 0;
  std::optional<double> inside_80;  ///< share of the rows with an interval that lie in it; empty without intervals
};

/// Of all rows, or of those of `group`.
ErrorStatistics error_statistics(const ValidationReport& report, const std::string& group = {});
/// Every group in alphabetical order.
std::vector<ErrorStatistics> group_statistics(const ValidationReport& report);

std::string validation_text(const ValidationReport& report, TextStyle style);
std::string validation_json(const ValidationReport& report);
/// One line a row; refused rows have a reason and no times.
std::string validation_csv(const ValidationReport& report);

}  // namespace gpuhours
