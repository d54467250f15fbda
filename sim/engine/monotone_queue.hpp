#pragma once
// A priority queue for keys that never fall below the last one taken: a radix heap (Ahuja, Mehlhorn, Orlin, Tarjan
// 1990) over the bits of non-negative doubles, whose order as integers is their order as numbers. Entries may have
// risen since they were put in; `current` tells an entry's key of today when its bucket is opened.

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

namespace gpuhours {

class MonotoneQueue {
 public:
  struct Entry {
    double key;
    std::uint32_t id;
  };

  void clear() {
    for (std::vector<Entry>& bucket : buckets_) bucket.clear();
    occupied_ = 0;
    front_occupied_ = false;
    floor_ = 0;
  }

  /// `key` >= 0 and, after the first take(), not below the last key taken.
  void put(double key, std::uint32_t id) {
    const std::size_t bucket = bucket_of(key);
    buckets_[bucket].push_back({key, id});
    if (bucket == 0) {
      front_occupied_ = true;
    } else {
      occupied_ |= std::uint64_t{1} << (bucket - 1);
    }
  }

  /// Takes an entry with the least key as far as known: false when there is none. `current(id)` returns the key of
  /// today, not below the one put in, or a negative number for an entry that is to be dropped.
  template <class Current>
  bool take(Entry& least, const Current& current) {
    while (!front_occupied_) {
      if (occupied_ == 0) return false;
      open_bucket(static_cast<std::size_t>(std::countr_zero(occupied_)) + 1, current);
    }
    least = buckets_[0].back();
    buckets_[0].pop_back();
    front_occupied_ = !buckets_[0].empty();
    return true;
  }

 private:
  [[nodiscard]] std::size_t bucket_of(double key) const {
    const std::uint64_t differs = std::bit_cast<std::uint64_t>(key) ^ floor_;
    return differs == 0 ? 0 : static_cast<std::size_t>(std::bit_width(differs));
  }

  // The least key put into the first occupied bucket becomes the floor; its entries spread over lower buckets, or over
  // higher ones where they have risen.
  template <class Current>
  void open_bucket(std::size_t bucket, const Current& current) {
    opened_.swap(buckets_[bucket]);
    occupied_ &= ~(std::uint64_t{1} << (bucket - 1));
    double least = std::numeric_limits<double>::infinity();
    for (const Entry& entry : opened_) least = entry.key < least ? entry.key : least;
    floor_ = std::bit_cast<std::uint64_t>(least);
    for (const Entry& entry : opened_) {
      const double now = current(entry.id);
      if (now >= 0) put(now > least ? now : least, entry.id);
    }
    opened_.clear();
  }

  std::array<std::vector<Entry>, 65> buckets_;  // by the highest bit in which the key differs from the floor
  std::vector<Entry> opened_;
  std::uint64_t occupied_ = 0;  // bit i: bucket i + 1 has entries
  bool front_occupied_ = false;
  std::uint64_t floor_ = 0;  // bits of the last key taken
};

}  // namespace gpuhours
