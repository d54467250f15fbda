#include <algorithm>
#include <array>
#include <cassert>

#include "schedule/rank_orders.hpp"

namespace gpuhours {
namespace {

/// A rank's order under construction: passes of its chunks in turn, micro-batches counted by chunk and pass.
class SplitOrder {
 public:
  SplitOrder(std::array<int, 2> stages, int micro_batches, bool split_weight)
      : stages_(stages), micro_batches_(micro_batches), split_weight_(split_weight) {}

  void forward(int chunk) {
    const ChunkHalf half = next(forwards_, chunk);
    if (runs(half)) order_.push_back({ChunkKind::forward, half, {}});
  }

  void backward(int chunk) {
    const ChunkHalf half = next(backwards_, chunk);
    if (runs(half)) order_.push_back({split_weight_ ? ChunkKind::backward_input : ChunkKind::backward, {}, half});
  }

  void weight(int chunk) {
    const ChunkHalf half = next(weights_, chunk);
    if (split_weight_ && runs(half)) order_.push_back({ChunkKind::backward_weight, {}, half});
  }

  [[nodiscard]] int forwards(int chunk) const { return forwards_[static_cast<std::size_t>(chunk)]; }
  [[nodiscard]] int backwards(int chunk) const { return backwards_[static_cast<std::size_t>(chunk)]; }
  [[nodiscard]] int weights(int chunk) const { return weights_[static_cast<std::size_t>(chunk)]; }
  RankOrder take() { return std::move(order_); }

 private:
  using Counts = std::array<int, 2>;

  ChunkHalf next(Counts& counts, int chunk) {
    const auto c = static_cast<std::size_t>(chunk);
    return {stages_[c], counts[c]++};
  }
  /// Orders are made for at least as many micro-batches as fill the pipeline; those that there are not are left out.
  [[nodiscard]] bool runs(const ChunkHalf& half) const { return half.micro_batch < micro_batches_; }

  std::array<int, 2> stages_;
  int micro_batches_;
  bool split_weight_;
  Counts forwards_{}, backwards_{}, weights_{};
  RankOrder order_;
};

}  // namespace

RankOrder zero_bubble_h1_order(int rank, int pp, int micro_batches) {
  SplitOrder order({rank, rank}, micro_batches, true);
  const int warm_up = std::min(pp - rank - 1, micro_batches);
  for (int i = 0; i < warm_up; ++i) order.forward(0);
  while (order.backwards(0) < micro_batches) {
    if (order.forwards(0) < micro_batches) order.forward(0);
    order.backward(0);
    if (order.backwards(0) - order.weights(0) > rank) order.weight(0);
  }
  while (order.weights(0) < micro_batches) order.weight(0);
  return order.take();
}

RankOrder zero_bubble_v_order(int rank, int pp, int micro_batches, bool split_weight) {
  const int filled = std::max(2 * pp - 1, micro_batches);
  SplitOrder order({rank, 2 * pp - 1 - rank}, micro_batches, split_weight);
  for (int i = 0; i < 2 * (pp - rank) - 1; ++i) order.forward(0);
  for (int i = 0; i < rank; ++i) {
    order.forward(1);
    order.forward(0);
  }
  const auto backward = [&](int chunk) {
    order.backward(chunk);
    order.weight(chunk);
  };
  for (int i = 0; i < pp - rank; ++i) {
    order.forward(1);
    backward(1);
  }
  while (order.forwards(1) < order.forwards(0) || order.forwards(0) < filled) {
    if (order.forwards(0) < filled) order.forward(0);
    backward(0);
    order.forward(1);
    backward(1);
  }
  for (int i = 0; i < rank; ++i) {
    order.backward(0);
    order.backward(1);
  }
  for (int i = 0; i < pp - rank; ++i) {
    order.backward(0);
    order.weight(0);
  }
  while (order.weights(1) < order.backwards(1)) order.weight(1);
  while (order.weights(0) < order.backwards(0)) order.weight(0);
  assert(order.forwards(0) == filled && order.backwards(0) == filled && order.backwards(1) == filled);
  return order.take();
}

}  // namespace gpuhours
