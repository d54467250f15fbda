// Measured peaks of training memory against the ledger.
// usage: memory_table ROOT [STEPS_CSV]. Always the peaks that others published (tests/memory/published_peaks.csv); with
// STEPS_CSV also the whole steps of measurements/h100_cupti/steps.csv. Each row prints what was measured and the
// ledger entry by entry, in GB (1e9) for steps and GiB for published rows.
#include <cmath>
#include <cstdio>

#include "../memory/published_peaks.hpp"
#include "measured_steps.hpp"
#include "memory/ledger.hpp"
#include "scenario/read_scenario.hpp"

namespace {

using namespace gpuhours;

constexpr double kGiB = 1024.0 * 1024 * 1024;

MemoryLedger ledger_of(const Scenario& s) {
  const Parallelism& p = s.parallelism;
  const int micro_batches = s.training.global_batch / (p.dp(s.cluster.gpus) * s.training.micro_batch);
  return memory_ledger(s, workload(s), pipeline_plan(p.schedule, p.pp, p.vpp, micro_batches));
}

void print_entries(const MemoryLedger& ledger, double unit) {
  for (const LedgerEntry& e : ledger.entries) fmt::print(" {} {:.2f};", e.name, e.bytes.value() / unit);
  fmt::print("\n");
}

struct Errors {
  double sum = 0;
  double worst = 0;
  int rows = 0;
  void add(double error) {
    sum += std::abs(error);
    worst = std::max(worst, std::abs(error));
    ++rows;
  }
  void print(const char* name) const {
    fmt::print("{}: rows {}, mean error {:.2f} %, worst {:.2f} %\n", name, rows, 100 * sum / rows, 100 * worst);
  }
};

void steps(const std::string& root, const char* csv, Diagnostics& diagnostics) {
  const CsvTable table = CsvTable::from_file(csv, diagnostics);
  Errors errors;
  for (std::size_t row = 0; row < table.rows() && !diagnostics.has_errors(); ++row) {
    const auto cell = [&](const char* column) { return std::string(table.cell(row, table.column(column))); };
    const auto resolved = scenario_from_text(test::step_scenario(table, row), "row", {}, root, diagnostics);
    if (!resolved) break;
    const MemoryLedger ledger = ledger_of(resolved->scenario);
    const double peak = std::stod(cell("peak_allocated"));
    const double error = ledger.allocated().value() / peak - 1;
    errors.add(error);
    fmt::print("{} {}x{} {} {}{}: static {:.2f} reserved {:.2f} allocated {:.2f}, ledger {:.2f} ({:+.1f} %):",
               cell("model"), cell("seq"), cell("mbs"), cell("precision"), cell("recompute"),
               cell("compiled") == "1" ? " compiled" : "", std::stod(cell("static_allocated")) / 1e9,
               std::stod(cell("peak_reserved")) / 1e9, peak / 1e9, ledger.allocated().value() / 1e9, 100 * error);
    print_entries(ledger, 1e9);
  }
  errors.print("steps, allocated");
}

void published(const std::string& root, Diagnostics& diagnostics) {
  const CsvTable table = CsvTable::from_file(root + "/tests/memory/published_peaks.csv", diagnostics);
  std::map<std::string, Errors> errors;
  for (std::size_t row = 0; row < table.rows() && !diagnostics.has_errors(); ++row) {
    const auto cell = [&](const char* column) { return std::string(table.cell(row, table.column(column))); };
    const auto resolved = scenario_from_text(test::peak_scenario(table, row), cell("id"), {}, root, diagnostics);
    if (!resolved) break;
    const MemoryLedger ledger = ledger_of(resolved->scenario);
    const double bytes = test::peak_of(ledger, cell("quantity")).value();
    const double error = bytes / (std::stod(cell("gib")) * kGiB) - 1;
    errors[cell("id").substr(0, cell("id").find('-')) + ", " + cell("quantity")].add(error);
    fmt::print("{}: {} {}, ledger {:.2f} ({:+.1f} %):", cell("id"), cell("quantity"), cell("gib"), bytes / kGiB,
               100 * error);
    print_entries(ledger, kGiB);
  }
  for (const auto& [name, of] : errors) of.print(name.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fputs("usage: memory_table ROOT [STEPS_CSV]\n", stderr);
    return 2;
  }
  Diagnostics diagnostics;
  if (argc == 3) steps(argv[1], argv[2], diagnostics);
  published(argv[1], diagnostics);
  std::fputs(text(diagnostics).c_str(), stderr);
  return diagnostics.has_errors() ? 1 : 0;
}
