#pragma once
// One training step in simulated time, on one engine in two ways.
// folded: one device a pipeline rank, each kind of chunk simulated once and then laid as one task; ranks that do the
// same share it. expanded: every rank of the cluster with every segment of every chunk, expert groups meeting for each
// dispatch and combine. Both agree where all ranks of a stage are alike (a test: 0.1 %). Input: StepWork and a pipeline
// plan; output: StepResult.

#include <array>
#include <vector>

#include "engine/chunk_profile.hpp"
#include "engine/timeline.hpp"
#include "schedule/pipeline.hpp"
#include "schedule/step_work.hpp"

namespace gpuhours {

/// One pipeline rank's step. Times of chunks are from a chunk's start to its end, exposed communication inside;
/// together with bubble, exposed pipeline and data communication and optimizer they sum to the step.
struct RankStep {
  std::array<SimTime, kChunkKinds> chunk_time{};
  std::array<int, kChunkKinds> chunk_count{};
  std::array<SimTime, kChunkKinds> chunk_compute{};  ///< the compute stream's busy part of chunk_time
  TimeUse use;     ///< over the chunks; exposed[pipeline] and exposed[data] over the step
  SimTime bubble;  ///< idle, waiting for other pipeline ranks
  SimTime optimizer;
};

struct StepResult {
  SimTime length;
  std::vector<RankStep> ranks;
  std::size_t tasks = 0;
  std::size_t events = 0;
  Timeline timeline;    ///< when asked for: one device a pipeline rank
  bool settled = true;  ///< false: too many micro-batches that never become equal rounds; all else is empty
};

struct StepOptions {
  EngineMode mode = EngineMode::folded;
  int width = 1;  ///< ranks of a pipeline rank (tp x cp x dp): devices simulated for it when expanded
  int tp = 1, cp = 1, ep = 1, etp = 1;  ///< who meets whom when expanded
  double jitter = 0;          ///< relative standard deviation of compute time from chunk to chunk and rank to rank
  double rank_variation = 0;  ///< the same from rank to rank, for the whole step; expanded only
  std::uint64_t seed = 1;
  bool timeline = false;
  bool events = false;  ///< folded: by the event queue, as a check, even where it is not needed
};
StepOptions step_options(const Scenario& scenario);

/// Whether a step under these options is one of equal rounds in its steady state, of which a few stand for all.
bool folds_rounds(const StepWork& work, const StepOptions& options);

/// A step of a shape whose plan is written out as far as it must be; see engine/step_range.hpp for what is refused.
StepResult simulate_step(const StepWork& work, const PlanShape& shape, const StepOptions& options,
                         ChunkProfiles& profiles);
StepResult simulate_step(const StepWork& work, const PipelinePlan& plan, const StepOptions& options);
/// The same with chunk profiles that steps of other batches share.
StepResult simulate_step(const StepWork& work, const PipelinePlan& plan, const StepOptions& options,
                         ChunkProfiles& profiles);

}  // namespace gpuhours
