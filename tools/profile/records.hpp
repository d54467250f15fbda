// From CUPTI activity records to the time of a call.
//
// Input: CUpti_Activity records of kernels, copies, memsets and external correlations, in any order.
// Output: one Call per external id (the profiler pushes one id around each call it times), then a Summary.
//   time of a call = sum of (end - start) of its GPU work;  span = last end - first start
//   busy = length of the union of its intervals, so time - busy > 0 says that kernels ran side by side
#pragma once

#include <cupti.h>

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace gpuhours::profile {

enum class WorkKind : std::uint8_t { kKernel, kMemcpy, kMemset };

/// One piece of GPU work, copied out of its CUPTI record. Times in nanoseconds.
struct Work {
  WorkKind kind = WorkKind::kKernel;
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  std::uint32_t correlation = 0;
  std::uint32_t stream = 0;
  std::string name;                     ///< kernel's name as CUPTI gives it (mangled), or "Memcpy DtoD", "Memset"
  std::array<std::int32_t, 3> grid{};   ///< zeros for copies and memsets
  std::array<std::int32_t, 3> block{};  ///< zeros for copies and memsets
  std::uint32_t registers_per_thread = 0;
  std::uint64_t shared_memory_bytes = 0;  ///< static and dynamic, a block
  std::uint64_t bytes = 0;                ///< of a copy or memset

  std::uint64_t duration_ns() const { return end_ns > start_ns ? end_ns - start_ns : 0; }
};

/// All that was recorded between two flushes.
struct Records {
  std::vector<Work> work;
  std::unordered_map<std::uint32_t, std::uint64_t> external_id;  ///< by CUPTI correlation id
  std::uint64_t dropped = 0;                                     ///< records that CUPTI says it lost
  std::uint64_t untimed = 0;                                     ///< records with no time stamps (start and end 0)

  /// Takes over one record; kinds other than kernel, memcpy, memset and external correlation are passed over.
  void add(const CUpti_Activity& record);
};

/// The GPU work that one external id stands for.
struct Call {
  std::uint64_t id = 0;
  std::uint64_t time_ns = 0;
  std::uint64_t busy_ns = 0;
  std::uint64_t first_start_ns = 0;
  std::uint64_t last_end_ns = 0;
  int kernels = 0;          ///< kernels, copies and memsets
  std::size_t longest = 0;  ///< index into Records::work of the longest piece
  bool side_by_side = false;

  std::uint64_t span_ns() const { return last_end_ns - first_start_ns; }
};

/// Calls of the records, by rising id. Work without an external id belongs to none.
std::vector<Call> calls(const Records& records);

/// How many pieces of work have no external id.
std::uint64_t uncorrelated(const Records& records);

/// Idle time between one piece of work and the next on its stream, in order of start; overlap counts negative.
std::vector<double> gaps_us(const Records& records);

/// What the measurements file says of a set of calls. Times in microseconds.
struct Summary {
  std::size_t n = 0;
  double time_us = 0;  ///< median
  double min_us = 0;
  double max_us = 0;
  double p10_us = 0;
  double p90_us = 0;
  double span_us = 0;  ///< median of the spans
  double kernels = 0;  ///< median number of pieces of work a call
  bool side_by_side = false;
};

Summary summary(const std::vector<Call>& calls);

/// Value at `share` (0 to 1) of the sorted values, linear between neighbours; 0 of none.
double quantile(std::vector<double> values, double share);

}  // namespace gpuhours::profile
