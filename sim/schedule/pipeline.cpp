#include "schedule/pipeline.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <deque>
#include <utility>

namespace gpuhours {
namespace {

constexpr std::array<std::string_view, kChunkKinds> kChunkNames{"forward", "backward_input", "backward_weight",
                                                                "backward", "forward_backward"};

RankOrder one_f_one_b_order(int rank, int pp, int micro_batches) {
  RankOrder order;
  const int warm_up = std::min(pp - rank - 1, micro_batches);
  int next_forward = 0;
  int next_backward = 0;
  const auto forward = [&] { order.push_back({ChunkKind::forward, {rank, next_forward++}, {}}); };
  const auto backward = [&] { order.push_back({ChunkKind::backward, {}, {rank, next_backward++}}); };
  for (int i = 0; i < warm_up; ++i) forward();
  while (next_forward < micro_batches) {
    forward();
    backward();
  }
  while (next_backward < micro_batches) backward();
  return order;
}

/// Megatron's interleaved 1F1B: micro-batches in groups of pp, each group through all chunks of a rank before the next
/// group starts; backward in the same order with the chunks reversed.
RankOrder interleaved_order(int rank, int pp, int vpp, int micro_batches) {
  std::vector<std::pair<int, int>> turns;  // chunk of the rank, micro-batch
  for (int group = 0; group < micro_batches; group += pp) {
    for (int chunk = 0; chunk < vpp; ++chunk) {
      for (int m = group; m < std::min(group + pp, micro_batches); ++m) turns.emplace_back(chunk, m);
    }
  }
  const auto total = static_cast<int>(turns.size());
  const int warm_up = std::min(total, micro_batches == pp ? total : (pp - rank - 1) * 2 + (vpp - 1) * pp);
  RankOrder order;
  int next_forward = 0;
  int next_backward = 0;
  const auto forward = [&] {
    const auto [chunk, m] = turns[static_cast<std::size_t>(next_forward++)];
    order.push_back({ChunkKind::forward, {chunk * pp + rank, m}, {}});
  };
  const auto backward = [&] {
    const auto [chunk, m] = turns[static_cast<std::size_t>(next_backward++)];
    order.push_back({ChunkKind::backward, {}, {(vpp - 1 - chunk) * pp + rank, m}});
  };
  for (int i = 0; i < warm_up; ++i) forward();
  while (next_forward < total) {
    forward();
    backward();
  }
  while (next_backward < total) backward();
  return order;
}

/// One rank's program of DualPipe (DeepSeek, dualpipe.py): eight steps over two directions. `phase` 0 is the direction
/// that starts at this rank's half of the pipeline; direction d runs virtual stage s on rank s (d = 0) or pp - 1 - s (d
/// = 1).
class DualPipeOrder {
 public:
  DualPipeOrder(int rank, int pp, int micro_batches)
      : rank_(rank),
        pp_(pp),
        per_direction_(micro_batches / 2),
        half_(pp / 2),
        half_rank_(std::min(rank, pp - 1 - rank)) {}

  RankOrder order() {
    warm_up();
    steady();
    cool_down();
    assert(split_.empty());
    return std::move(order_);
  }

 private:
  [[nodiscard]] bool middle() const { return half_rank_ == half_ - 1; }

  [[nodiscard]] ChunkHalf half(int phase, int count) const {
    const int direction = phase ^ (rank_ >= half_ ? 1 : 0);
    return {direction == 0 ? rank_ : pp_ - 1 - rank_, direction * per_direction_ + count};
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
    for (int i = 0; i < (half_ - half_rank_ - 1) * 2; ++i) forward(0);
    for (int i = 0; i < half_rank_ + 1; ++i) {
      forward(0);
      forward(1);
    }
    for (int i = 0; i < half_ - half_rank_ - 1; ++i) {
      backward(1, true);
      weight();
      forward(1);
    }
  }

