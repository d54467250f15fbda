#pragma once
// A sweep's output that survives SIGKILL. Input: rows in any order; output: a file that holds the header and the rows
// 0, 1, 2, ... in order, each written by one call as soon as those before it are there. Rows that wait for an earlier
// one lie in FILE.pending until then, so that a kill loses none. Only whole lines count: a torn last line is cut when
// the sweep goes on.

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "plan/sweep_rows.hpp"

namespace gpuhours {

class SweepFile {
 public:
  /// `path` empty: rows go to stdout and nothing is kept. Without `resume` an existing file is refused; with it, one
  /// whose header is another. Null with an error in `diagnostics`.
  static std::unique_ptr<SweepFile> open(const std::string& path, const std::string& header, SweepFormat format,
                                         bool resume, Diagnostics& diagnostics);
  ~SweepFile();
  SweepFile(const SweepFile&) = delete;
  SweepFile& operator=(const SweepFile&) = delete;

  /// Rows 0 to rows() - 1 are written.
  [[nodiscard]] int rows() const { return rows_; }
  /// Row `point` is written or waits in the pending file.
  [[nodiscard]] bool has(int point) const { return point < rows_ || waiting_.count(point) > 0; }
  /// How many written rows have this status.
  [[nodiscard]] int count(PointStatus status) const { return counts_[static_cast<std::size_t>(status)]; }

  /// Takes a row that has() does not know. False when it cannot be written; failure() says why.
  bool accept(SweepRow row);
  [[nodiscard]] const std::string& failure() const { return failure_; }
  /// stdout's reader has gone away: nobody wants more rows.
  [[nodiscard]] bool reader_gone() const { return reader_gone_; }

  /// Removes the pending file; every row is written.
  void finish();

 private:
  SweepFile(std::string path, SweepFormat format) : path_(std::move(path)), format_(format) {}
  [[nodiscard]] std::string pending_path() const { return path_ + ".pending"; }
  bool open_descriptor(bool resume, Diagnostics& diagnostics);
  bool read_back(const std::string& header, Diagnostics& diagnostics);
  void read_pending();
  bool write_all(int descriptor, std::string_view text);
  bool write_row(const SweepRow& row);
  bool keep_pending(const SweepRow& row);

  std::string path_;
  SweepFormat format_;
  std::string header_;
  int descriptor_ = -1;
  int pending_ = -1;
  bool pending_used_ = false;
  int rows_ = 0;
  int counts_[3] = {0, 0, 0};
  std::map<int, SweepRow> waiting_;
  std::string failure_;
  bool reader_gone_ = false;
};

}  // namespace gpuhours
