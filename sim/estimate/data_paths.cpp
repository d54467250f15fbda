#include "estimate/data_paths.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

namespace gpuhours {
namespace {

bool holds_catalogue(const std::string& root) {
  std::error_code ignored;
  return std::filesystem::is_directory(root + "/models", ignored) &&
         std::filesystem::is_directory(root + "/hardware", ignored);
}

}  // namespace

DataPaths data_paths(const std::string& option, Diagnostics& diagnostics) {
  const auto demanded = [&](const std::string& root, std::string_view from) {
    if (!holds_catalogue(root)) {
      diagnostics.error({}, fmt::format("{} '{}' holds no catalogue", from, root),
                        "the folder holds models/, hardware/ and calibration/");
    }
    return DataPaths{root};
  };
  if (!option.empty()) return demanded(option, "--data");
  const char* variable = std::getenv("GPUHOURS_DATA");
  if (variable != nullptr && *variable != '\0') return demanded(variable, "GPUHOURS_DATA");
  for (const char* root : {GPUHOURS_INSTALLED_DATA, GPUHOURS_SOURCE_DATA}) {
    if (holds_catalogue(root)) return {root};
  }
  diagnostics.error({}, fmt::format("no catalogue in {} or {}", GPUHOURS_INSTALLED_DATA, GPUHOURS_SOURCE_DATA),
                    "name its folder with --data or GPUHOURS_DATA");
  return {};
}

}  // namespace gpuhours
