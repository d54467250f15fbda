#include "schedule/pipeline.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "schedule/rank_orders.hpp"

namespace gpuhours {
namespace {

constexpr std::array<std::string_view, kChunkKinds> kChunkNames{"forward", "backward_input", "backward_weight",
                                                                "backward", "forward_backward"};

/// A forward and a backward that follow each other in the steady phase.
void append_pair(const ChunkHalf& forward, const ChunkHalf& backward, bool merged, RankOrder& order) {
  if (merged) {
    order.push_back({ChunkKind::forward_backward, forward, backward});
    return;
  }
  order.push_back({ChunkKind::forward, forward, {}});
  order.push_back({ChunkKind::backward, {}, backward});
}

}  // namespace

RankOrder one_f_one_b_order(int rank, int pp, int micro_batches, bool merged) {
  RankOrder order;
  const int before = merged ? 2 * (pp - rank - 1) + 1 : pp - rank - 1;
  const int warm_up = std::min(before, micro_batches);
  int next_forward = 0;
  int next_backward = 0;
  for (int i = 0; i < warm_up; ++i) order.push_back({ChunkKind::forward, {rank, next_forward++}, {}});
  while (next_forward < micro_batches) {
    append_pair({rank, next_forward++}, {rank, next_backward++}, merged, order);
  }
  while (next_backward < micro_batches) order.push_back({ChunkKind::backward, {}, {rank, next_backward++}});
  return order;
}

RankOrder interleaved_order(int rank, int pp, int vpp, int micro_batches, bool merged) {
  std::vector<std::pair<int, int>> turns;  // chunk of the rank, micro-batch
  for (int group = 0; group < micro_batches; group += pp) {
    for (int chunk = 0; chunk < vpp; ++chunk) {
      for (int m = group; m < std::min(group + pp, micro_batches); ++m) turns.emplace_back(chunk, m);
    }
  }
  const auto total = static_cast<int>(turns.size());
  const int before = (pp - rank - 1) * 2 + (vpp - 1) * pp + (merged ? 1 : 0);
  const int warm_up = std::min(total, micro_batches == pp ? total : before);
  RankOrder order;
  int next_forward = 0;
  int next_backward = 0;
  const auto forward = [&]() -> ChunkHalf {
    const auto [chunk, m] = turns[static_cast<std::size_t>(next_forward++)];
    return {chunk * pp + rank, m};
  };
  const auto backward = [&]() -> ChunkHalf {
    const auto [chunk, m] = turns[static_cast<std::size_t>(next_backward++)];
    return {(vpp - 1 - chunk) * pp + rank, m};
  };
  for (int i = 0; i < warm_up; ++i) order.push_back({ChunkKind::forward, forward(), {}});
  while (next_forward < total) {
    const ChunkHalf f = forward();
    append_pair(f, backward(), merged, order);
  }
  while (next_backward < total) order.push_back({ChunkKind::backward, {}, backward()});
  return order;
}

namespace {

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

/// `plan` knows how it is run: a V-shaped schedule that fell back keeps its stages.
RankOrder rank_order(const PipelinePlan& plan, int rank, int pp, int vpp, bool merged) {
  const int micro_batches = plan.micro_batches;
  switch (plan.schedule) {
    case Schedule::dualpipe:
      return dualpipe_order(rank, pp, micro_batches);
    case Schedule::dualpipe_v:
      return dualpipe_v_order(rank, pp, micro_batches);
    case Schedule::zero_bubble_h1:
      return zero_bubble_h1_order(rank, pp, micro_batches);
    case Schedule::zero_bubble_v:
      return zero_bubble_v_order(rank, pp, micro_batches, true);
    case Schedule::interleaved:
      return interleaved_order(rank, pp, vpp, micro_batches, merged);
    case Schedule::one_f_one_b:
      break;
  }
  if (plan.turn >= 0) return zero_bubble_v_order(rank, pp, micro_batches, false);
  return one_f_one_b_order(rank, pp, micro_batches, merged);
}

bool runs(Schedule schedule, int pp, int micro_batches) {
  if (schedule == Schedule::dualpipe) return dualpipe_runs(pp, micro_batches);
  return schedule != Schedule::dualpipe_v || micro_batches >= 2 * pp;
}

std::vector<int> held_stages(Schedule schedule, int rank, int pp, int vpp) {
  if (schedule == Schedule::dualpipe && pp > 1) return {rank, pp - 1 - rank};
  if (v_shaped(schedule)) return {rank, 2 * pp - 1 - rank};
  std::vector<int> held;
  for (int chunk = 0; chunk < vpp; ++chunk) held.push_back(chunk * pp + rank);
  return held;
}

}  // namespace

std::string_view name(ChunkKind kind) { return kChunkNames[static_cast<std::size_t>(kind)]; }

bool dualpipe_runs(int pp, int micro_batches) {
  return pp % 2 == 0 && micro_batches % 2 == 0 && micro_batches >= 2 * pp;
}

PipelinePlan pipeline_plan(Schedule schedule, int pp, int vpp, int micro_batches, bool merged) {
  assert(pp >= 1 && micro_batches >= 1);
  assert(!v_shaped(schedule) || vpp == 2);
  assert(v_shaped(schedule) || (vpp > 1) == (schedule == Schedule::interleaved));
  PipelinePlan plan;
  plan.stages = pp * vpp;
  plan.micro_batches = micro_batches;
  plan.turn = v_shaped(schedule) ? pp - 1 : -1;
  plan.fell_back = !runs(schedule, pp, micro_batches);
  plan.schedule = plan.fell_back ? Schedule::one_f_one_b : schedule;
  for (int rank = 0; rank < pp; ++rank) {
    plan.stages_of_rank.push_back(held_stages(schedule, rank, pp, vpp));
    plan.ranks.push_back(rank_order(plan, rank, pp, vpp, merged));
    plan.peak_in_flight.push_back(peak_in_flight(plan.ranks.back()));
  }
  return plan;
}

bool merges_chunks(const Scenario& scenario) {
  return scenario.stack.overlap_expert && scenario.model.is_moe() && scenario.parallelism.ep > 1;
}

PipelinePlan pipeline_plan(const Scenario& scenario, int micro_batches) {
  const Parallelism& p = scenario.parallelism;
  return pipeline_plan(p.schedule, p.pp, p.vpp, micro_batches, merges_chunks(scenario));
}

PipelinePlan PlanShape::plan(int of_micro_batches) const {
  return pipeline_plan(schedule, pp, vpp, of_micro_batches, merged);
}

int repeat_of(const PlanShape& shape) { return shape.schedule == Schedule::interleaved ? shape.pp : 2; }

PlanShape warmed_up(const PlanShape& shape) {
  // Interleaved ranks warm up with at most 2 pp + (vpp - 1) pp turns of vpp a micro-batch, merged 1F1B, DualPipe and
  // the V-shaped orders with at most 2 pp micro-batches, the others with pp.
  const int repeat = repeat_of(shape);
  const int enough = 4 * shape.pp + 2 * repeat;
  PlanShape out = shape;
  if (shape.micro_batches > enough) out.micro_batches = enough + (shape.micro_batches - enough) % repeat;
  return out;
}

Schedule PlanShape::schedule_run() const {
  return runs(schedule, pp, micro_batches) ? schedule : Schedule::one_f_one_b;
}

std::int64_t PlanShape::chunks(int of_micro_batches) const {
  // Forward, backward and, where it is split off, weight gradient of every micro-batch on every virtual stage; DualPipe
  // runs half of the micro-batches on each of the two stages that a rank holds.
  return std::int64_t{3} * pp * vpp * of_micro_batches;
}

PlanShape plan_shape(const Scenario& scenario, int global_batch) {
  const Parallelism& p = scenario.parallelism;
  const std::int64_t round = std::int64_t{p.dp(scenario.cluster.gpus)} * scenario.training.micro_batch;
  const auto micro_batches = static_cast<int>(std::max<std::int64_t>(1, global_batch / round));
  return {p.schedule, p.pp, p.vpp, micro_batches, merges_chunks(scenario)};
}

}  // namespace gpuhours
