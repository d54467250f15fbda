#include "nvml.hpp"

#include <dlfcn.h>

namespace gpuhours::profile {
namespace {

// From NVML's public interface; its header is not part of every toolkit.
constexpr int kSuccess = 0;
constexpr int kClockSm = 1;

template <typename Function>
Function function(void* library, const char* name) {
  return library != nullptr ? reinterpret_cast<Function>(dlsym(library, name)) : nullptr;
}

}  // namespace

Nvml::Nvml(const std::string& uuid) : library_(dlopen("libnvidia-ml.so.1", RTLD_NOW)) {
  const auto init = function<int (*)()>(library_, "nvmlInit_v2");
  const auto by_uuid = function<int (*)(const char*, void**)>(library_, "nvmlDeviceGetHandleByUUID");
  const auto version = function<int (*)(char*, unsigned)>(library_, "nvmlSystemGetDriverVersion");
  if (init == nullptr || by_uuid == nullptr || init() != kSuccess) return;
  if (by_uuid(uuid.c_str(), &device_) != kSuccess) device_ = nullptr;
  char text[96] = "";
  if (version != nullptr && version(text, sizeof(text)) == kSuccess) driver_ = text;
}

Nvml::~Nvml() {
  if (const auto shutdown = function<int (*)()>(library_, "nvmlShutdown")) shutdown();
  if (library_ != nullptr) dlclose(library_);
}

double Nvml::sm_clock_mhz() const {
  const auto read = function<int (*)(void*, int, unsigned*)>(library_, "nvmlDeviceGetClockInfo");
  unsigned value = 0;
  return available() && read != nullptr && read(device_, kClockSm, &value) == kSuccess ? value : 0;
}

double Nvml::power_w() const {
  const auto read = function<int (*)(void*, unsigned*)>(library_, "nvmlDeviceGetPowerUsage");
  unsigned milliwatts = 0;
  return available() && read != nullptr && read(device_, &milliwatts) == kSuccess ? milliwatts * 1e-3 : 0;
}

}  // namespace gpuhours::profile
