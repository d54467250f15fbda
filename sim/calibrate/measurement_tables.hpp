#pragma once
// Readers of measured tables. Each kind of table is known by its columns:
//   h100_cupti/gemm.csv, gemm_fp16.csv, attention.csv, memory_bound.csv, misc.csv   our own H100 tables
//   gemm.csv, attention.csv, memory_bound.csv                                        figures of public sources
//   full/aic__*_gemm_*.csv.gz                                                        whole public GEMM tables
//   deepseek_trace_ops.csv                                                           operators of the H800 trace
//   measurements of gpuhours-profile
// Rows of other GPUs are passed over. Zero or negative times, figures that no GPU can reach and unreadable fields are
// errors with their place.

#include <string>
#include <vector>

#include "calibrate/measurement.hpp"
#include "core/diagnostic.hpp"
#include "scenario/hardware.hpp"

namespace gpuhours {

/// The rows of `path` that `gpu` was measured with, added to `set`.
void read_measurements(const std::string& path, const Gpu& gpu, MeasurementSet& set, Diagnostics& diagnostics);

/// Catalogue id of a GPU as drivers and tables name it ("NVIDIA H100 80GB HBM3"), empty when unknown.
std::string gpu_id_of(std::string_view device);

}  // namespace gpuhours
