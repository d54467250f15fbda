#pragma once
// Sets of moments as sorted, disjoint half-open intervals [begin, end) in nanoseconds.

#include <cstdint>
#include <vector>

namespace gpuhours {

struct Interval {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// The union of intervals in any order; empty ones vanish and touching ones join.
std::vector<Interval> interval_union(std::vector<Interval> intervals);
/// Moments that are in both unions.
std::vector<Interval> intersection(const std::vector<Interval>& a, const std::vector<Interval>& b);
/// Summed length of a union.
std::int64_t length(const std::vector<Interval>& intervals);

}  // namespace gpuhours
