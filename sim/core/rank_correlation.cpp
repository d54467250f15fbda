#include "core/rank_correlation.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

namespace gpuhours {

std::vector<double> midranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t from = 0; from < order.size();) {
    std::size_t to = from;
    while (to < order.size() && values[order[to]] == values[order[from]]) ++to;
    const double rank = static_cast<double>(from + 1 + to) / 2;  // mean of from + 1 .. to
    for (std::size_t i = from; i < to; ++i) ranks[order[i]] = rank;
    from = to;
  }
  return ranks;
}

std::optional<double> rank_correlation(const std::vector<double>& first, const std::vector<double>& second) {
  assert(first.size() == second.size());
  const std::vector<double> a = midranks(first);
  const std::vector<double> b = midranks(second);
  const double mean = static_cast<double>(a.size() + 1) / 2;
  double both = 0;
  double own_a = 0;
  double own_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    both += (a[i] - mean) * (b[i] - mean);
    own_a += (a[i] - mean) * (a[i] - mean);
    own_b += (b[i] - mean) * (b[i] - mean);
  }
  if (own_a == 0 || own_b == 0) return std::nullopt;
  return both / std::sqrt(own_a * own_b);
}

}  // namespace gpuhours
