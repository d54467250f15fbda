#include "calibrate/interference_fit.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "calibrate/table_rows.hpp"

namespace gpuhours {

LawParameter sustained_budget(const std::vector<SustainedMeasurement>& rows) {
  LawParameter p{"sustained_budget", 1, 0, "1"};
  if (rows.empty()) return p;
  double sum = 0;
  double squares = 0;
  for (const SustainedMeasurement& row : rows) {
    sum += std::log(row.ratio);
    squares += std::log(row.ratio) * std::log(row.ratio);
  }
  const auto count = static_cast<double>(rows.size());
  p.value = std::exp(sum / count);
  if (count > 1) p.error = p.value * std::sqrt(std::max(0.0, squares - sum * sum / count) / (count * (count - 1)));
  return p;
}

double power_at_peak(const std::vector<SustainedMeasurement>& rows, double budget, double operand_bytes, double peak) {
  double sum = 0;
  int count = 0;
  for (const SustainedMeasurement& row : rows) {
    if (recipe_bytes(row.burst.recipe) != operand_bytes) continue;
    const GemmCase& g = row.burst.gemm;
    sum += budget * peak / (2 * g.m * g.n * g.k / row.burst.seconds * row.ratio);
    ++count;
  }
  return count == 0 ? 0 : sum / count;
}

std::vector<GemmLaw> gemm_law_of(const Measurement& row, const std::vector<FittedLaw>& laws) {
  for (const FittedLaw& law : laws) {
    const bool pass = std::find(law.passes.begin(), law.passes.end(), row.pass) != law.passes.end();
    if (law.form != "gemm" || law.recipe != row.recipe || law.kind == "grouped" || !pass) continue;
    const auto value = [&](const char* name) { return law.parameter(name)->value; };
    GemmLaw out{value("k_step_area"),
                value("k_step_edge"),
                value("tile_fixed"),
                value("kernel_fixed"),
                value("partial"),
                value("memory_share"),
                value("power"),
                static_cast<int>(law.tiles.size()),
                {},
                {}};
    for (std::size_t i = 0; i < law.tiles.size(); ++i) {
      out.tile_m[i] = law.tiles[i][0];
      out.tile_n[i] = law.tiles[i][1];
    }
    return {out};
  }
  return {};
}

double predicted_ratio(const InterferenceMeasurement& row, const InterferenceLaw& law, const GemmLaw* gemm,
                       const Gpu& gpu) {
  const double sms = gpu.sms;
  if (row.alone.form == LawForm::memory) return 1 + law.memory_per_sm * row.copier_sms;
  if (row.alone.form == LawForm::attention) return 1 + law.attention * (sms / (sms - row.copier_sms) - 1);
  const GpuRates rates{sms, gpu.memory_bandwidth.value(), recipe_peak(gpu, row.alone.recipe)};
  const double filled = gemm_time(*gemm, row.alone.gemm, rates, 0, {}).filled;
  return wave_ratio(filled, sms, sms - law.sms_lost * row.copier_sms) * (1 + law.unsized_gemm);
}

namespace {

struct GemmRow {
  const InterferenceMeasurement* row;
  GemmLaw law;
};

/// SMs lost and the loss on top that give the smallest squared logarithmic error; waves are whole, so by a grid.
void fit_gemm(const std::vector<GemmRow>& rows, const Gpu& gpu, InterferenceLaw& law) {
  double best = 1e300;
  InterferenceLaw trial = law;
  for (int step = 0; step <= 60; ++step) {
    trial.sms_lost = 1 + 0.01 * step;
    trial.unsized_gemm = 0;
    double sum = 0;
    double squares = 0;
    for (const GemmRow& r : rows) {
      const double miss = std::log(r.row->ratio / predicted_ratio(*r.row, trial, &r.law, gpu));
      sum += miss;
      squares += miss * miss;
    }
    const auto count = static_cast<double>(rows.size());
    const double error = squares - sum * sum / count;
    if (error >= best) continue;
    best = error;
    law.sms_lost = trial.sms_lost;
    law.unsized_gemm = std::max(0.0, std::exp(sum / count) - 1);
  }
}

/// Mean loss per SM (memory) or share of the SMs' loss (attention), with its standard error.
LawParameter mean_parameter(const char* name, const std::vector<double>& values) {
  LawParameter p{name, 0, 0, "1"};
  for (const double v : values) p.value += v / static_cast<double>(values.size());
  double squares = 0;
  for (const double v : values) squares += (v - p.value) * (v - p.value);
  const auto count = static_cast<double>(values.size());
  if (count > 1) p.error = std::sqrt(squares / (count * (count - 1)));
  return p;
}

std::vector<LawParameter> gemm_parameters(const std::vector<GemmRow>& rows, const Gpu& gpu) {
  InterferenceLaw whole;
  fit_gemm(rows, gpu, whole);
  std::set<std::string> kernels;
  const auto kernel_of = [](const GemmRow& r) {
    return r.row->alone.row.substr(0, r.row->alone.row.find(" | ")).substr(9);
  };
  for (const GemmRow& r : rows) kernels.insert(kernel_of(r));
  double lost = 0;
  double loss = 0;
  for (const std::string& kernel : kernels) {
    std::vector<GemmRow> others;
    for (const GemmRow& r : rows) {
      if (kernel_of(r) != kernel) others.push_back(r);
    }
    if (others.empty()) continue;
    InterferenceLaw part;
    fit_gemm(others, gpu, part);
    lost += (part.sms_lost - whole.sms_lost) * (part.sms_lost - whole.sms_lost);
    loss += (part.unsized_gemm - whole.unsized_gemm) * (part.unsized_gemm - whole.unsized_gemm);
  }
  const auto count = static_cast<double>(kernels.size());
  return {{"unsized_gemm", whole.unsized_gemm, std::sqrt(loss * (count - 1) / count), "1"},
          {"sms_lost", whole.sms_lost, std::sqrt(lost * (count - 1) / count), "1"}};
}

}  // namespace

double memory_loss(const std::vector<InterferenceMeasurement>& rows, const std::string& law) {
  std::vector<double> slopes;
  for (const InterferenceMeasurement& row : rows) {
    if (row.alone.form == LawForm::memory && row.alone.kind == law) slopes.push_back((row.ratio - 1) / row.copier_sms);
  }
  return slopes.empty() ? -1 : 20 * mean_parameter("", slopes).value;
}

std::vector<LawParameter> interference_parameters(const std::vector<InterferenceMeasurement>& rows,
                                                  const std::vector<FittedLaw>& laws, const FitSetting& setting) {
  std::vector<LawParameter> list;
  std::vector<GemmRow> gemms;
  std::vector<double> attention;
  std::vector<double> memory;
  for (const InterferenceMeasurement& row : rows) {
    if (row.alone.form == LawForm::attention) {
      const double sms = setting.gpu->sms;
      attention.push_back((row.ratio - 1) / (sms / (sms - row.copier_sms) - 1));
    } else if (row.alone.form == LawForm::memory) {
      if (row.alone.kind == "add") memory.push_back((row.ratio - 1) / row.copier_sms);
    } else {
      for (const GemmLaw& law : gemm_law_of(row.alone, laws)) gemms.push_back({&row, law});
    }
  }
  if (!gemms.empty()) list = gemm_parameters(gemms, *setting.gpu);
  if (!attention.empty()) list.push_back(mean_parameter("attention", attention));
  if (!memory.empty()) list.push_back(mean_parameter("memory_per_sm", memory));
  return list;
}

}  // namespace gpuhours
