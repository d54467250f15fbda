#include "calibrate/law_fits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

#include "calibrate/table_rows.hpp"

namespace gpuhours {

std::vector<LawRows> rows_by_law(const std::vector<Measurement>& kernels, bool whole_waves) {
  std::map<std::tuple<int, std::string, std::string, std::string, double, double>, LawRows> laws;
  for (const Measurement& m : kernels) {
    // One persistent kernel serves dense and grouped products, and fprop and dgrad.
    const bool merged = whole_waves && m.form == LawForm::gemm;
    if (merged && m.recipe != "fp8_block") continue;
    const std::string kind = merged ? "all" : m.kind;
    const std::string pass = m.few ? "" : (merged && m.pass == "dgrad" ? "fprop" : m.pass);
    laws[{static_cast<int>(m.form), m.recipe, kind, pass, m.attention.qk_dim, m.attention.v_dim}].rows.push_back(&m);
  }
  std::vector<LawRows> list;
  for (auto& [key, rows] : laws) list.push_back(std::move(rows));
  return list;
}

std::vector<std::array<int, 2>> tiles_of(const Measurement& first, const FitSetting& setting) {
  if (first.form != LawForm::gemm) return {};
  if (setting.whole_waves) return {{128, 128}};
  if (setting.deepgemm) return {{64, 128}, {128, 128}, {128, 112}, {128, 96}, {128, 64}, {64, 64}, {128, 160}};
  if (setting.gpu->generation == Generation::ampere) return {{256, 128}, {128, 256}, {128, 128}, {128, 64}, {64, 128}};
  if (setting.gpu->generation == Generation::blackwell) {
    return {{256, 256}, {256, 128}, {128, 256}, {256, 192}, {192, 256}, {128, 128}};
  }
  if (first.kind == "grouped") return {{128, 256}};
  if (first.recipe == "fp8_block" || first.recipe == "fp8_row") return {{128, 128}};
  if (first.recipe == "fp8_tensor" && first.pass != "fprop") return {{128, 160}, {128, 128}, {144, 128}};
  if (first.recipe == "fp8_tensor") {
    return {{128, 256}, {256, 128}, {192, 192}, {320, 128}, {192, 128}, {176, 128}, {128, 160}, {144, 128}};
  }
  return {{256, 128}, {128, 256}, {192, 192}, {320, 128}, {128, 128}, {192, 128}, {128, 192}};
}

namespace {

GemmLaw gemm_law_at(const std::vector<double>& v, const std::vector<std::array<int, 2>>& tiles) {
  GemmLaw law{v[0], v[1], v[2], v[3], v[4], v[5], v[6], static_cast<int>(tiles.size()), {}, {}};
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    law.tile_m[i] = tiles[i][0];
    law.tile_n[i] = tiles[i][1];
  }
  return law;
}

}  // namespace

double predicted_seconds(const Measurement& row, const std::vector<double>& v,
                         const std::vector<std::array<int, 2>>& tiles, const FitSetting& setting) {
  const Gpu& gpu = *setting.gpu;
  const double beside = 1 + row.beside * row.transferring;
  const double sms = row.sms > 0 ? row.sms : gpu.sms;
  const double sustained = sustained_share(row.run_seconds);
  switch (row.form) {
    case LawForm::gemm: {
      const GpuRates rates{sms, gpu.memory_bandwidth.value(), recipe_peak(gpu, row.recipe)};
      return row.kernels * beside * gemm_time(gemm_law_at(v, tiles), row.gemm, rates, sustained, setting.power).seconds;
    }
    case LawForm::attention: {
      const GpuRates rates{sms, gpu.memory_bandwidth.value(), recipe_peak(gpu, row.recipe)};
      const AttentionLaw law{v[0], v[1], v[2], v[3], v[4], v[5], v[6]};
      return beside * attention_time(law, row.attention, rates, sustained, setting.power).seconds;
    }
    case LawForm::memory:
      return beside * memory_time({v[0], v[1]}, row.bytes, row.kernels, gpu.memory_bandwidth.value());
  }
  return 0;
}

