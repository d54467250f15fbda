// Kernel laws of a GPU, own or borrowed, against measurements of gpuhours-profile on it.
// usage: borrowed_table ROOT GPU MEASUREMENTS_CSV
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "calibrate/measurement_tables.hpp"
#include "kernels/kernel_laws.hpp"
#include "scenario/catalogue.hpp"

namespace {

using namespace gpuhours;

/// The operator that a measured row is one of.
Operator operator_of(const Measurement& m) {
  Operator op;
  op.kernels = 1;
  if (m.form == LawForm::gemm) {
    op.kind = OperatorKind::gemm;
    op.format = m.recipe == "bf16" ? Format::bf16 : Format::fp8;
    op.scaling = m.recipe == "fp8_block" ? Scaling::block_128
                 : m.recipe == "bf16"    ? Scaling::none
                                         : Scaling::tensor_current;
    op.accumulate = m.pass == "wgrad_accumulate";
    op.pass = m.pass == "fprop" ? Pass::forward : m.pass == "dgrad" ? Pass::backward_input : Pass::backward_weight;
    const auto whole = [](double side) { return static_cast<std::int64_t>(std::llround(side)); };
    op.gemm = {whole(m.gemm.m), whole(m.gemm.n), whole(m.gemm.k), 1};
    op.bytes = Bytes(m.gemm.bytes);
  } else if (m.form == LawForm::attention) {
    op.kind = OperatorKind::attention;
    op.pass = m.attention.backward ? Pass::backward_input : Pass::forward;
    const auto whole = [](double side) { return static_cast<std::int64_t>(std::llround(side)); };
    const AttentionCase& a = m.attention;
    op.attention = {
        1, whole(a.heads), whole(a.heads), whole(a.qk_dim), whole(a.v_dim), whole(a.seq_q), whole(a.seq_kv), a.causal,
        0};
  } else {
    op.law = m.kind;
    op.bytes = Bytes(m.bytes);
    op.kernels = static_cast<int>(m.kernels);
  }
  return op;
}

std::string class_of(const Measurement& m) {
  if (m.form == LawForm::gemm) return "GEMM " + m.recipe + " " + m.pass;
  if (m.form == LawForm::attention) return "attention " + m.pass;
  return m.own_kernel ? "memory-bound, " + m.kind : "copy";
}

struct Errors {
  std::vector<double> ratios;  ///< predicted over measured
  int inside = 0;
};

void print(const std::string& name, const Errors& errors) {
  double mape = 0;
  double log_sum = 0;
  std::vector<double> sizes;
  for (const double ratio : errors.ratios) {
    sizes.push_back(std::abs(ratio - 1));
    mape += sizes.back();
    log_sum += std::log(ratio);
  }
  std::sort(sizes.begin(), sizes.end());
  const auto count = static_cast<double>(sizes.size());
  fmt::print("{:<40}{:>5}{:>8.1f} %{:>+8.1f} %{:>8.1f} %{:>7.0f} %\n", name, sizes.size(), 100 * mape / count,
             100 * (std::exp(log_sum / count) - 1), 100 * sizes[static_cast<std::size_t>(0.95 * (count - 1))],
             100 * errors.inside / count);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: borrowed_table ROOT GPU MEASUREMENTS_CSV\n", stderr);
    return 2;
  }
  Diagnostics diagnostics;
  const auto gpu = read_gpu(argv[2], argv[1], diagnostics);
  MeasurementSet set;
  if (gpu) read_measurements(argv[3], *gpu, set, diagnostics);
  const auto laws =
      gpu ? kernel_laws(*gpu, KernelFamily::cublas, std::string(argv[1]) + "/calibration/kernels", diagnostics) : nullptr;
  if (!laws || set.kernels.empty()) {
    std::fputs(text(diagnostics).c_str(), stderr);
    return 2;
  }
  std::map<std::string, Errors> classes;
  std::map<std::string, Errors> forms;
  for (const Measurement& m : set.kernels) {
    KernelContext context;
    context.sustained = sustained_share(m.run_seconds);
    const KernelTime time = laws->time(operator_of(m), context);
    const double launches = m.form == LawForm::gemm ? m.kernels : 1;
    const double ratio = time.alone.value() * launches / m.seconds;
    for (Errors* errors : {&classes[class_of(m)], &forms[class_of(m).substr(0, class_of(m).find_first_of(" ,"))]}) {
      errors->ratios.push_back(ratio);
      if (std::abs(std::log(ratio)) <= 1.2816 * time.relative_error) ++errors->inside;  // 80 % of a normal
    }
  }
  fmt::print("laws: {}\n{:<40}{:>5}{:>10}{:>10}{:>10}{:>9}\n", laws->source(), "class", "rows", "MAPE", "bias", "p95",
             "in 80 %");
  for (const auto& [name, errors] : forms) print(name, errors);
  for (const auto& [name, errors] : classes) print(name, errors);
  return 0;
}
