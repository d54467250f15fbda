#pragma once
// Fitted laws that are read once and shared by any number of estimates and threads. Input: the folder calibration/;
// output: kernel laws by GPU and kernel family, network laws. Whoever makes many estimates makes one of these and hands
// it on.

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/diagnostic.hpp"
#include "kernels/kernel_laws.hpp"
#include "schedule/network_laws.hpp"

namespace gpuhours {

/// Where to find the catalogue and the calibration.
struct DataPaths {
  std::string root;  ///< holds models/, hardware/, calibration/, scenarios/
};

class Calibration {
 public:
  /// Nothing is read until it is asked for.
  explicit Calibration(const DataPaths& paths) : directory_(paths.root + "/calibration") {}
  /// `directory` holds kernels/ and network.yaml.
  static Calibration of_directory(const std::string& directory) { return {Directory{}, directory}; }
  Calibration(const Calibration&) = delete;
  Calibration& operator=(const Calibration&) = delete;

  /// Null with errors in `diagnostics` when a file is missing or malformed; that is asked again every time.
  [[nodiscard]] std::shared_ptr<const KernelLaws> kernels(const Gpu& gpu, KernelFamily family,
                                                          Diagnostics& diagnostics) const;
  [[nodiscard]] std::shared_ptr<const NetworkLaws> network(Diagnostics& diagnostics) const;

 private:
  struct Directory {};
  /// All that kernel_laws() is given, as it is given: two GPUs share laws when they are equal in everything.
  struct KernelKey {
    Gpu gpu;
    KernelFamily family = KernelFamily::cublas;
    bool operator==(const KernelKey&) const = default;
  };
  struct KernelKeyHash {
    std::size_t operator()(const KernelKey& key) const;
  };
  Calibration(Directory, std::string directory) : directory_(std::move(directory)) {}

  std::string directory_;
  mutable std::mutex mutex_;
  mutable std::unordered_map<KernelKey, std::shared_ptr<const KernelLaws>, KernelKeyHash> kernels_;
  mutable std::shared_ptr<const NetworkLaws> network_;
};

}  // namespace gpuhours
