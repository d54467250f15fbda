#pragma once
// What the readers of measured tables share: a row with named cells, and checks against nonsense.

#include <string>
#include <string_view>

#include "calibrate/measurement.hpp"
#include "core/csv.hpp"
#include "core/diagnostic.hpp"
#include "scenario/hardware.hpp"

namespace gpuhours {

/// One row of a table while it is read.
class TableRow {
 public:
  TableRow(const CsvTable& table, std::size_t row, const std::string& file, Diagnostics& diagnostics)
      : table_(table), row_(row), file_(file), diagnostics_(diagnostics) {}

  [[nodiscard]] std::string_view text(std::string_view column) const {
    return table_.cell(row_, table_.column(column));
  }
  /// The number in a column; a malformed one is reported and 0 is returned. A blank one is `blank`.
  [[nodiscard]] double number(std::string_view column, double blank = 0) const;
  /// Seconds of a column in microseconds or milliseconds (`unit` in seconds); one at or below 0 is reported.
  [[nodiscard]] double seconds(std::string_view column, double unit) const;
  /// "gemm.csv:17".
  [[nodiscard]] std::string label() const;
  [[nodiscard]] const std::string& file() const { return file_; }
  void error(std::string_view column, std::string message, std::string hint = {}) const;

 private:
  const CsvTable& table_;
  std::size_t row_;
  const std::string& file_;
  Diagnostics& diagnostics_;
};

/// The shape of a product as m, n, k of one group; `bytes` least traffic by the format and the result's bytes.
GemmCase gemm_case(double m, double n, double k, double groups, double operand_bytes, double result_bytes);

/// Bytes an operand has in a recipe's product.
double recipe_bytes(std::string_view recipe);
/// Peak of a recipe's format, 0 when the GPU has none.
double recipe_peak(const Gpu& gpu, std::string_view recipe);

/// Whether `m` may be true on this GPU; reports "implies 120,000 TFLOP/s" and returns false otherwise.
bool plausible(const Measurement& m, const Gpu& gpu, const TableRow& row, std::string_view time_column);

/// Readers by kind of table.
void read_own_gemm(const TableRow& row, const Gpu& gpu, MeasurementSet& set);
void read_own_attention(const TableRow& row, const Gpu& gpu, MeasurementSet& set);
void read_own_memory(const TableRow& row, const Gpu& gpu, MeasurementSet& set);
void read_own_misc(const TableRow& row, const Gpu& gpu, MeasurementSet& set);
void read_public_gemm(const TableRow& row, const Gpu& gpu, MeasurementSet& set);
void read_public_attention(const TableRow& row, const Gpu& gpu, MeasurementSet& set);
void read_public_memory(const TableRow& row, const Gpu& gpu, MeasurementSet& set);
void read_public_sums(const TableRow& row, const Gpu& gpu, MeasurementSet& set);
void read_whole_gemm(const TableRow& row, const Gpu& gpu, MeasurementSet& set);
void read_trace_operator(const TableRow& row, const Gpu& gpu, MeasurementSet& set);
void read_profile(const TableRow& row, const Gpu& gpu, MeasurementSet& set);

}  // namespace gpuhours
