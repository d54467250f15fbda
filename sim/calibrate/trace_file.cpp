#include "calibrate/trace_file.hpp"

#include <algorithm>
#include <cstring>

#include "calibrate/trace_json.hpp"
#include "calibrate/trace_owners.hpp"
#include "calibrate/trace_sqlite.hpp"
#include "core/input_file.hpp"

namespace gpuhours {

namespace {

std::optional<Trace> json_trace(const std::string& path, Diagnostics& problems) {
  InputFile file(path);
  if (!file.failure().empty()) {
    problems.error({path, 0, 0, ""}, file.failure());
    return std::nullopt;
  }
  Diagnostics found;
  std::optional<Trace> trace =
      trace_from_json([&](char* to, std::size_t size) { return file.read(to, size); }, path, found);
  if (file.failure().empty()) {
    problems.append(found);
    return trace;
  }
  problems.error({path, 0, 0, ""}, file.failure());  // the cause of whatever the text's end looks like
  return std::nullopt;
}

bool is_sqlite(const std::string& path) {
  InputFile file(path);
  char magic[16] = {};
  return file.read(magic, sizeof magic) == sizeof magic && std::memcmp(magic, "SQLite format 3", sizeof magic) == 0;
}

}  // namespace

std::optional<Trace> read_trace(const std::string& path, Diagnostics& problems) {
  std::optional<Trace> trace = is_sqlite(path) ? trace_from_sqlite(path, problems) : json_trace(path, problems);
  if (trace) assign_owners(*trace);
  return trace;
}

}  // namespace gpuhours
