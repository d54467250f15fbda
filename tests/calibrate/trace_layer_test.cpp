// The H800 trace given back by its own law: every compute operator, and the three passes of a layer.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "calibrate/law_fits.hpp"
#include "calibrate/measurement_tables.hpp"
#include "core/csv.hpp"
#include "kernels/kernel_laws.hpp"
#include "near.hpp"
#include "scenario/catalogue.hpp"
#include "shared.hpp"

namespace gpuhours {

namespace {

/// The operator that a measured row is, as the workload would ask for it.
Operator operator_of(const Measurement& m) {
  Operator op;
  const bool wgrad = m.pass == "wgrad_accumulate";
  op.pass = m.pass == "fprop" || m.pass == "forward" ? Pass::forward : Pass::backward_input;
  if (wgrad) op.pass = Pass::backward_weight;
  op.accumulate = wgrad;
  if (m.form == LawForm::memory) {
    op.kind = OperatorKind::elementwise;
    op.law = m.kind;
    op.bytes = Bytes(m.bytes);
    return op;
  }
  if (m.form == LawForm::attention) {
    op.kind = OperatorKind::attention;
    op.attention = {1, 128, 128, 192, 128, 4096, 4096, true, 0};
    return op;
  }
  op.kind = m.kind == "grouped" ? OperatorKind::grouped_gemm : OperatorKind::gemm;
  op.format = m.recipe == "bf16" ? Format::bf16 : Format::fp8;
  op.scaling = m.recipe == "bf16" ? Scaling::none : Scaling::block_128;
  // The experts' wgrad is one launch each: groups and kernels are 4, the reduction is of all together.
  const int groups = static_cast<int>(m.gemm.groups * m.kernels);
  op.gemm.groups = groups;
  op.gemm.m = std::llround(m.gemm.m * (m.kind == "grouped" && !wgrad ? groups : 1));
  op.gemm.n = std::llround(m.gemm.n);
  op.gemm.k = std::llround(m.gemm.k * (wgrad ? groups : 1));
  op.kernels = static_cast<int>(m.kernels);
  op.bytes = Bytes(m.gemm.bytes * m.kernels);
  return op;
}

}  // namespace

TEST_CASE("the layer pair of the H800 trace: F 8.97, B 14.65, W 7.45 ms of compute") {
  const std::string path = test::shared_path("measurements/deepseek_trace_ops.csv");
  if (path.empty()) return;
  Diagnostics diagnostics;
  const auto gpu = read_gpu("h800_sxm", test::repository_path(""), diagnostics);
  REQUIRE(gpu);
  Stack stack;
  stack.kernels = KernelFamily::deepgemm;
  const auto laws = kernel_laws(*gpu, stack.kernels, test::repository_path("calibration/kernels"), diagnostics);
  REQUIRE(laws != nullptr);
  MeasurementSet set;
  read_measurements(path, *gpu, set, diagnostics);
  REQUIRE(!diagnostics.has_errors());

  // Names are "file:line op layer N"; the chunk stands in column 5 of that line.
  const CsvTable table = CsvTable::from_file(path, diagnostics);
  std::map<int, std::string> chunk_of_line;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    chunk_of_line[table.place(row, 0).line] = std::string(table.cell(row, table.column("chunk")));
  }
  const KernelContext context{112, 20, 1.0};
  std::map<std::string, double> measured;
  std::map<std::string, double> predicted;
  std::map<std::string, std::pair<double, double>> by_operator;
  for (const Measurement& m : set.kernels) {
    const KernelTime time = laws->time(operator_of(m), context);
    const double seconds = time.alone.value() + m.transferring * (time.beside.value() - time.alone.value());
    const std::size_t colon = m.row.find(':');
    const std::string& chunk = chunk_of_line[std::stoi(m.row.substr(colon + 1))];
    measured[chunk] += m.seconds / 4;
    predicted[chunk] += seconds / 4;
    auto& sums = by_operator[m.row.substr(0, m.row.rfind(" layer"))];
    sums.first += m.seconds / 4;
    sums.second += seconds / 4;
  }
  // The trace's own sums (deepseek trace, compute per layer).
  CHECK(measured["F"] == gpuhours::test::near(8.97e-3).epsilon(0.01));
  CHECK(measured["B"] == gpuhours::test::near(14.65e-3).epsilon(0.01));
  CHECK(measured["W"] == gpuhours::test::near(7.45e-3).epsilon(0.01));
  for (const char* chunk : {"F", "B", "W"}) {
    INFO(chunk << ": predicted " << predicted[chunk] * 1e3 << " ms");
    CHECK(std::abs(predicted[chunk] / measured[chunk] - 1) < 0.05);
  }
  // Kernels below 10 us are quantised to 1 us; of the others the median error is at most 5 %.
  std::vector<double> errors;
  for (const auto& [name, sums] : by_operator) {
    if (sums.first >= 10e-6) errors.push_back(std::abs(sums.second / sums.first - 1));
  }
  REQUIRE(errors.size() > 80);
  std::sort(errors.begin(), errors.end());
  const double median = errors[errors.size() / 2];
  MESSAGE("trace operators of 10 us or more: " << errors.size() << ", median error " << 100 * median << " %; F "
                                               << predicted["F"] * 1e3 << ", B " << predicted["B"] * 1e3 << ", W "
                                               << predicted["W"] * 1e3 << " ms");
  CHECK(median < 0.05);
}

}  // namespace gpuhours
