#pragma once
// What a profiler recorded, as flat arrays: activities of the GPU, calls of the host, devices, collectives.
// All times are whole nanoseconds on the trace's own clock (`base_ns` is added to get the time of day).

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/diagnostic.hpp"

namespace gpuhours {

/// Strings by number, each kept once; 0 is the empty string. Numbers follow first appearance.
class NameTable {
 public:
  NameTable();
  std::int32_t id(std::string_view name);
  /// Id of a name that is there, or -1.
  [[nodiscard]] std::int32_t find(std::string_view name) const;
  [[nodiscard]] const std::string& operator[](std::int32_t id) const { return *names_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] std::size_t size() const { return names_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> ids_;
  std::vector<const std::string*> names_;  ///< keys of `ids_`, which stay where they are
};

enum class ActivityKind : std::uint8_t { kernel, memcpy, memset };

/// One thing that ran on a GPU.
struct GpuActivity {
  std::int64_t start_ns = 0;
  std::int64_t duration_ns = 0;
  std::int64_t correlation = -1;  ///< joins it to its launch; -1: none
  std::int64_t bytes = 0;         ///< memcpy, memset
  std::array<std::int32_t, 3> grid{};
  std::array<std::int32_t, 3> block{};
  std::int32_t registers = 0;
  std::int32_t shared_memory = 0;  ///< bytes a block
  std::int32_t name = 0;           ///< in Trace::names
  std::int32_t device = 0;
  std::int32_t stream = 0;
  std::int32_t launch = -1;      ///< in Trace::launches; -1: not recorded
  std::int32_t operation = -1;   ///< innermost in Trace::operations that holds the launch, same thread
  std::int32_t annotation = -1;  ///< innermost in Trace::annotations that holds the launch
  std::int32_t collective = -1;  ///< in Trace::collectives
  ActivityKind kind = ActivityKind::kernel;

  [[nodiscard]] std::int64_t end_ns() const { return start_ns + duration_ns; }
};

/// A runtime or driver call that started an activity.
struct Launch {
  std::int64_t start_ns = 0;
  std::int64_t correlation = -1;
  std::int32_t thread = 0;
};

/// A framework operation or a user's annotation on a host thread.
struct HostSpan {
  std::int64_t start_ns = 0;
  std::int64_t duration_ns = 0;
  std::int32_t name = 0;
  std::int32_t thread = 0;       ///< in Trace::threads
  std::int32_t input_dims = 0;   ///< in Trace::names: "[[4096,7168],[7168,1536]]"; 0: not recorded
  std::int32_t input_types = 0;  ///< in Trace::names
  std::int32_t collective = -1;  ///< in Trace::collectives
  std::int32_t parent = -1;      ///< the span of the same array and thread that holds this one

  [[nodiscard]] std::int64_t end_ns() const { return start_ns + duration_ns; }
};

/// What the framework noted about a collective call.
struct CollectiveNote {
  std::int32_t name = 0;  ///< in Trace::names: "allreduce"
  std::int32_t type = 0;  ///< "Float", "BFloat16"
  std::int32_t group = 0;
  std::int64_t in_elements = -1;  ///< -1: not recorded
  std::int64_t out_elements = -1;
  std::int64_t group_size = -1;

  friend auto operator<=>(const CollectiveNote&, const CollectiveNote&) = default;
};

struct TraceDevice {
  std::int32_t id = 0;
  std::string name;  ///< "NVIDIA H800"
  int compute_major = 0;
  int compute_minor = 0;
  int multiprocessors = 0;
  std::int64_t memory_bytes = 0;
};

struct DistributedInfo {
  std::string backend;  ///< empty: not recorded
  std::int64_t rank = -1;
  std::int64_t world_size = -1;
};

struct Trace {
  std::string file;
  std::string format;  ///< "kineto json", "nsight systems sqlite"
  std::string title;   ///< the trace's own name
  std::int64_t base_ns = 0;
  NameTable names;
  std::vector<std::string> threads;     ///< "1166/2571": process and thread
  std::vector<GpuActivity> activities;  ///< by start, then as read
  std::vector<Launch> launches;
  std::vector<HostSpan> operations;   ///< by thread, start, longest first
  std::vector<HostSpan> annotations;  ///< likewise
  std::vector<CollectiveNote> collectives;
  std::vector<TraceDevice> devices;
  DistributedInfo distributed;
  std::int64_t events = 0;  ///< read, of every sort
  /// Oddities that do not stop the reading, with how often each was seen.
  std::map<std::string, std::int64_t> problems;

  [[nodiscard]] std::string_view name(const GpuActivity& activity) const { return names[activity.name]; }
};

}  // namespace gpuhours
