#pragma once
// The earliest of many times that change often: a 64-ary tree of minima over slots, refreshed only where something
// changed. A change costs one store; the minimum costs the blocks touched since the last time it was asked for.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace gpuhours {

class FinishTimes {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  void set(std::uint32_t slot, std::int64_t time) {
    if (slot >= times_.size()) grow(slot);
    times_[slot] = time;
    mark(slot / kBlock);
  }

  [[nodiscard]] std::int64_t at(std::uint32_t slot) const { return slot < times_.size() ? times_[slot] : kNever; }

  /// The earliest time, kNever when there is none.
  [[nodiscard]] std::int64_t earliest() {
    for (const std::uint32_t block : dirty_) {
      block_least_[block] = least(times_, block);
      is_dirty_[block] = 0;
      top_stale_[block / kBlock] = 1;
    }
    dirty_.clear();
    std::int64_t first = kNever;
    for (std::uint32_t top = 0; top < top_least_.size(); ++top) {
      if (top_stale_[top] != 0) {
        top_least_[top] = least(block_least_, top);
        top_stale_[top] = 0;
      }
      first = std::min(first, top_least_[top]);
    }
    return first;
  }

  /// Appends the slots with a time up to `limit` to `slots`, ascending; earliest() has just been called.
  void up_to(std::int64_t limit, std::vector<std::uint32_t>& slots) const {
    for (std::uint32_t top = 0; top < top_least_.size(); ++top) {
      if (top_least_[top] > limit) continue;
      for (std::uint32_t block = top * kBlock; block < (top + 1) * kBlock; ++block) {
        if (block_least_[block] > limit) continue;
        for (std::uint32_t slot = block * kBlock; slot < (block + 1) * kBlock; ++slot) {
          if (times_[slot] <= limit) slots.push_back(slot);
        }
      }
    }
  }

 private:
  static constexpr std::uint32_t kBlock = 64;

  static std::int64_t least(const std::vector<std::int64_t>& from, std::uint32_t block) {
    return *std::min_element(from.begin() + block * kBlock, from.begin() + (block + 1) * kBlock);
  }

  void mark(std::uint32_t block) {
    if (is_dirty_[block] != 0) return;
    is_dirty_[block] = 1;
    dirty_.push_back(block);
  }

  void grow(std::uint32_t slot) {
    std::size_t tops = std::max<std::size_t>(1, top_least_.size());
    while (tops * kBlock * kBlock <= slot) tops *= 2;
    times_.resize(tops * kBlock * kBlock, kNever);
    block_least_.resize(tops * kBlock, kNever);
    is_dirty_.resize(tops * kBlock, 0);
    top_least_.resize(tops, kNever);
    top_stale_.resize(tops, 0);
  }

  std::vector<std::int64_t> times_;        // by slot
  std::vector<std::int64_t> block_least_;  // by 64 slots
  std::vector<std::int64_t> top_least_;    // by 64 blocks
  std::vector<char> is_dirty_;
  std::vector<char> top_stale_;
  std::vector<std::uint32_t> dirty_;
};

}  // namespace gpuhours
