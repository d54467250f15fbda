#pragma once
// Pipeline orders: what each pipeline rank runs, in order, for one step.
// schedule/rank_orders.hpp says where each is published.

#include <cstdint>
#include <string_view>
#include <vector>

#include "scenario/scenario.hpp"

namespace gpuhours {

/// What a chunk of work is: passes of one micro-batch through one virtual stage; an F&B chunk overlaps the forward of
/// one micro-batch with the backward of another.
enum class ChunkKind { forward, backward_input, backward_weight, backward, forward_backward };
inline constexpr int kChunkKinds = 5;
std::string_view name(ChunkKind kind);

/// One half of a chunk: which micro-batch on which virtual stage.
struct ChunkHalf {
  int stage = -1;        ///< virtual stage in model order, -1: no such half
  int micro_batch = -1;  ///< from 0; DualPipe: both directions together, first direction first
};

struct Chunk {
  ChunkKind kind = ChunkKind::forward;
  ChunkHalf forward;   ///< forward, forward_backward
  ChunkHalf backward;  ///< the others and forward_backward
};

/// The chunks of one pipeline rank, in the order that it runs them.
using RankOrder = std::vector<Chunk>;

struct PipelinePlan {
  Schedule schedule = Schedule::one_f_one_b;  ///< as run: a fall-back differs from the scenario's
  bool fell_back = false;
  int micro_batches = 0;  ///< of one pipeline
  int stages = 1;         ///< virtual stages
  int turn = -1;  ///< V shape: the stage whose successor the same rank holds, so that nothing is sent between them
  std::vector<RankOrder> ranks;                  ///< pp orders
  std::vector<std::vector<int>> stages_of_rank;  ///< virtual stages that a rank holds
  /// Micro-batches of a virtual stage whose activations a rank holds at most at once, by rank, summed over its stages.
  std::vector<double> peak_in_flight;
};

/// DualPipe wants an even number of ranks and an even number of micro-batches, at least two a rank.
bool dualpipe_runs(int pp, int micro_batches);

/// Whether 1F1B runs a forward and a backward as one chunk, so that expert communication hides (stack.overlap_expert).
bool merges_chunks(const Scenario& scenario);

/// Orders for pp ranks and `micro_batches` of one pipeline; falls back to 1F1B on the same stages where DualPipe cannot
/// run the batch, or DualPipeV finds fewer than two micro-batches a rank. Schedule::interleaved goes with vpp above 1
/// and a multiple of pp micro-batches, the V-shaped ones with vpp 2 (check_layout() sees to it). `merged`: 1F1B and
/// interleaved run F&B chunks in their steady phase.
PipelinePlan pipeline_plan(Schedule schedule, int pp, int vpp, int micro_batches, bool merged = false);
/// The same for a scenario; chunks are merged where its stack hides expert communication (stack.overlap_expert).
PipelinePlan pipeline_plan(const Scenario& scenario, int micro_batches);

/// What a plan is made of, before the orders of its ranks are written out.
struct PlanShape {
  Schedule schedule = Schedule::one_f_one_b;
  int pp = 1;
  int vpp = 1;
  int micro_batches = 1;
  bool merged = false;  ///< forward and backward of 1F1B merged, see pipeline_plan()

  [[nodiscard]] PipelinePlan plan(int of_micro_batches) const;
  /// The schedule as run, see PipelinePlan.
  [[nodiscard]] Schedule schedule_run() const;
  /// Chunks of all ranks in a plan of so many micro-batches, at most.
  [[nodiscard]] std::int64_t chunks(int of_micro_batches) const;
  bool operator==(const PlanShape&) const = default;
};

/// Of a scenario whose layout divides its GPUs and `global_batch`; at least one micro-batch.
PlanShape plan_shape(const Scenario& scenario, int global_batch);

/// Micro-batches that plans of one shape may differ by so that they differ in the number of equal rounds only.
int repeat_of(const PlanShape& shape);
/// The shape with as few micro-batches as show the warm-up and the fullest moment of every rank.
PlanShape warmed_up(const PlanShape& shape);

}  // namespace gpuhours
