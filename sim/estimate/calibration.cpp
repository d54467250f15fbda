#include "estimate/calibration.hpp"

#include <functional>

namespace gpuhours {

/// Of what a sweep is likely to vary; equality decides.
std::size_t Calibration::KernelKeyHash::operator()(const KernelKey& key) const {
  std::size_t hash = std::hash<std::string>{}(key.gpu.id);
  const auto add = [&](double value) { hash = hash * 31 + std::hash<double>{}(value); };
  add(key.gpu.sms);
  add(key.gpu.tdp.value());
  add(key.gpu.memory_bandwidth.value());
  add(key.gpu.tensor_factor);
  for (const auto& [format, peak] : key.gpu.peak_dense) add(peak.value());
  return hash;
}

std::shared_ptr<const KernelLaws> Calibration::kernels(const Gpu& gpu, KernelFamily family,
                                                       Diagnostics& diagnostics) const {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const KernelLaws>& laws = kernels_[{gpu, family}];
  if (!laws) laws = kernel_laws(gpu, family, directory_ + "/kernels", diagnostics);
  return laws;
}

std::shared_ptr<const NetworkLaws> Calibration::network(Diagnostics& diagnostics) const {
  const std::lock_guard lock(mutex_);
  if (network_) return network_;
  const int before = diagnostics.errors();
  auto laws = std::make_shared<const NetworkLaws>(read_network_laws(directory_, diagnostics));
  if (diagnostics.errors() == before) network_ = std::move(laws);
  return network_;
}

}  // namespace gpuhours