namespace {

/// Time of a 128 x 128 tile's step in k at the format's peak.
double ideal_step(const Gpu& gpu, const std::string& recipe) {
  return 2.0 * 128 * 128 * gpu.sms / recipe_peak(gpu, recipe);
}

/// Large products tell the rate of a tile and the power limit only, and no tile rate above 80 % of peak: searches over
/// shapes found 72 to 80 % at best (H100, B200, GB200, B300, BF16 and FP8). The rest is what Blackwell's fuller tables
/// give: the epilogue runs beside the next tile, and about half a partly filled wave is lost.
std::vector<FitParameter> few_rows_parameters(double step) {
  return {{"k_step_area", 1.3 * step, 1.25 * step, 4 * step, step},
          {"k_step_edge", 0, 0, 1, step, true},
          {"tile_fixed", 0, 0, 1, 1e-6, true},
          {"kernel_fixed", 2e-6, 0, 1, 2e-6, true},
          {"partial", 0.5, 0, 1, 0.5, true},
          {"memory_share", 0.9, 0.3, 1, 0.5, true},
          {"power", 1.25, 0.2, 4, 1}};
}

std::vector<FitParameter> gemm_parameters(const LawRows& law, const FitSetting& setting) {
  const double step = ideal_step(*setting.gpu, law.front().recipe);
  const bool whole = setting.whole_waves;
  const double known = recipe_bytes(law.front().recipe) == 2 ? setting.power_16_bit : setting.power_8_bit;
  if (law.front().few) return few_rows_parameters(step);
  const double epilogue = law.front().pass == "wgrad_accumulate" ? 3e-6 : 1e-6;
  return {{"k_step_area", 1.15 * step, 0.3 * step, 8 * step, step},
          {"k_step_edge", whole ? 0 : 0.1 * step, 0, 4 * step, step, whole},
          {"tile_fixed", epilogue, 0, 30e-6, 1e-6},
          {"kernel_fixed", whole ? 0 : 2e-6, 0, 60e-6, 2e-6, whole},
          {"partial", whole ? 0 : 0.5, 0, 1, 0.5, whole},
          {"memory_share", 0.9, 0.3, 1, 0.5, whole},
          {"power",
           whole       ? 0
           : known > 0 ? known
                       : 1.25,
           0.2, 4, 1, whole || known > 0}};
}

/// Whether lengths spread enough to tell the costs of step, block and kernel apart.
bool lengths_vary(const LawRows& law) {
  double low = 1e300;
  double high = 0;
  for (const Measurement* m : law.rows) {
    low = std::min(low, m->attention.seq_q);
    high = std::max(high, m->attention.seq_q);
  }
  return high >= 4 * low;
}

std::vector<FitParameter> attention_parameters(const LawRows& law, const FitSetting& setting) {
  const double step = ideal_step(*setting.gpu, law.front().recipe);
  const bool free = lengths_vary(law) && law.rows.size() >= 6;
  const bool extra = law.front().attention.backward && free;
  const bool small = law.rows.size() < 20;
  return {{"step_dim", 1.3 * step, 0.2 * step, 10 * step, step},
          {"step_fixed", 60e-9, 0, 2e-6, 60e-9, !free || small},
          {"block_fixed", 2e-6, 0, 30e-6, 2e-6, !free},
          {"kernel_fixed", 3e-6, 0, 60e-6, 3e-6, !free},
          {"tail", 0.6, 0, 3, 0.5, !free},
          {"extra_bytes", extra ? 4.0 : 0.0, 0, 20, 4, !extra},
          {"power", setting.whole_waves ? 0 : 1.2, 0.05, 4, 1, setting.whole_waves || !free}};
}

/// Launch and drain of a small kernel, where the rows do not tell it: the shortest kernels of the H100 tables take 1.3
/// to 2.5 us.
constexpr double kAssumedKernelFixed = 1.5e-6;

std::vector<FitParameter> memory_parameters(const LawRows& law, const FitSetting&) {
  double low = 1e300;
  double high = 0;
  for (const Measurement* m : law.rows) {
    low = std::min(low, m->bytes / m->kernels);
    high = std::max(high, m->bytes / m->kernels);
  }
  const bool spread = high >= 4 * low && law.rows.size() >= 3;
  const bool moves = high > 0;
  // Kernels without traffic are told by their mean: an operator is the sum of its launches.
  double seconds = 0;
  double launches = 0;
  for (const Measurement* m : law.rows) {
    seconds += m->seconds;
    launches += m->kernels;
  }
  return {{"kernel_fixed", moves ? kAssumedKernelFixed : seconds / launches, 0, 1e-3, 2e-6, !moves || !spread},
          {"memory_share", moves ? 0.7 : 0.5, 0.02, 1, 0.5, !moves}};
}

std::vector<FitParameter> parameters_of(const LawRows& law, const FitSetting& setting) {
  switch (law.front().form) {
    case LawForm::gemm:
      return gemm_parameters(law, setting);
    case LawForm::attention:
      return attention_parameters(law, setting);
    case LawForm::memory:
      return memory_parameters(law, setting);
  }
  return {};
}

FitProblem problem_of(const LawRows& law, const FitSetting& setting, const std::vector<FitParameter>& parameters,
                      const std::vector<std::array<int, 2>>& tiles) {
  FitProblem problem;
  problem.parameters = parameters;
  std::map<std::string, int> families;
  for (std::size_t i = 0; i < law.rows.size(); ++i) {
    problem.rows.push_back(i);
    const std::string& family = law.rows[i]->shape_family;
    problem.cluster_of_row.push_back(families.try_emplace(family, static_cast<int>(families.size())).first->second);
  }
  problem.ratio = [&law, &setting, &tiles](const std::vector<double>& values, std::size_t row) {
    return predicted_seconds(*law.rows[row], values, tiles, setting) / law.rows[row]->seconds;
  };
  return problem;
}

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double at = q * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (at - static_cast<double>(low)) * (values[high] - values[low]);
}

