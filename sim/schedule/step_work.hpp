#pragma once
// All that a step's simulation needs, with times: stages, pipeline hops, and what follows the last chunk. Input:
// scenario, workload, laws, network; output: StepWork, good for any number of micro-batches.

#include <array>
#include <deque>
#include <memory>
#include <vector>

#include "schedule/chunk_graph.hpp"
#include "schedule/timed_work.hpp"
#include "workload/routing.hpp"

namespace gpuhours {

/// What one pipeline rank does between its last chunk and the end of the step. Reduction and gathering over
/// data-parallel ranks.
struct RankEnd {
  SimTime reduce;        ///< gradients, dense and expert
  SimTime reduce_early;  ///< part of it that may run beside the last backward chunk
  SimTime optimizer;     ///< and the host's work between steps
  SimTime gather;  ///< parameters; the part that the next step's first forward cannot hide is decided by the engine
  SimTime gather_early;  ///< part of it that may run beside the next forward
  KernelAccount account;
};

/// The layers of a model with their times, in both circumstances, by what they are: what layouts have in common that
/// differ in stages, schedule or number of micro-batches only. Not copyable: labels and steps point into it.
struct TimedModel {
  static constexpr std::size_t kEmbedding = 4;  ///< the slots below are LayerKinds
  static constexpr std::size_t kHead = 5;

  TimedModel() = default;
  TimedModel(const TimedModel&) = delete;
  TimedModel& operator=(const TimedModel&) = delete;

  std::deque<TimedLayer> layers;
  std::array<const TimedLayer*, 6> whole{};   ///< all SMs; null where the model has no such layer
  std::array<const TimedLayer*, 6> shared{};  ///< GEMMs sized to the SMs that communication leaves
  std::vector<const TimedSegment*> labels;
};

/// Not copyable: stages point into `layers`, or into a TimedModel that outlives it.
struct StepWork {
  StepWork() = default;
  StepWork(const StepWork&) = delete;
  StepWork& operator=(const StepWork&) = delete;

  std::deque<TimedLayer> layers;            ///< its own ones, if any
  std::unique_ptr<const TimedModel> model;  ///< the same
  std::vector<const TimedSegment*> labels;
  std::vector<TimedStage> stages;  ///< virtual stages in model order
  std::vector<int> stage_class;    ///< stages with equal content share a number
  SimTime hop;                     ///< one activation to the next stage, one way
  SimTime norm_reduce;             ///< all-reduce of the gradient norm over the whole cluster
  std::vector<RankEnd> ends;       ///< by pipeline rank
  std::vector<std::vector<int>> stages_of_rank;
  RankLoads loads;  ///< of the ranks of an expert group
  bool split_overlap = false;
  bool overlap_sends = true;  ///< a rank goes on computing while it sends an activation on
  bool mirrored = false;      ///< rank r and pp - 1 - r hold the same stages (DualPipe): they reduce together
};

/// What the data-parallel groups of a rank that holds `held` reduce and gather in a step, named. Groups of one
/// included.
std::vector<Communication> data_collectives(const Scenario& scenario, const RankParameters& held);
/// Parameters that pipeline rank `rank` holds.
RankParameters held_parameters(const Workload& workload, const StepWork& work, int rank);

/// Fills `out` (empty before). `loads`: of the ranks of an expert group, which the layers' times grow with.
void fill_timed_model(const Scenario& scenario, const Workload& workload, const WorkTimer& timer,
                      const CommunicationModel& network, const RankLoads& loads, TimedModel& out);

/// Fills all of `out` (empty before) but `layers` from `model`, which must outlive it.
void fill_step_work(const Scenario& scenario, const Workload& workload, const WorkTimer& timer,
                    const CommunicationModel& network, const TimedModel& model, StepWork& out);

/// Fills `out` (empty before), which then stands by itself.
void fill_step_work(const Scenario& scenario, const Workload& workload, const KernelLaws& laws,
                    const CommunicationModel& network, StepWork& out);

}  // namespace gpuhours
