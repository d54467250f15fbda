#pragma once
// The double binary tree of all-reduce (Sanders, Speck, Traeff 2009): two trees over the same places, such that a place
// that passes data on in one is (nearly always) a leaf in the other; each carries half of the data up and down again.

#include <algorithm>
#include <vector>

namespace gpuhours {

/// Parent of each place in the in-order binary tree over `count` places, -1 for the root (place 0).
inline std::vector<int> tree_parents(int count) {
  std::vector<int> parents(static_cast<std::size_t>(count), -1);
  for (int place = 1; place < count; ++place) {
    const int bit = place & -place;
    int up = (place ^ bit) | (bit << 1);
    if (up >= count) up = place ^ bit;
    parents[static_cast<std::size_t>(place)] = up;
  }
  return parents;
}

/// Edges (child, parent) of both trees: the second is the first mirrored, or shifted by one where `count` is odd.
inline std::vector<std::pair<int, int>> double_tree_edges(int count) {
  std::vector<std::pair<int, int>> edges;
  const std::vector<int> parents = tree_parents(count);
  const auto other = [count](int place) { return count % 2 == 0 ? count - 1 - place : (place + 1) % count; };
  for (int place = 1; place < count; ++place) {
    const int parent = parents[static_cast<std::size_t>(place)];
    edges.emplace_back(place, parent);
    edges.emplace_back(other(place), other(parent));
  }
  return edges;
}

/// The most that one place sends, in multiples of the data: half of it over each edge end. 1 for two places, 2 for
/// many.
inline double double_tree_traffic(int count) {
  if (count < 2) return 0.0;
  if (count > 64) return 2.0;
  std::vector<int> ends(static_cast<std::size_t>(count), 0);
  for (const auto& [child, parent] : double_tree_edges(count)) {
    ++ends[static_cast<std::size_t>(child)];
    ++ends[static_cast<std::size_t>(parent)];
  }
  return 0.5 * *std::max_element(ends.begin(), ends.end());
}

}  // namespace gpuhours