double mean_error(const std::vector<double>& residuals) {
  double sum = 0;
  for (const double r : residuals) sum += std::abs(std::exp(r) - 1);
  return residuals.empty() ? 0 : sum / static_cast<double>(residuals.size());
}

/// Half width of the 80 % interval of a normal distribution in standard deviations.
constexpr double kEightyPercent = 1.2816;
/// No prediction is surer than the clocks of two cards of one type.
constexpr double kLeastError = 0.01;

/// Standard deviation that gives the residuals their 80 % width.
double spread_of(const std::vector<double>& residuals, double parameters) {
  std::vector<double> sizes;
  for (const double r : residuals) sizes.push_back(std::abs(r));
  const auto rows = static_cast<double>(residuals.size());
  const double lost = rows > parameters + 1 ? std::sqrt(rows / (rows - parameters)) : 2;
  return std::max(kLeastError, quantile(sizes, 0.8) / kEightyPercent * lost);
}

int free_count(const std::vector<FitParameter>& parameters) {
  return static_cast<int>(std::count_if(parameters.begin(), parameters.end(), [](const auto& p) { return !p.fixed; }));
}

struct LeftOut {
  CrossValidation summary;
  std::vector<double> residuals;
};

/// Fits without the rows of one group at a time (`group_of` names it) and predicts them.
LeftOut leave_out(const FitProblem& whole, const std::vector<double>& start, const std::vector<std::string>& group_of,
                  const std::string& what) {
  LeftOut result;
  result.summary.left_out = what;
  const std::set<std::string> groups(group_of.begin(), group_of.end());
  const int free = free_count(whole.parameters);
  int inside = 0;
  for (const std::string& group : groups) {
    FitProblem part = whole;
    part.rows.clear();
    part.cluster_of_row.clear();
    for (std::size_t i = 0; i < whole.rows.size(); ++i) {
      if (group_of[i] == group) continue;
      part.rows.push_back(whole.rows[i]);
      part.cluster_of_row.push_back(whole.cluster_of_row[i]);
    }
    if (static_cast<int>(part.rows.size()) <= free) continue;
    for (std::size_t p = 0; p < part.parameters.size(); ++p) {
      FitParameter& parameter = part.parameters[p];
      if (!parameter.fixed) parameter.start = std::clamp(start[p], parameter.low, parameter.high);
    }
    const FitResult fitted = fit(part, false);
    const double spread = spread_of(fitted.residuals, free);
    ++result.summary.folds;
    for (std::size_t i = 0; i < whole.rows.size(); ++i) {
      if (group_of[i] != group) continue;
      const double residual = std::log(whole.ratio(fitted.values, whole.rows[i]));
      result.residuals.push_back(residual);
      if (std::abs(residual) <= kEightyPercent * spread) ++inside;
    }
  }
  std::vector<double> errors;
  for (const double r : result.residuals) errors.push_back(std::abs(std::exp(r) - 1));
  result.summary.mape = mean_error(result.residuals);
  result.summary.p95 = quantile(errors, 0.95);
  if (!result.residuals.empty()) {
    result.summary.inside_80 = static_cast<double>(inside) / static_cast<double>(result.residuals.size());
  }
  return result;
}

