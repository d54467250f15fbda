#include "estimate/calibration.hpp"

#include <fmt/format.h>

namespace gpuhours {
namespace {

/// Everything of a GPU and a stack that kernel_laws() reads; a what-if changes the numbers and not the id.
std::string key_of(const Gpu& gpu, const Stack& stack) {
  std::string key = fmt::format("{}|{}|{}|{}|{}|{}", stack.kernels, gpu.id, gpu.generation, gpu.sms,
                                gpu.memory_bandwidth.value(), gpu.tensor_factor);
  for (const auto& [format, rate] : gpu.peak_dense)
    key += fmt::format("|{}:{}", static_cast<int>(format), rate.value());
  return key;
}

}  // namespace

std::shared_ptr<const KernelLaws> Calibration::kernels(const Gpu& gpu, const Stack& stack,
                                                       Diagnostics& diagnostics) const {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const KernelLaws>& laws = kernels_[key_of(gpu, stack)];
  if (!laws) laws = kernel_laws(gpu, stack, directory_ + "/kernels", diagnostics);
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
