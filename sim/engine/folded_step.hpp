#pragma once
// A folded step without an event queue, and without simulating micro-batches that only repeat a round of the steady
// state (steady_rounds.hpp). Times are those of simulate_step() with EngineMode::folded and jitter 0, bit for bit;
// sums of kernel seconds agree to rounding. Input: StepWork and a plan, or what a plan is made of; output: StepResult
// without a timeline.

#include <map>

#include "engine/pipeline_times.hpp"
#include "engine/step_simulation.hpp"

namespace gpuhours {

/// Every chunk of `plan`; `seed`: of the draws of uneven routing.
StepResult folded_step(const StepWork& work, const PipelinePlan& plan, ChunkProfiles& profiles, std::uint64_t seed = 1);

/// Plans of the shape asked for last, by micro-batches: layouts that follow each other often have the same. One thread
/// at a time.
class LastPlans {
 public:
  const PipelinePlan& plan(const PlanShape& shape, int micro_batches);

 private:
  PlanShape shape_;
  std::map<int, PipelinePlan> plans_;
};

/// As few micro-batches as settle, the rest as rounds of the steady state; all of them where they do not settle;
/// nothing (StepResult::settled) where these are more than kMostChunks. Balanced routing only.
StepResult folded_step(const StepWork& work, const PlanShape& shape, ChunkProfiles& profiles);
StepResult folded_step(const StepWork& work, const PlanShape& shape, ChunkProfiles& profiles, LastPlans& plans);

}  // namespace gpuhours
