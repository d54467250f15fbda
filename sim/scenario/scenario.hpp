#pragma once
// The one input of everything below: a Scenario read from YAML (DESIGN 3.2). Every field that a user may write is
// declared once in scenario/keys_*.cpp with name, type, unit, range, default and help; nothing here is read in any
// other way.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenario/architecture.hpp"
#include "scenario/hardware.hpp"
#include "scenario/software.hpp"

namespace gpuhours {

enum class Schedule { one_f_one_b, interleaved, zero_bubble_h1, zero_bubble_v, dualpipe, dualpipe_v };
enum class Fsdp { none, full, hybrid };
enum class RouterBalance { forced, natural };
enum class Recompute { none, selective, full };

/// Operators that selective recompute may name.
enum class RecomputeOp { norm, mla_up_projection, activation, attention, moe_experts, shared_experts, moe, mlp, layer };

struct Cluster {
  std::string id;  ///< of hardware/systems, empty: put together in the scenario
  std::string name;
  Gpu gpu;
  int gpus = 8;
  Node node;
  Fabric fabric;
  std::vector<Source> sources;
  double latency_factor = 1;  ///< what-if: start-up and hop times over what was measured; no key of a file
};

struct Parallelism {
  int tp = 1;
  bool sequence_parallel = true;  ///< matters for tp > 1 only
  int pp = 1;
  int vpp = 1;  ///< virtual stages a rank
  int cp = 1;
  int ep = 1;
  int etp = 1;
  int zero_stage = 1;
  Fsdp fsdp = Fsdp::none;
  Schedule schedule = Schedule::one_f_one_b;
  std::vector<int> layers_per_stage;  ///< empty: as even as can be, see stage_layers()
  std::vector<int> loss_stages;       ///< reserved for uneven layouts

  /// Data-parallel size over `gpus`; the caller has checked that it divides.
  [[nodiscard]] int dp(int gpus) const { return gpus / (tp * pp * cp); }
};

/// A linear rise of the global batch from `from` to the phase's batch over the first `tokens` tokens.
struct BatchRamp {
  int from = 0;  ///< sequences, 0: no ramp
  double tokens = 0;
};

/// Part of a run with its own batch and length; `given_gpu_hours` marks one that is not simulated.
struct Phase {
  std::string name;
  double tokens = 0;
  int sequence_length = 0;  ///< 0: the training's
  int global_batch = 0;     ///< sequences, 0: the training's
  BatchRamp ramp;
  std::optional<double> given_gpu_hours;
  std::optional<Parallelism> parallelism;  ///< empty: the scenario's
};

struct Training {
  double tokens = 0;  ///< of the main phase
  int sequence_length = 4096;
  int global_batch = 0;  ///< sequences a step
  BatchRamp ramp;
  int micro_batch = 1;  ///< sequences
  Recompute recompute = Recompute::none;
  std::vector<RecomputeOp> recompute_ops;  ///< for Recompute::selective
  int recompute_chunk = 1;                 ///< layers between two checkpoints of Recompute::full
  bool mtp = false;                        ///< train the model's MTP modules
  RouterBalance router_balance = RouterBalance::forced;
  double expert_imbalance = 0;  ///< relative standard deviation of rows an expert rank receives
  std::vector<Phase> phases;    ///< after the main phase
};

struct Reliability {
  double interruptions_per_1000_node_days = 0;  ///< 0: not modelled
  Seconds restart_time;
  Seconds checkpoint_interval;  ///< 0: Young-Daly
  Seconds checkpoint_stall;
};

struct Pricing {
  std::string id;
  DollarsPerSecond rent_per_gpu;  ///< USD per GPU and second
  DollarsPerJoule electricity;
  double pue = 1.0;
  double carbon_kg_per_joule = 0;
  std::string region;
  std::string date;  ///< of the price, YYYY-MM
  std::string provider;
  std::string commitment;           ///< on_demand, 1y, 3y
  std::string gpu;                  ///< id of the GPU that is let, empty: any
  DollarsPerSecond low, mid, high;  ///< of a panel of providers, 0: not asked
  std::vector<Source> sources;
};

enum class EngineMode { folded, expanded };
enum class NetworkModel { analytic, flow };

struct EngineOptions {
  EngineMode mode = EngineMode::folded;
  NetworkModel network = NetworkModel::analytic;
  double jitter = 0;  ///< relative standard deviation of a chunk's time from rank to rank and chunk to chunk
  std::uint64_t seed = 1;
};

struct Scenario {
  std::string name;
  std::string description;
  Architecture model;
  Cluster cluster;
  PrecisionRecipe precision;
  Parallelism parallelism;
  Training training;
  Stack stack;
  Reliability reliability;
  Pricing pricing;
  EngineOptions engine;
};

/// Layers of the model on each of the pp x vpp virtual stages, first to last; they sum to layers. `layers_per_stage`
/// when given; even when that divides; else balanced by work: output head passes and MTP modules count on the last
/// stage as the layers they cost.
std::vector<int> stage_layers(const Scenario& scenario);

}  // namespace gpuhours
