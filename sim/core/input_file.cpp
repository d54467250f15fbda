#include "core/input_file.hpp"

#include <fmt/format.h>

#include <boost/iostreams/device/file.hpp>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filtering_streambuf.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace gpuhours {

namespace io = boost::iostreams;

namespace {
constexpr std::streamsize kBuffer = 1 << 16;
}

struct InputFile::Unpacker {
  io::filtering_streambuf<io::input> stream;
  bool gzip = false;
};

InputFile::InputFile(const std::string& path) {
  std::error_code status;
  if (std::filesystem::is_directory(path, status)) {
    failure_ = "cannot read: Is a directory";
    return;
  }
  errno = 0;
  std::ifstream probe(path, std::ios::binary);
  if (!probe) {
    failure_ = std::string("cannot read: ") + std::strerror(errno == 0 ? EIO : errno);
    return;
  }
  char magic[2] = {};
  probe.read(magic, 2);
  source_ = std::make_unique<Unpacker>();
  source_->gzip = probe.gcount() == 2 && magic[0] == '\x1f' && magic[1] == '\x8b';
  try {
    if (source_->gzip) source_->stream.push(io::gzip_decompressor(io::zlib::default_window_bits, kBuffer), kBuffer);
    source_->stream.push(io::file_source(path, std::ios::binary), kBuffer);
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