void add_validation(FittedLaw& law, const LawRows& rows, const FitProblem& problem, const FitResult& whole) {
  std::vector<std::string> families;
  std::vector<std::string> sources;
  for (const Measurement* m : rows.rows) {
    families.push_back(m->shape_family);
    sources.push_back(m->source);
  }
  std::vector<double> residuals;
  if (std::set<std::string>(families.begin(), families.end()).size() > 1) {
    LeftOut left = leave_out(problem, whole.values, families, "shape family");
    if (left.summary.folds > 0) law.validation.push_back(left.summary);
    residuals = std::move(left.residuals);
  }
  if (std::set<std::string>(sources.begin(), sources.end()).size() > 1) {
    const LeftOut left = leave_out(problem, whole.values, sources, "source");
    if (left.summary.folds > 0) law.validation.push_back(left.summary);
  }
  if (!residuals.empty()) law.relative_error = spread_of(residuals, 0);
}

void add_ranges(FittedLaw& law, const LawRows& rows) {
  const auto add = [&](const char* variable, auto value) {
    FittedRange range{variable, 1e300, 0};
    for (const Measurement* m : rows.rows) {
      range.low = std::min(range.low, value(*m));
      range.high = std::max(range.high, value(*m));
    }
    law.ranges.push_back(range);
  };
  if (law.form == "gemm") {
    add("m", [](const Measurement& m) { return m.gemm.m; });
    add("n", [](const Measurement& m) { return m.gemm.n; });
    add("k", [](const Measurement& m) { return m.gemm.k; });
  } else if (law.form == "attention") {
    add("seq", [](const Measurement& m) { return m.attention.seq_q; });
  } else {
    add("bytes", [](const Measurement& m) { return m.bytes; });
  }
}

/// The worst rows beyond four standard deviations: the soft loss gives them less weight.
void add_outliers(FittedLaw& law, const LawRows& rows, const FitResult& result) {
  constexpr std::size_t kListed = 4;
  const double limit = std::max(0.15, 3 * law.relative_error);
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < result.residuals.size(); ++i) {
    if (std::abs(result.residuals[i]) > limit) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(result.residuals[a]) > std::abs(result.residuals[b]);
  });
  law.outlier_rows = static_cast<int>(order.size());
  if (order.size() > kListed) order.resize(kListed);
  for (const std::size_t i : order) {
    const double error = std::exp(result.residuals[i]) - 1;
    law.outliers.push_back({rows.rows[i]->row, error,
                            fmt::format("beyond three standard deviations, weight {:.2f}",
                                        1 / std::hypot(1, result.residuals[i] / kLossScale))});
  }
}

