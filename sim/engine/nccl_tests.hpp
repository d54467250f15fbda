#pragma once
// The output of nccl-tests (all_reduce_perf and its like) as rows, for laying a prediction beside a measurement.
//   #  size  count  type  redop  root  time  algbw  busbw  #wrong  time  algbw  busbw  #wrong
// The out-of-place columns are read; times are microseconds, bandwidths GB/s.

#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "core/quantity.hpp"

namespace gpuhours {

struct NcclTestRow {
  Bytes bytes;
  Seconds time;
  BytesPerSecond algbw;
  BytesPerSecond busbw;
};

/// Rows of `text`. Comments and blank lines are skipped; a line that starts with a number but is no row is an error at
/// its place in `file`.
std::vector<NcclTestRow> nccl_test_rows(const std::string& text, const std::string& file, Diagnostics& diagnostics);

}  // namespace gpuhours
