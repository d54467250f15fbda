// The measurements file: one row a plan row, the plan's columns repeated. README.md describes the columns.
#pragma once

#include <string>

#include "measure.hpp"

namespace gpuhours::profile {

/// What every row says of where and when it was measured.
struct Origin {
  std::string gpu, uuid, driver, toolkit, date;
  int sms = 0;
};

Origin origin_of(const Bench& bench, const Nvml& nvml);
/// Device id as NVML and nvidia-smi write it, "GPU-...".
std::string uuid_text(const cudaUUID_t& uuid);

std::string measurements_header();
std::string measurements_row(const Origin& origin, const PlanRow& row, const Measured& measured);

/// Writes the whole file beside its place and renames it; the reason where it fails, else empty.
std::string write_whole(const std::string& path, const std::string& text);

}  // namespace gpuhours::profile
