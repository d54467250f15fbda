#pragma once
// Runs the program as a user does: through the shell, exit code and both outputs kept.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "shared.hpp"

namespace gpuhours::test {

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

inline std::string file_content(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A folder of this process, removed at the end of the scope.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "gpuhours_cli_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// `arguments` stand behind the program's name and are read by the shell; the catalogue is the repository's.
inline Outcome program(const std::string& arguments) {
  const ScratchFolder scratch;
  const std::string command = "GPUHOURS_DATA='" + std::string(GPUHOURS_REPOSITORY) + "' '" GPUHOURS_PROGRAM "' " +
                              arguments + " 2>'" + scratch.file("err") + "'";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  Outcome outcome;
  char buffer[4096];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) outcome.out.append(buffer, n);
  const int status = ::pclose(pipe);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  outcome.err = file_content(scratch.file("err"));
  return outcome;
}

inline std::string deepseek() { return "'" + repository_path("scenarios/deepseek_v3_h800.yaml") + "'"; }

}  // namespace gpuhours::test
