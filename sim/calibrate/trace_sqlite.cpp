#include "calibrate/trace_sqlite.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace gpuhours {

namespace {

/// Nanoseconds; keeps sums and differences within 64 bits.
constexpr std::int64_t kFarthest = 4'000'000'000'000'000'000;

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
struct EndStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, EndStatement>;

std::int32_t small(std::int64_t value) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, INT32_MIN, INT32_MAX));
}

std::string text_at(sqlite3_stmt* row, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
  return text == nullptr ? std::string()
                         : std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(row, column)));
}

class NsightReader {
 public:
  NsightReader(Database database, const std::string& file, Diagnostics& problems)
      : database_(std::move(database)), file_(file), problems_(problems) {
    trace_.file = file;
    trace_.format = "nsight systems sqlite";
  }

  std::optional<Trace> read() {
    read_strings();
    read_devices();
    read_kernels();
    read_copies("CUPTI_ACTIVITY_KIND_MEMCPY", ActivityKind::memcpy);
    read_copies("CUPTI_ACTIVITY_KIND_MEMSET", ActivityKind::memset);
    read_launches();
    read_annotations();
    if (!fault_.empty()) return refuse(fault_);
    if (trace_.activities.empty()) return refuse("no GPU activity in this database: nothing to calibrate from");
    return std::move(trace_);
  }

 private:
  std::optional<Trace> refuse(const std::string& reason) {
    problems_.error({file_, 0, 0, ""}, reason);
    return std::nullopt;
  }

  void note_fault() {
    if (fault_.empty()) fault_ = fmt::format("SQLite: {}", sqlite3_errmsg(database_.get()));
  }

  std::vector<std::string> columns_of(const char* table) {
    std::vector<std::string> columns;
    rows(fmt::format("PRAGMA table_info({})", table), [&](sqlite3_stmt* row) { columns.push_back(text_at(row, 1)); });
    return columns;
  }

