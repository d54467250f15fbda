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
#include "scenario/money.hpp"
#include "scenario/software.hpp"

namespace gpuhours {

enum class Schedule { one_f_one_b, interleaved, zero_bubble_h1, zero_bubble_v, dualpipe, dualpipe_v };
enum class Fsdp { none, full, hybrid };
enum class CpExchange { ring, all_to_all };
enum class RouterBalance { forced, natural };
/// Where the hours of a phase come from; automatic: given where GPU hours are, else simulated.
enum class PhaseBasis { automatic, simulated, given };
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

  bool operator==(const Cluster&) const = default;
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
  int fsdp_group = 0;     ///< ranks that share one copy of the weights under hybrid, 0: those of a node
  int fsdp_prefetch = 1;  ///< layers whose weights are gathered ahead of the one that runs
  CpExchange cp_exchange = CpExchange::ring;
  Schedule schedule = Schedule::one_f_one_b;
  std::vector<int> layers_per_stage;  ///< empty: as even as can be, see stage_layers()
  bool embedding_as_layer = false;    ///< counts as one where layers are spread over stages
  bool loss_as_layer = false;
  std::string pipeline_layout;  ///< what each stage holds, see scenario/pipeline_layout.hpp; empty: by number

  /// Ranks of one copy of the model.
  [[nodiscard]] std::int64_t model_ranks() const { return std::int64_t{tp} * pp * cp; }
  /// Data-parallel size over `gpus`; the caller has checked that it divides.
  [[nodiscard]] int dp(int gpus) const { return static_cast<int>(gpus / model_ranks()); }
};

/// A linear rise of the global batch from `from` to the phase's batch over the first `tokens` tokens.
struct BatchRamp {
  int from = 0;  ///< sequences, 0: no ramp
  double tokens = 0;
};

/// Part of a run with its own batch and length.
struct Phase {
  std::string name;
  double tokens = 0;
  int sequence_length = 0;  ///< 0: the training's
  int global_batch = 0;     ///< sequences, 0: the training's
  BatchRamp ramp;
  std::optional<double> given_gpu_hours;
  PhaseBasis basis = PhaseBasis::automatic;
  std::optional<Parallelism> parallelism;  ///< empty: the scenario's

  [[nodiscard]] bool is_given() const {
    return basis == PhaseBasis::given || (basis == PhaseBasis::automatic && given_gpu_hours.has_value());
  }
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
  /// Natural routing: relative standard deviation of the tokens that an expert receives in one micro-batch of an expert
  /// group, from one micro-batch to the next and sampling noise apart; empty: kNaturalImbalance of
  /// workload/routing.hpp.
  std::optional<double> expert_imbalance;
  std::vector<int> expert_loads;  ///< natural routing: lasting skew, tokens by expert on any scale; empty: none
  double capacity_factor = 0;     ///< rows kept for an expert over the mean; the rest is dropped. 0: dropless
  std::vector<Phase> phases;      ///< after the main phase
};

struct Reliability {
  std::string id;
  std::string name;
  double interruptions_per_1000_node_days = 0;  ///< unplanned; 0: see the next
  double gpu_hours_per_interruption = 0;        ///< the same rate by GPU hours; 0 too: not modelled
  Seconds detection_time;                       ///< from an interruption to its notice
  Seconds restart_time;                         ///< from the notice to the next step
  Seconds checkpoint_interval;                  ///< 0: Young-Daly
  Seconds checkpoint_stall;
  double planned_per_1000_node_days = 0;  ///< planned interruptions: a checkpoint is taken before
  Seconds planned_time;                   ///< that each of them stops training
  double replaced_share = 1;              ///< interruptions that take a node out
  int spares = 0;                         ///< nodes that stand by
  Seconds repair_time;                    ///< until a node that was taken out is back; 0: spares never run out
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

/// Two stages a rank, r and 2 pp - 1 - r.
inline bool v_shaped(Schedule schedule) {
  return schedule == Schedule::zero_bubble_v || schedule == Schedule::dualpipe_v;
}

/// Data-parallel ranks (context-parallel ones included) that share one copy of weights and states under ZeRO or FSDP:
/// all, or the group of hybrid FSDP.
int shard_ranks(const Parallelism& parallelism, const Cluster& cluster);

/// Layers of the model on each of the pp x vpp virtual stages, first to last; they sum to layers. `layers_per_stage`
/// or `pipeline_layout` when given; even when that divides; else balanced by work: output head passes and MTP modules
/// count on the last stage as the layers they cost.
std::vector<int> stage_layers(const Scenario& scenario);

/// What a virtual stage holds, in the order of the fields.
struct StageContent {
  bool embedding = false;
  int layers = 0;
  int mtp = 0;        ///< multi-token-prediction modules
  bool loss = false;  ///< final norm, output projection and loss
};

/// Of the pp x vpp virtual stages: from `pipeline_layout`, else stage_layers() with the embedding on the first, MTP
/// modules and loss on the last.
std::vector<StageContent> stage_contents(const Scenario& scenario);

}  // namespace gpuhours
