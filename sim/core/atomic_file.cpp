#include "core/atomic_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace gpuhours {

std::string write_whole_file(const std::string& path, std::string_view content) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  const auto failure = [&] {
    std::string message = fmt::format("cannot write '{}': {}", path, std::strerror(errno));
    std::remove(temporary.c_str());
    return message;
  };
  std::FILE* file = std::fopen(temporary.c_str(), "wb");
  if (file == nullptr) return failure();
  const bool written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
  const bool flushed = std::fflush(file) == 0 && ::fsync(::fileno(file)) == 0;
  const bool closed = std::fclose(file) == 0;
  if (!written || !flushed || !closed) return failure();
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return failure();
  return {};
}

}  // namespace gpuhours
