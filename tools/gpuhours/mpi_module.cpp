#include "mpi_module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>

namespace gpuhours::cli {
namespace {

constexpr const char* kModule = "gpuhours_mpi.so";

/// Beside the program, as it is built; or in the library folder, as it is installed. Empty when in neither.
std::string module_file() {
  std::error_code failure;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe", failure).parent_path();
  for (const auto& place : {folder / kModule, folder / ".." / GPUHOURS_LIBDIR / "gpuhours" / kModule}) {
    if (std::filesystem::exists(place, failure)) return place.string();
  }
  return {};
}

SweepTransport* refused(const std::string& why, Diagnostics& diagnostics) {
  diagnostics.error({}, why, "without --mpi the sweep runs on this machine's threads");
  return nullptr;
}

}  // namespace

SweepTransport* mpi_transport(Diagnostics& diagnostics) {
  if (!GPUHOURS_WITH_MPI) return refused("--mpi: this gpuhours was built without MPI", diagnostics);
  const std::string file = module_file();
  if (file.empty()) return refused(fmt::format("--mpi: {} is missing", kModule), diagnostics);
  void* module = ::dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);  // MPI loads parts of its own that need its symbols
  if (module == nullptr) return refused(fmt::format("--mpi: {}", ::dlerror()), diagnostics);
  using Transport = SweepTransport* (*)();
  const auto transport = reinterpret_cast<Transport>(::dlsym(module, "gpuhours_mpi_transport"));
  if (transport == nullptr) return refused(fmt::format("--mpi: {}", ::dlerror()), diagnostics);
  return transport();
}

}  // namespace gpuhours::cli
