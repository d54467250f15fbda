#pragma once
// Tests that need the reference data beside the checkout (../shared) say that they are skipped where it is missing.

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

namespace gpuhours::test {

/// Full path of a file or folder below ../shared, or empty after printing that the test is skipped. GPUHOURS_SHARED is
/// set by CMake.
inline std::string shared_path(const std::string& relative) {
  const std::string path = std::string(GPUHOURS_SHARED) + "/" + relative;
  if (std::filesystem::exists(path)) return path;
  MESSAGE("skipped: ../shared/" << relative << " is not there");
  return {};
}

/// Full path of a file of the project.
inline std::string repository_path(const std::string& relative) {
  return std::string(GPUHOURS_REPOSITORY) + "/" + relative;
}

}  // namespace gpuhours::test
