#pragma once
// Fits of kernel laws to measurements: `gpuhours calibrate`.
// Input: measured kernels and the GPU's data sheet. Output: a CalibrationFile with standard errors, covariance,
// outliers and cross-validation by shape family and by source. Least squares of log(predicted / measured) with a
// soft-L1 loss (scale 5 %), Levenberg-Marquardt by Ceres; covariance by the sandwich formula with rows of one shape
// family as one cluster, since the rows of one bench are not independent (Cameron, Gelbach, Miller 2011).

#include <optional>
#include <string>
#include <vector>

#include "calibrate/measurement.hpp"
#include "core/diagnostic.hpp"
#include "kernels/calibration_file.hpp"
#include "scenario/hardware.hpp"

namespace gpuhours {

struct CalibrationOptions {
  std::string family = "cublas";  ///< kernel family that the file serves
  bool cross_validate = true;
};

/// The laws that `set` supports. Errors (nonsense, all rows of one shape) in `diagnostics`; then nothing.
std::optional<CalibrationFile> calibrate(const MeasurementSet& set, const Gpu& gpu, const CalibrationOptions& options,
                                         Diagnostics& diagnostics);

/// The file as stable YAML text: same measurements, same bytes.
std::string calibration_text(const CalibrationFile& file);

/// A table of how well every law predicts, for people.
std::string calibration_report(const CalibrationFile& file);

/// Reads `files`, fits, and writes `output` whole or not at all. Returns the report; nothing with errors in
/// `diagnostics`.
std::optional<std::string> calibrate_files(const std::vector<std::string>& files, const Gpu& gpu,
                                           const CalibrationOptions& options, const std::string& output,
                                           Diagnostics& diagnostics);

}  // namespace gpuhours
