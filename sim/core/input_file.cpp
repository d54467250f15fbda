#include "core/input_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/iostreams/device/file_descriptor.hpp>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filtering_streambuf.hpp>
#include <cerrno>
#include <cstring>

namespace gpuhours {

namespace io = boost::iostreams;

namespace {
constexpr std::streamsize kBuffer = 1 << 16;

/// What the program was started with: a pipe there has a writer, and a terminal a person.
bool is_inherited(const std::string& path) {
  return path == "/dev/stdin" || path.starts_with("/dev/fd/") || path.starts_with("/proc/self/fd/");
}

/// Why a thing of this kind is not read; empty for a regular file.
std::string_view other_kind(const struct ::stat& status, bool inherited) {
  if (S_ISREG(status.st_mode)) return "";
  if (S_ISDIR(status.st_mode)) return "Is a directory";
  const bool stream = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
  if (stream) return inherited ? "" : "a FIFO, not a file";
  return "a device, not a file";
}

}  // namespace

int opened_file(const std::string& path, std::string& failure) {
  if (path.find('\0') != std::string::npos) {
    failure = "the name holds a NUL";
    return -1;
  }
  const bool inherited = is_inherited(path);
  // Without waiting: a FIFO that nobody writes to would never open.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | (inherited ? 0 : O_NONBLOCK));
  struct ::stat status {};
  if (file < 0 || ::fstat(file, &status) != 0) {
    failure = std::strerror(errno);
    if (file >= 0) ::close(file);
    return -1;
  }
  const bool terminal = inherited && S_ISCHR(status.st_mode) && ::isatty(file) == 1;
  failure = terminal ? "" : other_kind(status, inherited);
  if (failure.empty()) return file;
  ::close(file);
  return -1;
}

struct InputFile::Unpacker {
  io::filtering_streambuf<io::input> stream;
  bool gzip = false;
};

InputFile::InputFile(const std::string& path) {
  std::string failure;
  const int file = opened_file(path, failure);
  if (file < 0) {
    failure_ = "cannot read: " + failure;
    return;
  }
  char magic[2] = {};
  const bool seen = ::pread(file, magic, 2, 0) == 2;  // a pipe cannot be looked into: what it brings is taken as it is
  source_ = std::make_unique<Unpacker>();
  source_->gzip = seen && magic[0] == '\x1f' && magic[1] == '\x8b';
  try {
    if (source_->gzip) source_->stream.push(io::gzip_decompressor(io::zlib::default_window_bits, kBuffer), kBuffer);
    source_->stream.push(io::file_descriptor_source(file, io::close_handle), kBuffer);
  } catch (const std::exception& problem) {
    failure_ = std::string("cannot read: ") + problem.what();
    source_.reset();
  }
}

InputFile::~InputFile() = default;
InputFile::InputFile(InputFile&&) noexcept = default;
InputFile& InputFile::operator=(InputFile&&) noexcept = default;

std::size_t InputFile::read(char* to, std::size_t size) {
  if (!source_ || !failure_.empty()) return 0;
  std::size_t filled = 0;
  try {
    while (filled < size) {
      const std::size_t wanted = std::min<std::size_t>(size - filled, kBuffer);
      const std::streamsize got = source_->stream.sgetn(to + filled, static_cast<std::streamsize>(wanted));
      if (got <= 0) break;
      filled += static_cast<std::size_t>(got);
    }
  } catch (const std::exception& problem) {
    failure_ = source_->gzip
                   ? fmt::format("gzip data are cut short or damaged after {} unpacked bytes", delivered_ + filled)
                   : std::string("cannot read: ") + problem.what();
  }
  delivered_ += filled;
  return filled;
}

std::string file_content(const std::string& path, std::string& failure, std::size_t limit) {
  InputFile file(path);
  std::string content;
  std::string piece(std::size_t{1} << 20, '\0');
  while (const std::size_t got = file.read(piece.data(), piece.size())) {
    if (content.size() + got > limit) {
      failure = fmt::format("larger than {} bytes", limit);
      return {};
    }
    content.append(piece, 0, got);
  }
  failure = file.failure();
  return failure.empty() ? content : std::string{};
}

}  // namespace gpuhours
