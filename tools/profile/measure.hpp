// One row of the plan, measured.
#pragma once

#include <string>

#include "bench.hpp"
#include "cupti_session.hpp"
#include "nvml.hpp"

namespace gpuhours::profile {

struct MeasureOptions {
  int repeats = 0;         ///< calls a row; 0: 8 to 40, as many as fit in about 80 ms
  double sustained_s = 0;  ///< length of the long run after the burst; 0: none
};

/// What one row's measurement gave. A row that could not be measured has `good` false and says why in `note`.
struct Measured {
  bool good = false;
  Summary summary;
  double flops = 0, bytes = 0;
  std::string kernel;  ///< the longest one's demangled name
  std::array<std::int32_t, 3> grid{}, block{};
  std::uint32_t registers = 0;
  std::uint64_t shared_memory = 0;
  double sm_clock_mhz = 0, power_w = 0;
  double sustained_time_us = 0, sustained_clock_mhz = 0, sustained_power_w = 0;
  std::uint64_t dropped = 0, untimed = 0;
  std::string note;
};

/// Measures a row; refusals and failed calls come back in the result, never as exceptions.
Measured measure(Bench& bench, CuptiSession& session, const Nvml& nvml, const PlanRow& row,
                 const MeasureOptions& options);

}  // namespace gpuhours::profile
