#include "calibrate/alignment.hpp"

#include <algorithm>

namespace gpuhours {

namespace {

enum class Step : char { none, skip_item, skip_slot, pair, repeat };

/// One place of a partner; a partner of capacity c has c of them in a row.
struct Slot {
  int partner = 0;
  bool first = true;
  bool repeats = false;  ///< the last place of a partner that takes several
};

std::vector<Slot> slots_of(const std::vector<int>& capacity) {
  std::vector<Slot> slots;
  for (std::size_t j = 0; j < capacity.size(); ++j) {
    const int places = std::max(1, capacity[j]);
    for (int place = 0; place < places; ++place)
      slots.push_back({static_cast<int>(j), place == 0, places > 1 && place + 1 == places});
  }
  return slots;
}

struct Table {
  std::size_t columns = 0;
  std::vector<double> best;
  std::vector<Step> step;

  Table(std::size_t rows, std::size_t columns_)
      : columns(columns_), best(rows * columns_, 0), step(rows * columns_, Step::none) {}
  [[nodiscard]] std::size_t at(std::size_t i, std::size_t s) const { return i * columns + s; }
  void offer(std::size_t cell, double value, Step how) {
    if (step[cell] != Step::none && value <= best[cell]) return;
    best[cell] = value;
    step[cell] = how;
  }
};

}  // namespace

std::vector<int> aligned_partners(int items, const std::vector<int>& capacity,
                                  const std::function<double(int, int)>& score, const AlignmentCosts& costs) {
  const std::vector<Slot> slots = slots_of(capacity);
  const auto n = static_cast<std::size_t>(items);
  Table table(n + 1, slots.size() + 1);
  constexpr double kEmptyPlace = 0.05;  // a further place of a partner may stay empty almost for free
  for (std::size_t i = 0; i <= n; ++i) {
    for (std::size_t s = 0; s <= slots.size(); ++s) {
      const std::size_t cell = table.at(i, s);
      if (s > 0)
        table.offer(cell, table.best[table.at(i, s - 1)] - (slots[s - 1].first ? costs.skipped_partner : kEmptyPlace),
                    Step::skip_slot);
      if (i > 0) table.offer(cell, table.best[table.at(i - 1, s)] - costs.skipped_item, Step::skip_item);
      if (i == 0 || s == 0) continue;
      const double pair = score(static_cast<int>(i) - 1, slots[s - 1].partner);
      if (pair <= kNoPair) continue;
      table.offer(cell, table.best[table.at(i - 1, s - 1)] + pair, Step::pair);
      if (slots[s - 1].repeats) table.offer(cell, table.best[table.at(i - 1, s)] + costs.repeat, Step::repeat);
    }
  }
  std::vector<int> partner(n, -1);
  std::size_t i = n;
  std::size_t s = slots.size();
  while (i > 0 || s > 0) {
    const Step step = table.step[table.at(i, s)];
    if (step == Step::pair || step == Step::repeat) partner[i - 1] = slots[s - 1].partner;
    if (step == Step::pair || step == Step::skip_slot) --s;
    if (step != Step::skip_slot) --i;
  }
  return partner;
}

}  // namespace gpuhours
