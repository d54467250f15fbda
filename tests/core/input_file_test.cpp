#include "core/input_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

using namespace gpuhours;

namespace {

std::string failure_of(const std::string& path) {
  std::string failure;
  const int file = opened_file(path, failure);
  if (file >= 0) ::close(file);
  return failure;
}

}  // namespace

TEST_CASE("endless input: devices, FIFOs and folders are refused by name, without waiting") {
  std::string folder = (std::filesystem::temp_directory_path() / "gpuhours_input_XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string fifo = folder + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(failure_of(fifo) == "a FIFO, not a file");
  CHECK(failure_of("/dev/zero") == "a device, not a file");
  CHECK(failure_of(folder) == "Is a directory");
  CHECK(failure_of(folder + "/none") == "No such file or directory");
  CHECK(failure_of(std::string("a\0b", 3)) == "the name holds a NUL");
  std::filesystem::create_symlink("/dev/zero", folder + "/link");
  CHECK(failure_of(folder + "/link") == "a device, not a file");
  std::string failure;
  CHECK(file_content(fifo, failure).empty());
  CHECK(failure == "cannot read: a FIFO, not a file");
  std::filesystem::remove_all(folder);
}

TEST_CASE("endless input: a pipe that the program was given is read up to the limit") {
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(::write(ends[1], "0123456789", 10) == 10);
  ::close(ends[1]);
  std::string failure;
  const std::string path = "/dev/fd/" + std::to_string(ends[0]);
  CHECK(file_content(path, failure, 4).empty());
  CHECK(failure == "larger than 4 bytes");
  ::close(ends[0]);
}