  template <typename Visit>
  void rows(const std::string& query, Visit visit) {
    if (!fault_.empty()) return;
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(database_.get(), query.c_str(), -1, &raw, nullptr) != SQLITE_OK) return note_fault();
    const Statement statement(raw);
    int status = SQLITE_OK;
    while ((status = sqlite3_step(raw)) == SQLITE_ROW) visit(raw);
    if (status != SQLITE_DONE) note_fault();
  }

  /// Rows of `wanted` columns; one that the table has not reads as NULL. Without the table or a `needed` column there
  /// are no rows and a note says why.
  template <typename Visit>
  void table_rows(const char* table, int needed, const std::vector<std::string>& wanted, Visit visit) {
    const std::vector<std::string> there = columns_of(table);
    if (!fault_.empty()) return;
    if (there.empty()) {
      ++trace_.problems[fmt::format("no table {}", table)];
      return;
    }
    std::string list;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const bool found = std::find(there.begin(), there.end(), wanted[i]) != there.end();
      if (!found && static_cast<int>(i) < needed) {
        ++trace_.problems[fmt::format("table {} has no column '{}'", table, wanted[i])];
        return;
      }
      list += fmt::format("{}{}", i == 0 ? "" : ",", found ? fmt::format("\"{}\"", wanted[i]) : "NULL");
    }
    rows(fmt::format("SELECT {} FROM {}", list, table), visit);
  }

  void read_strings() {
    table_rows("StringIds", 2, {"id", "value"},
               [&](sqlite3_stmt* row) { strings_[sqlite3_column_int64(row, 0)] = trace_.names.id(text_at(row, 1)); });
  }

  std::int32_t string(sqlite3_stmt* row, int column) {
    const auto found = strings_.find(sqlite3_column_int64(row, column));
    return found == strings_.end() ? 0 : found->second;
  }

  void read_devices() {
    table_rows("TARGET_INFO_GPU", 1,
               {"name", "id", "cuDevice", "computeMajor", "computeMinor", "smCount", "totalMemory"},
               [&](sqlite3_stmt* row) {
                 TraceDevice device;
                 device.name = text_at(row, 0);
                 device.id = small(sqlite3_column_int64(row, sqlite3_column_type(row, 2) == SQLITE_NULL ? 1 : 2));
                 device.compute_major = small(sqlite3_column_int64(row, 3));
                 device.compute_minor = small(sqlite3_column_int64(row, 4));
                 device.multiprocessors = small(sqlite3_column_int64(row, 5));
                 device.memory_bytes = sqlite3_column_int64(row, 6);
                 trace_.devices.push_back(std::move(device));
               });
  }

  /// Start and end from columns 0 and 1; false (and noted) when they are no interval.
  bool interval(sqlite3_stmt* row, std::int64_t& start, std::int64_t& duration) {
    start = sqlite3_column_int64(row, 0);
    const std::int64_t end = sqlite3_column_int64(row, 1);
    duration = 0;
    if (end >= start && start >= -kFarthest && end <= kFarthest) {
      duration = end - start;
      return true;
    }
    ++trace_.problems["records that end before they start or lie outside 127 years"];
    return false;
  }

  static std::int64_t correlation(sqlite3_stmt* row, int column) {
    return sqlite3_column_type(row, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(row, column);
  }

  void read_kernels() {
    table_rows(
        "CUPTI_ACTIVITY_KIND_KERNEL", 2,
        {"start", "end", "demangledName", "shortName", "deviceId", "streamId", "correlationId", "gridX", "gridY",
         "gridZ", "blockX", "blockY", "blockZ", "registersPerThread", "staticSharedMemory", "dynamicSharedMemory"},
        [&](sqlite3_stmt* row) {
          GpuActivity kernel;
          ++trace_.events;
          if (!interval(row, kernel.start_ns, kernel.duration_ns)) return;
          kernel.name = string(row, 2);
          if (kernel.name == 0) kernel.name = string(row, 3);
          kernel.device = small(sqlite3_column_int64(row, 4));
          kernel.stream = small(sqlite3_column_int64(row, 5));
          kernel.correlation = correlation(row, 6);
          for (int i = 0; i < 3; ++i) {
            kernel.grid[static_cast<std::size_t>(i)] = small(sqlite3_column_int64(row, 7 + i));
            kernel.block[static_cast<std::size_t>(i)] = small(sqlite3_column_int64(row, 10 + i));
          }
          kernel.registers = small(sqlite3_column_int64(row, 13));
          kernel.shared_memory = small(std::clamp<std::int64_t>(sqlite3_column_int64(row, 14), 0, INT32_MAX) +
                                       std::clamp<std::int64_t>(sqlite3_column_int64(row, 15), 0, INT32_MAX));
          trace_.activities.push_back(kernel);
        });
  }

  void read_copies(const char* table, ActivityKind kind) {
    const std::int32_t name = trace_.names.id(kind == ActivityKind::memcpy ? "Memcpy" : "Memset");
    table_rows(table, 2, {"start", "end", "deviceId", "streamId", "correlationId", "bytes"}, [&](sqlite3_stmt* row) {
      GpuActivity copy;
      ++trace_.events;
      if (!interval(row, copy.start_ns, copy.duration_ns)) return;
      copy.kind = kind;
      copy.name = name;
      copy.device = small(sqlite3_column_int64(row, 2));
      copy.stream = small(sqlite3_column_int64(row, 3));
      copy.correlation = correlation(row, 4);
      copy.bytes = sqlite3_column_int64(row, 5);
      trace_.activities.push_back(copy);
    });
  }

  /// Nsight's global thread id holds the process in its bits 24 to 47 and the thread in the lowest 24.
  std::int32_t thread(std::int64_t global) {
    const auto bits = static_cast<std::uint64_t>(global);
    const std::string name = fmt::format("{}/{}", (bits >> 24) & 0xFFFFFF, bits & 0xFFFFFF);
    const auto [entry, fresh] = threads_.emplace(name, static_cast<std::int32_t>(trace_.threads.size()));
    if (fresh) trace_.threads.push_back(name);
    return entry->second;
  }

  void read_launches() {
    table_rows("CUPTI_ACTIVITY_KIND_RUNTIME", 3, {"start", "correlationId", "globalTid"}, [&](sqlite3_stmt* row) {
      ++trace_.events;
      if (sqlite3_column_type(row, 1) == SQLITE_NULL) return;
      trace_.launches.push_back(
          {sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1), thread(sqlite3_column_int64(row, 2))});
    });
  }

  void read_annotations() {
    table_rows("NVTX_EVENTS", 2, {"start", "end", "globalTid", "text", "textId"}, [&](sqlite3_stmt* row) {
      ++trace_.events;
      HostSpan span;
      if (sqlite3_column_type(row, 1) == SQLITE_NULL) return;  // a mark, not a range
      if (!interval(row, span.start_ns, span.duration_ns)) return;
      const std::string text = text_at(row, 3);
      span.name = text.empty() ? string(row, 4) : trace_.names.id(text);
      span.thread = thread(sqlite3_column_int64(row, 2));
      trace_.annotations.push_back(span);
    });
  }

  Database database_;
  const std::string& file_;
  Diagnostics& problems_;
  Trace trace_;
  std::map<std::int64_t, std::int32_t> strings_;
  std::map<std::string, std::int32_t> threads_;
  std::string fault_;
};

std::optional<Trace> refusal(sqlite3* database, const std::string& file, Diagnostics& problems) {
  problems.error({file, 0, 0, ""},
                 fmt::format("SQLite: {}", database != nullptr ? sqlite3_errmsg(database) : "out of memory"));
  return std::nullopt;
}

}  // namespace

std::optional<Trace> trace_from_sqlite(const std::string& path, Diagnostics& problems) {
  sqlite3* raw = nullptr;
  const int status = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
  Database database(raw);
  if (status != SQLITE_OK) return refusal(raw, path, problems);
  return NsightReader(std::move(database), path, problems).read();
}

std::optional<Trace> trace_from_sqlite_bytes(std::string_view bytes, const std::string& file, Diagnostics& problems) {
  sqlite3* raw = nullptr;
  const int status = sqlite3_open_v2(":memory:", &raw, SQLITE_OPEN_READWRITE, nullptr);
  Database database(raw);
  if (status != SQLITE_OK) return refusal(raw, file, problems);
  auto* copy = static_cast<unsigned char*>(sqlite3_malloc64(std::max<std::size_t>(bytes.size(), 1)));
  if (copy == nullptr) return refusal(nullptr, file, problems);
  std::memcpy(copy, bytes.data(), bytes.size());
  const auto size = static_cast<sqlite3_int64>(bytes.size());
  if (sqlite3_deserialize(raw, "main", copy, size, size,
                          SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
    return refusal(raw, file, problems);
  return NsightReader(std::move(database), file, problems).read();
}

}  // namespace gpuhours
