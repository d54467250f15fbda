#pragma once
// Which parameters a law has, where their fit starts and what it may reach; one law fitted to its rows.

#include <optional>
#include <string>
#include <vector>

#include "calibrate/fit.hpp"
#include "calibrate/measurement.hpp"
#include "kernels/calibration_file.hpp"
#include "kernels/law_forms.hpp"
#include "scenario/hardware.hpp"

namespace gpuhours {

/// Rows of one law: same form, kind, recipe, pass and head dimensions.
struct LawRows {
  std::vector<const Measurement*> rows;
  [[nodiscard]] const Measurement& front() const { return *rows.front(); }
};

/// The rows grouped by law, in the order of the file that is written.
std::vector<LawRows> rows_by_law(const std::vector<Measurement>& kernels, bool whole_waves);

/// The parts of a calibration that a law's fit needs.
struct FitSetting {
  const Gpu* gpu = nullptr;
  PowerLaw power;
  double power_16_bit = 0;   ///< `power` of 16-bit products as measured at the limit, 0: to be fitted
  double power_8_bit = 0;    ///< and of 8-bit ones
  bool deepgemm = false;     ///< kernels that choose the tile's width to fill the waves
  bool whole_waves = false;  ///< persistent 128 x 128 kernels measured inside a step: no burst, no partial waves
};

/// The tile shapes (at most 8) that the library's kernels have for this product, from the names of its kernels.
std::vector<std::array<int, 2>> tiles_of(const Measurement& first, const FitSetting& setting);

/// Predicted seconds of a row at parameter values in the order of law_parameters(form).
double predicted_seconds(const Measurement& row, const std::vector<double>& values,
                         const std::vector<std::array<int, 2>>& tiles, const FitSetting& setting);

/// The fitted law with errors, outliers and cross-validation; nothing when the rows are too few to fit anything.
std::optional<FittedLaw> fitted_law(const LawRows& law, const FitSetting& setting, bool cross_validate);

/// How `law` predicts rows of another source that its fit has not seen.
CrossValidation tested_on(const LawRows& rows, const FittedLaw& law, const FitSetting& setting);

}  // namespace gpuhours
