#include "engine/steady_rounds.hpp"

#include <algorithm>

namespace gpuhours {
namespace {

/// Where a rank's order repeats: chunks [first, end) in rounds of `length`.
struct Window {
  std::size_t first = 0;
  std::size_t end = 0;
  std::size_t length = 0;
  [[nodiscard]] int rounds() const { return static_cast<int>((end - first) / length); }
  /// The round of chunk `i`, counted on before and behind the window.
  [[nodiscard]] int round(std::size_t i) const {
    const auto distance = static_cast<std::int64_t>(i) - static_cast<std::int64_t>(first);
    const auto size = static_cast<std::int64_t>(length);
    return static_cast<int>(distance >= 0 ? distance / size : -((-distance + size - 1) / size));
  }
};

bool later_by(const ChunkHalf& a, const ChunkHalf& b, int& shift) {
  if (a.stage != b.stage) return false;
  if (a.stage < 0) return true;
  if (shift == 0) shift = b.micro_batch - a.micro_batch;
  return shift > 0 && b.micro_batch - a.micro_batch == shift;
}

/// `b` is `a` with micro-batches that are later by `shift` (0: not known yet).
bool repeats(const Chunk& a, const Chunk& b, int& shift) {
  return a.kind == b.kind && later_by(a.forward, b.forward, shift) && later_by(a.backward, b.backward, shift);
}

int forwards(const RankOrder& order, std::size_t from, std::size_t to) {
  return static_cast<int>(std::count_if(order.begin() + from, order.begin() + to,
                                        [](const Chunk& chunk) { return chunk.forward.stage >= 0; }));
}

/// The window around the middle of an order; empty where there is none.
std::optional<Window> window_of(const RankOrder& order, const PipelinePlan& plan, int micro_batches) {
  const std::size_t middle = order.size() / 2;
  const int wanted = forwards(order, 0, order.size()) / plan.micro_batches * micro_batches;
  Window window;
  for (std::size_t length = 1; middle + 2 * length <= order.size(); ++length) {
    const int seen = forwards(order, middle, middle + length);
    if (seen > wanted) return std::nullopt;
    if (seen < wanted) continue;
    int shift = 0;
    bool all = true;
    for (std::size_t i = middle; i < middle + length && all; ++i) all = repeats(order[i], order[i + length], shift);
    if (!all) continue;
    window = {middle, middle + 2 * length, length};
    while (window.first > 0 && repeats(order[window.first - 1], order[window.first - 1 + length], shift))
      --window.first;
    while (window.end < order.size() && repeats(order[window.end - length], order[window.end], shift)) ++window.end;
    return window;
  }
  return std::nullopt;
}

class Settled {
 public:
  Settled(const PipelineTimes& times, const PipelinePlan& plan) : times_(times), plan_(plan) {}

  std::optional<SteadyRounds> find(int micro_batches) {
    for (const RankOrder& order : plan_.ranks) {
      const std::optional<Window> window = window_of(order, plan_, micro_batches);
      if (!window) return std::nullopt;
      windows_.push_back(*window);
    }
    if (!align()) return std::nullopt;
    last_ = windows_.front().rounds() - 1;
    for (const Window& window : windows_) last_ = std::min(last_, window.rounds() - 1);
    const int depth = reach();
    if (last_ - depth < 0) return std::nullopt;
    SteadyRounds out;
    out.length.ps = shift_of(0, chunk(0, last_));
    for (int r = 0; r < times_.ranks(); ++r) {
      for (std::size_t i = chunk(r, last_ - depth + 1); i < chunk(r, last_ + 1); ++i) {
        if (shift_of(r, i) != out.length.ps || send_shift_of(r, i) != out.length.ps) return std::nullopt;
      }
      out.first.push_back(chunk(r, last_));
      out.last.push_back(chunk(r, last_ + 1));
    }
    return out;
  }

 private:
  [[nodiscard]] const Window& window(int r) const { return windows_[static_cast<std::size_t>(r)]; }
  [[nodiscard]] std::size_t chunk(int r, int round) const {
    return window(r).first + static_cast<std::size_t>(round) * window(r).length;
  }
  [[nodiscard]] std::int64_t shift_of(int r, std::size_t i) const {
    const std::vector<std::int64_t>& start = times_.rank(r).start;
    return start[i] - start[i - window(r).length];
  }
  [[nodiscard]] std::int64_t send_shift_of(int r, std::size_t i) const {
    const std::vector<std::int64_t>& end = times_.rank(r).sends_end;
    const std::int64_t before = end[i - window(r).length];
    return before == 0 ? shift_of(r, i) : end[i] - before;  // 0: a rank that never sends
  }

  /// Calls `see(rank, chunk, predecessor's rank, predecessor's round)` for what every chunk waits for.
  template <class See>
  void each_edge(See see) const {
    for (int r = 0; r < times_.ranks(); ++r) {
      const RankOrder& order = plan_.ranks[static_cast<std::size_t>(r)];
      for (std::size_t i = 0; i < order.size(); ++i) {
        if (i > 0) see(r, i, r, window(r).round(i - 1));
        for (const Arrival* arrival : {times_.forward_arrival(order[i]), times_.backward_arrival(order[i])}) {
          if (arrival != nullptr) {
            see(r, i, arrival->rank, window(arrival->rank).round(static_cast<std::size_t>(arrival->chunk)));
          }
        }
      }
    }
  }

  /// Starts the rounds of a rank that others of the same round wait for late enough: d >= 0 everywhere.
  bool align() {
    for (int tries = 0; tries <= 2 * times_.ranks(); ++tries) {
      std::vector<int> ahead(windows_.size(), 0);
      each_edge([&](int r, std::size_t i, int from, int round) {
        if (i >= window(r).first && i < window(r).end) {
          int& most = ahead[static_cast<std::size_t>(from)];
          most = std::max(most, round - window(r).round(i));
        }
      });
      bool good = true;
      for (std::size_t r = 0; r < windows_.size(); ++r) {
        windows_[r].first += static_cast<std::size_t>(ahead[r]) * windows_[r].length;
        good = good && ahead[r] == 0;
        if (windows_[r].first + windows_[r].length > windows_[r].end) return false;
      }
      if (good) return true;
    }
    return false;
  }

  /// D: rounds that a chunk of the window, or one behind the last round, reaches back.
  [[nodiscard]] int reach() const {
    int depth = 1;
    each_edge([&](int r, std::size_t i, int, int round) {
      const int own = window(r).round(i);
      if (own < 0 && round > last_) depth = last_ + 1;  // warm-up waits for the end of the steady state: no proof
      if (own >= 0 && own <= last_) depth = std::max(depth, own - round);
      if (own > last_ && round <= last_) depth = std::max(depth, last_ + 1 - round);
    });
    return depth;
  }

  const PipelineTimes& times_;
  const PipelinePlan& plan_;
  std::vector<Window> windows_;
  int last_ = 0;  ///< the last round that every rank has
};

}  // namespace

std::optional<SteadyRounds> steady_rounds(const PipelineTimes& times, const PipelinePlan& plan, int micro_batches) {
  return Settled(times, plan).find(micro_batches);
}

}  // namespace gpuhours
