#include "plan/sweep_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "core/atomic_file.hpp"

namespace gpuhours {
namespace {

/// One line with its line feed; empty at a torn line or the end.
std::string whole_line(std::istream& stream) {
  std::string line;
  if (!std::getline(stream, line) || stream.eof()) return {};
  return line + "\n";
}

}  // namespace

std::unique_ptr<SweepFile> SweepFile::open(const std::string& path, const std::string& header, SweepFormat format,
                                           bool resume, Diagnostics& diagnostics) {
  std::unique_ptr<SweepFile> file(new SweepFile(path, format));
  file->header_ = header;
  if (path.empty()) {
    file->descriptor_ = STDOUT_FILENO;
    file->write_all(STDOUT_FILENO, header);
    return file;
  }
  if (!file->open_descriptor(resume, diagnostics) || !file->read_back(header, diagnostics)) return nullptr;
  return file;
}

SweepFile::~SweepFile() {
  if (pending_ >= 0) ::close(pending_);
  if (!path_.empty() && descriptor_ >= 0) ::close(descriptor_);
}

bool SweepFile::open_descriptor(bool resume, Diagnostics& diagnostics) {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | (resume ? 0 : O_EXCL) | O_CLOEXEC, 0666);
  if (descriptor_ < 0 && errno == EEXIST) {
    diagnostics.error({}, fmt::format("'{}' is there already", path_),
                      "--resume goes on with it; remove it to start anew");
    return false;
  }
  if (descriptor_ < 0) {
    diagnostics.error({}, fmt::format("cannot write '{}': {}", path_, std::strerror(errno)));
    return false;
  }
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    diagnostics.error({}, fmt::format("another sweep is writing '{}'", path_),
                      "several ranks work on one file with --mpi");
    return false;
  }
  if (!resume) std::remove(pending_path().c_str());
  return true;
}

bool SweepFile::read_back(const std::string& header, Diagnostics& diagnostics) {
  std::ifstream stream(path_, std::ios::binary);
  std::string line = whole_line(stream);
  std::size_t whole = line.size();
  if (!line.empty() && line != header) {
    diagnostics.error({}, fmt::format("'{}' holds another sweep", path_),
                      "the design, the scenario, the catalogue or the version has changed since; remove it to start "
                      "anew");
    return false;
  }
  const bool fresh = line.empty();
  while (!fresh && !(line = whole_line(stream)).empty()) {
    const SweepRow row = read_sweep_row(line, format_);
    if (row.point != rows_) {
      diagnostics.error({path_, rows_ + 2, 1, line.substr(0, line.size() - 1)},
                        fmt::format("this is not the row of point {}", rows_));
      return false;
    }
    ++counts_[static_cast<std::size_t>(row.status)];
    ++rows_;
    whole += line.size();
  }
  if (::ftruncate(descriptor_, static_cast<off_t>(whole)) != 0 || (fresh && !write_all(descriptor_, header))) {
    diagnostics.error({}, fmt::format("cannot write '{}': {}", path_, std::strerror(errno)));
    return false;
  }
  read_pending();
  return true;
}

void SweepFile::read_pending() {
  std::ifstream stream(pending_path(), std::ios::binary);
  if (whole_line(stream) != header_) return;
  for (std::string line; !(line = whole_line(stream)).empty();) {
    SweepRow row = read_sweep_row(line, format_);
    if (row.point >= rows_) waiting_.emplace(row.point, std::move(row));
  }
  pending_used_ = true;  // cut when no row waits any more
  if (waiting_.count(rows_) == 0) return;
  SweepRow first = waiting_.at(rows_);
  waiting_.erase(rows_);
  accept(std::move(first));
}

bool SweepFile::write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      reader_gone_ = true;
      return false;
    } else if (errno != EINTR) {
      failure_ = fmt::format("cannot write '{}': {}", path_.empty() ? "stdout" : path_, std::strerror(errno));
      return false;
    }
  }
  return true;
}

bool SweepFile::write_row(const SweepRow& row) {
  if (!write_all(descriptor_, row.line)) return false;
  ++counts_[static_cast<std::size_t>(row.status)];
  ++rows_;
  return true;
}

bool SweepFile::keep_pending(const SweepRow& row) {
  if (path_.empty()) return true;
  if (pending_ < 0) {
    // Rows that wait are written anew, whole: the file may end in a torn line.
    std::string text = header_;
    for (const auto& [point, waiting] : waiting_) text += waiting.line;
    failure_ = write_whole_file(pending_path(), text + row.line);
    if (!failure_.empty()) return false;
    pending_used_ = true;
    pending_ = ::open(pending_path().c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (pending_ < 0) failure_ = fmt::format("cannot write '{}': {}", pending_path(), std::strerror(errno));
    return pending_ >= 0;
  }
  const bool first = !pending_used_;
  pending_used_ = true;
  return write_all(pending_, first ? header_ + row.line : row.line);
}

bool SweepFile::accept(SweepRow row) {
  if (row.point != rows_) {
    if (!keep_pending(row)) return false;
    waiting_.emplace(row.point, std::move(row));
    return true;
  }
  if (!write_row(row)) return false;
  for (auto next = waiting_.find(rows_); next != waiting_.end(); next = waiting_.find(rows_)) {
    if (!write_row(next->second)) return false;
    waiting_.erase(next);
  }
  if (waiting_.empty() && pending_used_ && pending_ >= 0) {
    pending_used_ = false;
    return ::ftruncate(pending_, 0) == 0;
  }
  return true;
}

void SweepFile::finish() {
  if (path_.empty()) return;
  ::fsync(descriptor_);
  std::remove(pending_path().c_str());
}

}  // namespace gpuhours
