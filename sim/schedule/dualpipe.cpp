#include <algorithm>
#include <array>
#include <cassert>
#include <deque>

#include "schedule/rank_orders.hpp"

namespace gpuhours {
namespace {

/// Where phases 0 and 1 of a rank's program run: the virtual stage and the first micro-batch of each.
struct Phases {
  std::array<int, 2> stage{};
  std::array<int, 2> first_micro_batch{};
};

/// The eight steps of DeepSeek's dualpipe.py and dualpipev.py, which are the same program: `position` of `length` ranks
/// counts from the end where phase 0 enters to where phase 0 turns into phase 1 (DualPipeV), or meets the other
/// direction (DualPipe, on each half of the pipeline).
class DualPipeProgram {
 public:
  DualPipeProgram(int position, int length, int micro_batches_a_phase, const Phases& phases)
      : position_(position), length_(length), micro_batches_(micro_batches_a_phase), phases_(phases) {}

  RankOrder order() {
    warm_up();
    steady();
    cool_down();
    assert(split_.empty());
    return std::move(order_);
  }

 private:
  [[nodiscard]] bool last() const { return position_ == length_ - 1; }

  [[nodiscard]] ChunkHalf half(int phase, int count) const {
    const auto p = static_cast<std::size_t>(phase);
    return {phases_.stage[p], phases_.first_micro_batch[p] + count};
  }

  void forward(int phase) { order_.push_back({ChunkKind::forward, half(phase, forwards_[phase]++), {}}); }

  void backward(int phase, bool split_weight) {
    const ChunkHalf which = half(phase, backwards_[phase]++);
    order_.push_back({split_weight ? ChunkKind::backward_input : ChunkKind::backward, {}, which});
    if (split_weight) split_.push_back(which);
  }

  void weight() {
    order_.push_back({ChunkKind::backward_weight, {}, split_.front()});
    split_.pop_front();
  }

  void forward_backward(int forward_phase) {
    const ChunkHalf f = half(forward_phase, forwards_[forward_phase]++);
    const int backward_phase = forward_phase ^ 1;
    const ChunkHalf b = half(backward_phase, backwards_[backward_phase]++);
    order_.push_back({ChunkKind::forward_backward, f, b});
  }

  void warm_up() {
    for (int i = 0; i < (length_ - position_ - 1) * 2; ++i) forward(0);
    for (int i = 0; i < position_ + 1; ++i) {
      forward(0);
      forward(1);
    }
    for (int i = 0; i < length_ - position_ - 1; ++i) {
      backward(1, true);
      weight();
      forward(1);
    }
  }

  void steady() {
    for (int i = 0; i < micro_batches_ - 2 * length_ + position_ + 1; ++i) {
      if (i == 0 && last()) {  // not overlapped there, which shortens the bubble
        forward(0);
        backward(1, false);
      } else {
        forward_backward(0);
      }
      forward_backward(1);
    }
  }

  void cool_down() {
    for (int i = 0; i < length_ - position_ - 1; ++i) {
      backward(1, false);
      forward_backward(1);
    }
    const int pairs = position_ + 1;
    bool split_weight = false;
    for (int i = 0; i < pairs; ++i) {
      if (i == pairs / 2 && position_ % 2 == 1) split_weight = true;
      backward(1, split_weight);
      if (i == pairs / 2 && position_ % 2 == 0) split_weight = true;
      backward(0, split_weight);
    }
    for (int i = 0; i < length_ - position_ - 1; ++i) {
      weight();
      backward(0, true);
    }
    for (int i = 0; i < position_ + 1; ++i) weight();
  }

  int position_, length_, micro_batches_;
  Phases phases_;
  std::array<int, 2> forwards_{};
  std::array<int, 2> backwards_{};
  std::deque<ChunkHalf> split_;  ///< backward passes whose weight part has yet to run, oldest first
  RankOrder order_;
};

}  // namespace

/// Direction d runs virtual stage s on rank s (d = 0) or pp - 1 - s (d = 1); phase 0 is the direction that starts at
/// the rank's half of the pipeline.
RankOrder dualpipe_order(int rank, int pp, int micro_batches) {
  const int per_direction = micro_batches / 2;
  const int mirror = pp - 1 - rank;
  const bool low = rank < pp / 2;
  const Phases phases{low ? std::array{rank, mirror} : std::array{mirror, rank},
                      low ? std::array{0, per_direction} : std::array{per_direction, 0}};
  return DualPipeProgram(std::min(rank, mirror), pp / 2, per_direction, phases).order();
}

RankOrder dualpipe_v_order(int rank, int pp, int micro_batches) {
  return DualPipeProgram(rank, pp, micro_batches, {{rank, 2 * pp - 1 - rank}, {0, 0}}).order();
}

}  // namespace gpuhours
