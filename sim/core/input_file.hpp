#pragma once
// Input files as a stream of bytes; a gzip file (told by its first two bytes, not by its name) is unpacked on the way.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/limits.hpp"

namespace gpuhours {

class InputFile {
 public:
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(InputFile&&) noexcept;
  InputFile& operator=(InputFile&&) noexcept;

  /// Fills `to` with up to `size` bytes of unpacked content and returns how many; 0 at the end and after a failure.
  std::size_t read(char* to, std::size_t size);

  /// Empty, or what failed ("cannot read: No such file or directory", "gzip data are cut short or damaged after 42
  /// bytes").
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  struct Unpacker;
  std::unique_ptr<Unpacker> source_;
  std::size_t delivered_ = 0;
  std::string failure_;
};

/// `path` opened for reading, or -1 with `failure` filled ("No such file or directory", "a device, not a file"). A
/// regular file; a pipe or a terminal only as what the program was given open: /dev/stdin and /dev/fd/N. Never waits
/// for a writer.
int opened_file(const std::string& path, std::string& failure);

/// The whole unpacked content; on failure `failure` is filled and the result is empty. Refuses content above `limit`
/// bytes.
std::string file_content(const std::string& path, std::string& failure, std::size_t limit = kMostFileBytes);

}  // namespace gpuhours
