#pragma once
// Steps -> run: batch ramp (ramp.hpp), phases, interruptions (goodput.hpp). Input: a function from global batch to step
// time; output: tokens, steps, wall time and GPU hours by phase. steps = tokens / (batch x sequence length), wall =
// steps x step time / goodput, GPU hours = wall x GPUs; a phase with given GPU hours is taken as it is, interruptions
// included.

#include <functional>
#include <string>
#include <vector>

#include "run/goodput.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

struct PhaseEstimate {
  std::string name;
  double tokens = 0;
  double steps = 0;
  Seconds step_time;  ///< of a steady step; 0 for a given phase
  Seconds wall_time;  ///< interruptions included
  double gpu_hours = 0;
  bool simulated = true;             ///< false: hours were given
  double given_gpu_hours = 0;        ///< beside a simulated phase, 0: none
  double fall_back_token_share = 0;  ///< tokens trained by a fall-back schedule
};

struct RunEstimate {
  double tokens = 0;
  double steps = 0;
  Seconds wall_time;
  double gpu_hours = 0;
  double goodput = 1;  ///< productive over wall time of the simulated phases
  Goodput parts;       ///< of that wall time
  std::vector<PhaseEstimate> phases;
};

/// A steady step at one batch.
struct StepAtBatch {
  Seconds time;
  bool fell_back = false;
};
/// `phase`: index into the run's phases, 0 the main one.
using StepTimes = std::function<StepAtBatch(int phase, int global_batch)>;

RunEstimate run_estimate(const Scenario& scenario, const StepTimes& steps);

}  // namespace gpuhours
