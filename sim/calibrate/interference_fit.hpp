#pragma once
// Fits of what does not belong to one law: the power budget of long phases and what a resident copier costs.

#include <vector>

#include "calibrate/law_fits.hpp"

namespace gpuhours {

/// The sustained budget over the burst's: geometric mean of the measured rate ratios, error from their spread. At the
/// power limit energy sets the time, so the ratio of rates is the ratio of budgets.
LawParameter sustained_budget(const std::vector<SustainedMeasurement>& rows);

/// `power` of products with `operand_bytes`: at the limit a FLOP costs a fixed energy, so the need at peak rate is the
/// sustained budget over the sustained share of `peak`. 0 without rows.
double power_at_peak(const std::vector<SustainedMeasurement>& rows, double budget, double operand_bytes, double peak);

/// `interference` of a calibration from copier rows, with jackknife errors over kernels; empty without rows. GEMM rows
/// need their law among `laws`.
std::vector<LawParameter> interference_parameters(const std::vector<InterferenceMeasurement>& rows,
                                                  const std::vector<FittedLaw>& laws, const FitSetting& setting);

/// Predicted ratio of one copier row.
double predicted_ratio(const InterferenceMeasurement& row, const InterferenceLaw& interference, const GemmLaw* law,
                       const Gpu& gpu);

/// The GEMM law among `laws` that a row's kernel has, by recipe and pass.
std::vector<GemmLaw> gemm_law_of(const Measurement& row, const std::vector<FittedLaw>& laws);

/// Loss beside a 20 SM copier of the memory-bound kernel `law` (rows of it), or -1.
double memory_loss(const std::vector<InterferenceMeasurement>& rows, const std::string& law);

}  // namespace gpuhours
