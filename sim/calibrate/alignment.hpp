#pragma once
// The best order-keeping pairing of two sequences (Needleman and Wunsch, J. Mol. Biol. 48, 1970), where an item of the
// second may take several items of the first.
// Input: the score of every pair. Output: for each item of the first sequence its partner.

#include <functional>
#include <vector>

namespace gpuhours {

struct AlignmentCosts {
  double skipped_item = 1;     ///< an item of the first sequence without partner
  double skipped_partner = 1;  ///< an item of the second that takes none
  double repeat = 0.5;         ///< score of an item beyond the partner's capacity
};

/// `capacity[j]` items of the first sequence that partner j takes at full score; partners of capacity 1 take one item
/// only. `score(i, j)` below kNoPair forbids the pair. Returns the partner of each of `items` items, or -1.
std::vector<int> aligned_partners(int items, const std::vector<int>& capacity,
                                  const std::function<double(int, int)>& score, const AlignmentCosts& costs = {});

inline constexpr double kNoPair = -1e8;

}  // namespace gpuhours
