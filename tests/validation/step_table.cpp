// Whole training steps on one H100 (measurements/h100_cupti/steps.csv) against the estimate.
// usage: step_table ROOT STEPS_CSV. A row becomes a scenario as measured_steps.hpp says; no gradient norm, since the
// runs clip nothing.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <map>

#include "core/csv.hpp"
#include "estimate/step_model.hpp"
#include "measured_steps.hpp"
#include "scenario/read_scenario.hpp"

namespace {

using namespace gpuhours;

struct Predicted {
  double step = 0;                        ///< ms
  double gemm_burst = 0;                  ///< ms of GEMMs at burst clocks
  double launches = 0;                    ///< ms of the step that kernels do not fill
  std::map<std::string, double> classes;  ///< ms of kernels
};

std::string class_of(const Operator& op) {
  if (op.kind == OperatorKind::gemm || op.kind == OperatorKind::grouped_gemm) return "gemm";
  if (op.kind == OperatorKind::attention) return "attention";
  return op.kind == OperatorKind::optimizer ? "optimizer" : "memory";
}

void add_classes(const StepModel& model, const LayerWork& work, int times, Predicted& out) {
  for (const LayerPass* pass : {&work.forward, &work.backward_input, &work.backward_weight}) {
    for (const Segment& segment : *pass) {
      const auto* block = std::get_if<ComputeBlock>(&segment);
      if (block == nullptr) continue;
      for (const Operator& op : block->operators) {
        out.classes[class_of(op)] += 1e3 * times * model.laws().time(op, {}).alone.value();
        if (class_of(op) != "gemm") continue;
        out.gemm_burst += 1e3 * times * model.laws().time(op, {.sustained = 0}).alone.value();
      }
    }
  }
}

Predicted predicted(const StepModel& model) {
  Predicted out;
  const StepResult step = model.step(model.scenario().training.global_batch, false);
  const Workload& work = model.work();
  for (const LayerKind kind : work.stages[0].layers) add_classes(model, layer_work(work, kind), 1, out);
  add_classes(model, work.embedding, 1, out);
  add_classes(model, work.head, 1, out);
  double norm = 0;
  for (const Operator& op : optimizer_work(model.scenario(), work.stages[0].parameters).operators) {
    const double ms = 1e3 * model.laws().time(op, {}).alone.value();
    if (op.law == "grad_norm") {
      norm = ms;
    } else {
      out.classes[class_of(op)] += ms;
    }
  }
  out.step = 1e3 * step.length.seconds().value() - norm;
  double kernels = 0;
  for (const auto& [name, ms] : out.classes) kernels += ms;
  out.launches = out.step - kernels;
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: step_table ROOT STEPS_CSV\n", stderr);
    return 2;
  }
  Diagnostics diagnostics;
  const CsvTable table = CsvTable::from_file(argv[2], diagnostics);
  fmt::print("{:<18}{:>5}{:>6}{:>4} {:<5}{:>5} {:>9}{:>10}{:>8} {:>8}{:>8}{:>8}{:>8}{:>8}{:>8}\n", "model", "seq",
             "mbs", "rec", "fmt", "comp", "measured", "predicted", "error", "gemm", "burst", "attn", "memory", "optim",
             "gaps");
  std::map<std::string, std::pair<double, int>> groups;
  for (std::size_t row = 0; row < table.rows() && !diagnostics.has_errors(); ++row) {
    const auto cell = [&](const char* column) { return std::string(table.cell(row, table.column(column))); };
    const auto resolved = scenario_from_text(test::step_scenario(table, row), "row", {}, argv[1], diagnostics);
    if (!resolved) break;
    const auto model = StepModel::make(resolved->scenario, std::string(argv[1]) + "/calibration", diagnostics);
    if (!model) break;
    Predicted p = predicted(*model);
    const double measured = std::stod(cell("sustained_step_ms"));
    const double error = p.step / measured - 1;
    // The card sits at its power limit where the GPU is the limit; far below it, the host is.
    const bool host = std::stod(cell("power_w")) < 520;
    fmt::print(
        "{:<18}{:>5}{:>6}{:>4} {:<5}{:>5} {:>9.1f}{:>10.1f}{:>+7.1f}% "
        "{:>8.1f}{:>8.1f}{:>8.1f}{:>8.1f}{:>8.1f}{:>8.1f}{}\n",
        cell("model"), cell("seq"), cell("mbs"), cell("recompute") == "full" ? "full" : "-", cell("precision"),
        cell("compiled"), measured, p.step, 100 * error, p.classes["gemm"], p.gemm_burst, p.classes["attention"],
        p.classes["memory"], p.classes["optimizer"], p.launches, host ? "  host-bound" : "");
    auto& group = groups[host ? "host-bound" : cell("precision") + (cell("compiled") == "1" ? " compiled" : "")];
    group.first += std::abs(error);
    ++group.second;
  }
  for (const auto& [name, group] : groups) {
    fmt::print("{:<16} rows {:>2}, mean error {:.1f} %\n", name, group.second, 100 * group.first / group.second);
  }
  std::fputs(text(diagnostics).c_str(), stderr);
  return diagnostics.has_errors() ? 1 : 0;
}
