#pragma once
// The whole chain as one call: Scenario -> Estimate.

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "cost/cost.hpp"
#include "engine/timeline.hpp"
#include "estimate/calibration.hpp"
#include "estimate/network_report.hpp"
#include "estimate/provenance.hpp"
#include "estimate/uncertainty.hpp"
#include "memory/ledger.hpp"
#include "run/run.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

/// Seconds of one rank's step by what it was doing; the parts sum to the step.
struct StepBreakdown {
  Seconds forward, backward, weight, forward_backward, bubble, optimizer;
  Seconds exposed_tp, exposed_ep, exposed_dp, exposed_pp, exposed_cp;
};

/// The step as the DeepSeek-V3 paper prints it: chunk times with the communication exposed inside them, and how often
/// each ran.
struct ChunkTimes {
  std::array<Seconds, kChunkKinds> time{};  ///< indexed by ChunkKind
  std::array<int, kChunkKinds> count{};
  Seconds bubble, optimizer;
};

struct StepEstimate {
  Seconds time;
  double tokens_per_s_per_gpu = 0;
  FlopsPerSecond model_flops_per_gpu;
  double mfu = 0;         ///< over mfu_peak()
  double mfu_native = 0;  ///< over the peak of the fastest format of its products
  int breakdown_rank = 0;
  StepBreakdown breakdown;
  std::vector<StepBreakdown> by_rank;  ///< every pipeline rank
  ChunkTimes chunks;                   ///< of the breakdown rank
  Schedule schedule_run = Schedule::one_f_one_b;
  int micro_batches = 0;          ///< of one pipeline
  Seconds exposed_communication;  ///< of the breakdown rank
  double communication_hidden_share = 0;
  double mean_power_share = 0;  ///< of node training power, 1: as measured while training
  Timeline timeline;            ///< of the breakdown rank, when asked for
};

struct Estimate {
  StepEstimate step;
  MemoryLedger memory;
  RunEstimate run;
  CostEstimate cost;
  ProvenanceReport provenance;
  NetworkReport network;
  std::vector<ErrorFactor> errors;  ///< of the step time; the intervals follow from them
  std::optional<Interval> step_time_interval, gpu_hours_interval, usd_interval;
  std::vector<std::string> notes;  ///< fall-backs, assumptions, what was filled in
  Diagnostics warnings;
};

struct EstimateOptions {
  bool timeline = false;  ///< keep the timeline of a step for --trace
};

/// Empty with errors in `diagnostics` when a layout does not divide, calibration is missing or the like. A run that
/// does not fit in memory is a result (memory.fits() false), not an error.
std::optional<Estimate> estimate(const Scenario& scenario, const DataPaths& paths, const EstimateOptions& options,
                                 Diagnostics& diagnostics);
/// The same with laws that are shared.
std::optional<Estimate> estimate(const Scenario& scenario, const Calibration& calibration,
                                 const EstimateOptions& options, Diagnostics& diagnostics);

}  // namespace gpuhours
