// Clock and power through NVML, loaded at run time: the library comes with the driver, not with the toolkit.
#pragma once

#include <string>

namespace gpuhours::profile {

/// Reads one GPU's SM clock and board power; reads nothing where the library is missing.
class Nvml {
 public:
  /// `uuid` as CUDA gives it, "GPU-...".
  explicit Nvml(const std::string& uuid);
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  bool available() const { return device_ != nullptr; }
  double sm_clock_mhz() const;                           ///< 0 where it cannot be read
  double power_w() const;                                ///< 0 where it cannot be read
  const std::string& driver() const { return driver_; }  ///< version, such as 580.159.04; empty where unknown

 private:
  void* library_ = nullptr;
  void* device_ = nullptr;
  std::string driver_;
};

}  // namespace gpuhours::profile