/// The unit that a parameter is written in.
std::string unit_of(const std::string& parameter) {
  if (parameter == "k_step_area" || parameter == "k_step_edge" || parameter == "step_dim" || parameter == "step_fixed")
    return "ns";
  if (parameter == "tile_fixed" || parameter == "kernel_fixed" || parameter == "block_fixed") return "us";
  return parameter == "extra_bytes" ? "byte" : "1";
}

const char* form_name(LawForm form) {
  switch (form) {
    case LawForm::gemm:
      return "gemm";
    case LawForm::attention:
      return "attention";
    case LawForm::memory:
      return "memory";
  }
  return "";
}

FittedLaw law_head(const LawRows& rows, const FitSetting& setting) {
  const Measurement& first = rows.front();
  FittedLaw law;
  law.form = form_name(first.form);
  const bool merged = setting.whole_waves && first.form == LawForm::gemm;
  law.kind = merged ? "all" : first.kind;
  law.recipe = first.recipe;
  std::set<std::string> passes;
  for (const Measurement* m : rows.rows) {
    if (!m->pass.empty()) passes.insert(m->pass);
  }
  law.passes.assign(passes.begin(), passes.end());
  law.tiles = tiles_of(first, setting);
  law.qk_dim = static_cast<int>(first.attention.qk_dim);
  law.v_dim = static_cast<int>(first.attention.v_dim);
  law.rows = static_cast<int>(rows.rows.size());
  std::set<std::string> sources;
  for (const Measurement* m : rows.rows) sources.insert(m->source);
  for (const std::string& source : sources) law.source += (law.source.empty() ? "" : "; ") + source;
  return law;
}

}  // namespace

std::optional<FittedLaw> fitted_law(const LawRows& rows, const FitSetting& setting, bool cross_validate) {
  FittedLaw law = law_head(rows, setting);
  const std::vector<FitParameter> parameters = parameters_of(rows, setting);
  if (static_cast<int>(rows.rows.size()) < free_count(parameters)) return std::nullopt;
  const FitProblem problem = problem_of(rows, setting, parameters, law.tiles);
  const FitResult result = fit(problem, true);
  if (!result.converged) return std::nullopt;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    law.parameters.push_back({parameters[i].name, result.values[i], result.errors[i], unit_of(parameters[i].name)});
  }
  law.covariance = result.covariance;
  law.mape = mean_error(result.residuals);
  law.relative_error = spread_of(result.residuals, free_count(parameters));
  if (cross_validate) add_validation(law, rows, problem, result);
  if (rows.front().form == LawForm::memory && rows.front().beside > 0) {
    law.parameters.push_back({"beside", rows.front().beside, 0, "1"});
  }
  add_ranges(law, rows);
  add_outliers(law, rows, result);
  return law;
}

CrossValidation tested_on(const LawRows& rows, const FittedLaw& law, const FitSetting& setting) {
  std::vector<double> values;
  for (const std::string& name : law_parameters(law.form)) {
    const LawParameter* parameter = law.parameter(name);
    values.push_back(parameter == nullptr ? 0 : parameter->value);
  }
  CrossValidation test{.left_out = "source", .folds = 1};
  std::vector<double> errors;
  int inside = 0;
  for (const Measurement* m : rows.rows) {
    const double ratio = predicted_seconds(*m, values, law.tiles, setting) / m->seconds;
    errors.push_back(std::abs(ratio - 1));
    if (std::abs(std::log(ratio)) <= kEightyPercent * law.relative_error) ++inside;
  }
  const auto count = static_cast<double>(errors.size());
  test.mape = std::accumulate(errors.begin(), errors.end(), 0.0) / count;
  test.p95 = quantile(errors, 0.95);
  test.inside_80 = inside / count;
  return test;
}

}  // namespace gpuhours
