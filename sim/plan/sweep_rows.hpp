#pragma once
// A sweep's table as text: a header and one line a point, CSV or JSON lines, every line complete in itself. Columns:
// point, status (ok, infeasible: does not fit in memory, error), error (why there is no estimate), the varied paths,
// every metric of report/metrics.hpp. The header also holds the version and the hash of the design: in CSV as the name
// of a last, empty column.

#include <string>
#include <string_view>

#include "plan/sweep_design.hpp"

namespace gpuhours {

enum class SweepFormat { csv, json_lines };
enum class PointStatus { ok, infeasible, error };

/// One line, its line feed included.
struct SweepRow {
  int point = 0;
  PointStatus status = PointStatus::ok;
  std::string line;
};

/// The first line of a sweep's output.
std::string sweep_header(const SweepDesign& design, const std::string& hash, SweepFormat format);

/// Estimates one point. A pure function of its arguments; a fault inside the estimate becomes an error row.
SweepRow sweep_row(const SweepDesign& design, const SweepPoints& points, int point, const DataPaths& paths,
                   SweepFormat format);

/// The point number and status of a line that sweep_row wrote; point -1 when it is not such a line.
SweepRow read_sweep_row(std::string_view line, SweepFormat format);

}  // namespace gpuhours
