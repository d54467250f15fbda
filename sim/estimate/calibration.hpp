#pragma once
// Fitted laws that are read once and shared by any number of estimates and threads. Input: the folder calibration/;
// output: kernel laws by GPU and kernel family, network laws. Whoever makes many estimates makes one of these and hands
// it on.

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/diagnostic.hpp"
#include "kernels/kernel_laws.hpp"
#include "schedule/network_laws.hpp"

namespace gpuhours {

class Calibration {
 public:
  /// `directory` holds kernels/ and network.yaml; nothing is read until it is asked for.
  explicit Calibration(std::string directory) : directory_(std::move(directory)) {}
  Calibration(const Calibration&) = delete;
  Calibration& operator=(const Calibration&) = delete;

  /// Null with errors in `diagnostics` when a file is missing or malformed; that is asked again every time.
  [[nodiscard]] std::shared_ptr<const KernelLaws> kernels(const Gpu& gpu, const Stack& stack,
                                                          Diagnostics& diagnostics) const;
  [[nodiscard]] std::shared_ptr<const NetworkLaws> network(Diagnostics& diagnostics) const;

 private:
  std::string directory_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const KernelLaws>> kernels_;
  mutable std::shared_ptr<const NetworkLaws> network_;
};

}  // namespace gpuhours
