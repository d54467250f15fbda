#pragma once
// A file of calibration/: the fitted laws of one GPU under one kernel family, with standard errors, covariance, the
// shapes that they were fitted to and how well they predict shapes that they were not.
// Input: YAML. Output: CalibrationFile, every mistake as file:line:column.

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/diagnostic.hpp"

namespace gpuhours {

struct LawParameter {
  std::string name;
  double value = 0;
  double error = 0;  ///< standard error, in `unit`
  std::string unit;
};

/// The span of one shape variable among the rows that a law was fitted to.
struct FittedRange {
  std::string variable;
  double low = 0;
  double high = 0;
};

/// How a law predicts rows that its fit has not seen.
struct CrossValidation {
  std::string left_out;  ///< "shape family" or "source"
  int folds = 0;
  double mape = 0;
  double p95 = 0;
  double inside_80 = 0;  ///< share of left-out rows inside the 80 % interval
};

struct Outlier {
  std::string row;
  double error = 0;  ///< predicted over measured minus 1
  std::string reason;
};

/// One law: its form (law_forms.hpp), what it applies to, and its fit.
struct FittedLaw {
  std::string form;                 ///< gemm, attention, memory
  std::string kind;                 ///< gemm: dense, grouped, all; memory: Operator::law
  std::string recipe;               ///< gemm, attention: number format with its scaling
  std::vector<std::string> passes;  ///< fprop, dgrad, wgrad, wgrad_accumulate; attention: forward, backward
  std::vector<std::array<int, 2>> tiles;
  int qk_dim = 0;  ///< attention
  int v_dim = 0;
  bool assumed = false;  ///< set by hand without a fit
  std::vector<LawParameter> parameters;
  std::vector<std::vector<double>> covariance;  ///< of the fitted parameters, in their order
  std::vector<FittedRange> ranges;
  double relative_error = 0;  ///< standard error of one prediction
  int rows = 0;
  double mape = 0;                ///< on the rows of the fit
  std::vector<Outlier> outliers;  ///< the worst few
  int outlier_rows = 0;           ///< beyond three standard deviations
  std::vector<CrossValidation> validation;
  std::string source;
  int line = 0;

  [[nodiscard]] const LawParameter* parameter(const std::string& name) const;
};

struct CalibrationFile {
  std::string path;
  std::string gpu;         ///< catalogue id
  std::string generation;  ///< of the GPU
  std::string family;      ///< cublas, deepgemm
  int sms = 0;
  double memory_bandwidth = 0;         ///< bytes/s, nominal
  double tdp = 0;                      ///< W, 0: not written, so power limits are taken to be those of the GPU served
  std::map<std::string, double> peak;  ///< FLOP/s, dense, by number format
  std::vector<std::string> sources;
  std::vector<LawParameter> power;         ///< see PowerLaw
  std::vector<LawParameter> interference;  ///< see InterferenceLaw
  std::vector<FittedLaw> laws;
};

/// How much of a file is read: predictions need no covariance, outliers and validation, which are most of its length.
enum class CalibrationPart { all, laws };

/// The file at `path`; empty with errors in `diagnostics` when it cannot be read or has mistakes.
std::optional<CalibrationFile> read_calibration(const std::string& path, Diagnostics& diagnostics,
                                                CalibrationPart part = CalibrationPart::all);

/// Names of the parameters that laws of a form have, empty for an unknown form. "power" and "interference" are forms.
const std::vector<std::string>& law_parameters(const std::string& form);

}  // namespace gpuhours