  void steady() {
    for (int i = 0; i < per_direction_ - pp_ + half_rank_ + 1; ++i) {
      if (i == 0 && middle()) {  // not overlapped on the middle ranks, which shortens the bubble
        forward(0);
        backward(1, false);
      } else {
        forward_backward(0);
      }
      forward_backward(1);
    }
  }

  void cool_down() {
    for (int i = 0; i < half_ - half_rank_ - 1; ++i) {
      backward(1, false);
      forward_backward(1);
    }
    const int pairs = half_rank_ + 1;
    bool split_weight = false;
    for (int i = 0; i < pairs; ++i) {
      if (i == pairs / 2 && half_rank_ % 2 == 1) split_weight = true;
      backward(1, split_weight);
      if (i == pairs / 2 && half_rank_ % 2 == 0) split_weight = true;
      backward(0, split_weight);
    }
    for (int i = 0; i < half_ - half_rank_ - 1; ++i) {
      weight();
      backward(0, true);
    }
    for (int i = 0; i < half_rank_ + 1; ++i) weight();
  }

  int rank_, pp_, per_direction_, half_, half_rank_;
  std::array<int, 2> forwards_{};
  std::array<int, 2> backwards_{};
  std::deque<ChunkHalf> split_;  ///< backward passes whose weight part has yet to run, oldest first
  RankOrder order_;
};

/// Most micro-batches whose forward has run on this rank and whose weight gradients have not.
int peak_in_flight(const RankOrder& order) {
  int held = 0;
  int peak = 0;
  for (const Chunk& chunk : order) {
    if (chunk.forward.stage >= 0) peak = std::max(peak, ++held);
    const bool releases = chunk.kind == ChunkKind::backward || chunk.kind == ChunkKind::forward_backward ||
                          chunk.kind == ChunkKind::backward_weight;
    if (releases) --held;
  }
  return peak;
}

RankOrder rank_order(Schedule schedule, int rank, int pp, int vpp, int micro_batches) {
  switch (schedule) {
    case Schedule::dualpipe:
      return DualPipeOrder(rank, pp, micro_batches).order();
    case Schedule::interleaved:
      return interleaved_order(rank, pp, vpp, micro_batches);
    default:
      return one_f_one_b_order(rank, pp, micro_batches);
  }
}

}  // namespace

std::string_view name(ChunkKind kind) { return kChunkNames[static_cast<std::size_t>(kind)]; }

bool dualpipe_runs(int pp, int micro_batches) {
  return pp % 2 == 0 && micro_batches % 2 == 0 && micro_batches >= 2 * pp;
}

PipelinePlan pipeline_plan(Schedule schedule, int pp, int vpp, int micro_batches) {
  assert(pp >= 1 && micro_batches >= 1);
  assert(vpp == 1 ? schedule == Schedule::one_f_one_b || schedule == Schedule::dualpipe
                  : schedule == Schedule::interleaved);
  PipelinePlan plan;
  plan.stages = pp * vpp;
  plan.micro_batches = micro_batches;
  const bool two_stages_a_rank = schedule == Schedule::dualpipe;
  plan.fell_back = two_stages_a_rank && !dualpipe_runs(pp, micro_batches);
  plan.schedule = plan.fell_back ? Schedule::one_f_one_b : schedule;
  for (int rank = 0; rank < pp; ++rank) {
    if (two_stages_a_rank && pp > 1) {
      plan.stages_of_rank.push_back({rank, pp - 1 - rank});
    } else {
      plan.stages_of_rank.emplace_back();
      for (int chunk = 0; chunk < vpp; ++chunk) plan.stages_of_rank.back().push_back(chunk * pp + rank);
    }
    plan.ranks.push_back(rank_order(plan.schedule, rank, pp, vpp, micro_batches));
    plan.peak_in_flight.push_back(peak_in_flight(plan.ranks.back()));
  }
  return plan;
}

}  // namespace gpuhours
