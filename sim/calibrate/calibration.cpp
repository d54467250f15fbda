#include "calibrate/calibration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "calibrate/interference_fit.hpp"
#include "calibrate/law_fits.hpp"
#include "calibrate/measurement_tables.hpp"
#include "core/atomic_file.hpp"

namespace gpuhours {

namespace {

/// Loss of a GEMM sized to the SMs left: pairs of one operator with and without a transfer in the H800 trace, 3 to 6 %.
LawParameter sized_gemm_loss() { return {"sized_gemm", 0.05, 0.01, "1"}; }

/// The H100 tables: a copy of 2 GiB draws 395 W of 700 at 90 % of the bandwidth.
constexpr double kCopyPowerShare = 395.0 / 700.0;
constexpr double kCopyBandwidthShare = 0.90;
/// Of TDP: an H100 with its clocks up and no work draws about 120 W (assumed).
constexpr double kIdlePowerShare = 0.17;

/// Rows beyond this number are thinned evenly in the order of shapes: whole public tables hold tens of thousands.
constexpr std::size_t kMostRows = 480;

bool by_shape(const Measurement* a, const Measurement* b) {
  const auto key = [](const Measurement& m) {
    return std::make_tuple(m.gemm.m, m.gemm.n, m.gemm.k, m.attention.seq_q, m.attention.heads, m.bytes);
  };
  return key(*a) < key(*b);
}

void thin(LawRows& law) {
  if (law.rows.size() <= kMostRows) return;
  std::stable_sort(law.rows.begin(), law.rows.end(), by_shape);
  std::vector<const Measurement*> kept;
  const std::size_t count = law.rows.size();
  for (std::size_t i = 0; i < kMostRows; ++i) kept.push_back(law.rows[i * count / kMostRows]);
  law.rows = std::move(kept);
}

/// Benches of training kernels before those of inference stacks, which reach up to 25 % more (B200).
void prefer_training(LawRows& law) {
  const auto training = [](const Measurement* m) { return m->training; };
  if (std::none_of(law.rows.begin(), law.rows.end(), training)) return;
  std::erase_if(law.rows, [](const Measurement* m) { return !m->training; });
}

/// Takes the rows of the profiler's own kernels out of a law that has rows of a framework's: fused and hand-written,
/// they are other kernels that do the same work.
LawRows own_kernels_apart(LawRows& law) {
  LawRows own;
  for (const Measurement* m : law.rows) {
    if (m->own_kernel) own.rows.push_back(m);
  }
  if (own.rows.size() == law.rows.size()) return {};
  std::erase_if(law.rows, [](const Measurement* m) { return m->own_kernel; });
  return own;
}

bool one_shape(const MeasurementSet& set) {
  const auto key = [](const Measurement& m) {
    return std::make_tuple(m.kind, m.recipe, m.pass, m.gemm.m, m.gemm.n, m.gemm.k, m.gemm.groups, m.attention.seq_q,
                           m.attention.heads, m.bytes);
  };
  return std::all_of(set.kernels.begin(), set.kernels.end(),
                     [&](const Measurement& m) { return key(m) == key(set.kernels.front()); });
}

CalibrationFile file_head(const Gpu& gpu, const CalibrationOptions& options) {
  CalibrationFile file;
  file.gpu = gpu.id;
  file.generation = name(gpu.generation);
  file.family = options.family;
  file.sms = gpu.sms;
  file.memory_bandwidth = gpu.memory_bandwidth.value();
  file.tdp = gpu.tdp.value();
  constexpr std::pair<Format, const char*> kFormats[] = {{Format::bf16, "bf16"},
                                                         {Format::fp16, "fp16"},
                                                         {Format::tf32, "tf32"},
                                                         {Format::fp8, "fp8"},
                                                         {Format::fp4, "fp4"}};
  for (const auto& [format, key] : kFormats) {
    if (gpu.peak(format).value() > 0) file.peak[key] = gpu.peak(format).value();
  }
  return file;
}

std::vector<LawParameter> power_section(const LawParameter& budget) {
  const double memory = (kCopyPowerShare - kIdlePowerShare) / kCopyBandwidthShare;
  return {budget, {"idle_share", kIdlePowerShare, 0, "1"}, {"memory_share", memory, 0, "1"}};
}

/// Benches of training kernels repeat each for 0.1 s and longer, two time constants of the clock: their laws hold at
/// the sustained clock, and no further loss is to be taken from another GPU's bursts.
bool measured_sustained(const MeasurementSet& set) {
  return std::any_of(set.kernels.begin(), set.kernels.end(),
                     [](const Measurement& m) { return m.form != LawForm::memory && m.training && m.sms == 0; });
}

/// Norms feel a copier as the measured RMSNorm does.
void add_memory_losses(CalibrationFile& file, const std::vector<InterferenceMeasurement>& rows) {
  for (FittedLaw& law : file.laws) {
    if (law.form != "memory" || law.parameter("beside") != nullptr) continue;
    const bool norm = law.kind.find("norm") != std::string::npos && law.kind != "grad_norm";
    const double loss = memory_loss(rows, norm ? "rmsnorm" : law.kind);
    if (loss >= 0) law.parameters.push_back({"beside", loss, 0, "1"});
  }
}

}  // namespace

std::optional<CalibrationFile> calibrate(const MeasurementSet& set, const Gpu& gpu, const CalibrationOptions& options,
                                         Diagnostics& diagnostics) {
  if (set.kernels.empty()) {
    diagnostics.error({}, fmt::format("no row of these tables was measured on {}", gpu.id));
    return std::nullopt;
  }
  if (one_shape(set)) {
    diagnostics.error({}, "all rows have one shape: a law needs at least two",
                      "the cost of a launch cannot be told from the cost of the work");
    return std::nullopt;
  }
  CalibrationFile file = file_head(gpu, options);
  FitSetting setting;
  setting.gpu = &gpu;
  setting.deepgemm = options.family == "deepgemm";
  setting.whole_waves = std::any_of(set.kernels.begin(), set.kernels.end(),
                                    [](const Measurement& m) { return m.form == LawForm::gemm && m.sms > 0; });
  if (!set.sustained.empty()) {
    const LawParameter budget = sustained_budget(set.sustained);
    setting.power.sustained_budget = budget.value;
    setting.power_16_bit = power_at_peak(set.sustained, budget.value, 2, gpu.peak(Format::bf16).value());
    setting.power_8_bit = power_at_peak(set.sustained, budget.value, 1, gpu.peak(Format::fp8).value());
    file.power = power_section(budget);
  } else if (measured_sustained(set)) {
    file.power = power_section({"sustained_budget", 1, 0, "1"});
  }
  std::set<std::string> sources;
  for (LawRows& law : rows_by_law(set.kernels, setting.whole_waves)) {
    prefer_training(law);
    const LawRows own = own_kernels_apart(law);
    thin(law);
    for (const Measurement* m : law.rows) sources.insert(m->source);
    auto fitted = fitted_law(law, setting, options.cross_validate);
    if (!fitted) continue;
    if (!own.rows.empty() && options.cross_validate) fitted->validation.push_back(tested_on(own, *fitted, setting));
    file.laws.push_back(std::move(*fitted));
  }
  if (file.laws.empty()) {
    diagnostics.error({}, "no kind of kernel has enough rows for its law");
    return std::nullopt;
  }
  file.sources.assign(sources.begin(), sources.end());
  file.interference = interference_parameters(set.interference, file.laws, setting);
  if (setting.whole_waves) file.interference.push_back(sized_gemm_loss());
  add_memory_losses(file, set.interference);
  return file;
}

std::optional<std::string> calibrate_files(const std::vector<std::string>& files, const Gpu& gpu,
                                           const CalibrationOptions& options, const std::string& output,
                                           Diagnostics& diagnostics) {
  const int errors = diagnostics.errors();
  MeasurementSet set;
  for (const std::string& path : files) read_measurements(path, gpu, set, diagnostics);
  if (diagnostics.errors() > errors) return std::nullopt;
  auto file = calibrate(set, gpu, options, diagnostics);
  if (!file) return std::nullopt;
  const std::string failure = write_whole_file(output, calibration_text(*file));
  if (!failure.empty()) {
    diagnostics.error({output, 0, 0, {}}, failure);
    return std::nullopt;
  }
  return calibration_report(*file);
}

}  // namespace gpuhours
