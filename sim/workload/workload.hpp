#pragma once
// Scenario -> operators of a step on one rank.
// Input: architecture x parallelism x precision x micro-batch. Output: per layer kind its passes, per virtual stage its
// layers, embedding, head and MTP work, parameters, model FLOPs.

#include <string_view>
#include <vector>

#include "workload/operator.hpp"

namespace gpuhours {

/// Parameters of the whole model; embeddings counted once when tied.
struct ParameterCounts {
  double total = 0;          ///< MTP excluded
  double active = 0;         ///< used by one token, embeddings included
  double embedding = 0;      ///< input table (and learned positions)
  double head = 0;           ///< output table, 0 when tied
  double attention = 0;      ///< of one layer, norms included
  double dense_mlp = 0;      ///< of one dense layer
  double routed_expert = 0;  ///< one expert
  double shared_expert = 0;  ///< all shared experts of a layer
  double router = 0;         ///< of one layer
  double mtp = 0;            ///< one MTP module without embedding and head
};
ParameterCounts parameter_counts(const Architecture& model);

/// Forward FLOPs of one sequence: matrix products and causal attention, output layer in, look-up out, MTP out.
Flops forward_flops_per_sequence(const Architecture& model, std::int64_t sequence_length);
/// Three times the forward (DESIGN 3.3).
Flops model_flops_per_sequence(const Architecture& model, std::int64_t sequence_length);

enum class LayerKind { dense, moe, mtp_dense, mtp_moe };

/// Parameters that one rank holds, split as the data-parallel groups are.
struct RankParameters {
  double dense = 0;   ///< reduced over the data group
  double expert = 0;  ///< routed experts, reduced over the expert-data group
  [[nodiscard]] double total() const { return dense + expert; }
};

/// What one virtual pipeline stage holds.
struct StageWork {
  std::vector<LayerKind> layers;  ///< in forward order
  bool embedding = false;
  bool head = false;  ///< final norm, output projection and loss
  int mtp_heads = 0;  ///< MTP modules (their layers are in `layers`), each with its own pass through a head
  RankParameters parameters;
  Flops model_flops;  ///< model FLOPs of forward and backward, one micro-batch on one rank
};

/// A tensor kept from forward to backward by one micro-batch of one layer on one rank.
struct KeptTensor {
  std::string_view name;
  Bytes bytes;
};

/// Activations of one micro-batch of one layer on one rank.
struct ActivationBytes {
  Bytes kept;                       ///< until the backward of this micro-batch
  Bytes transient;                  ///< only while the layer runs (the largest moment)
  std::vector<KeptTensor> tensors;  ///< what `kept` is made of
};

/// All that the later rooms ask about a step's work. Immutable after construction.
struct Workload {
  std::vector<StageWork> stages;  ///< pp x vpp virtual stages in model order
  /// Passes by kind; a kind that no stage holds is empty.
  LayerWork dense;
  LayerWork moe;
  LayerWork mtp;
  LayerWork embedding;  ///< backward_weight: gradient of the table
  LayerWork head;
  Bytes boundary_bytes;  ///< activation that a stage sends to the next, one micro-batch, as a rank holds it
  Bytes sent_bytes;      ///< what a rank sends of it: the tp-th part where ranks that hold the same share the sending
  ActivationBytes dense_activations;
  ActivationBytes moe_activations;
  Bytes embedding_activations;
  Bytes head_activations;
  Flops model_flops_per_step;  ///< whole cluster, one step at the full batch
};

/// The scenario has passed check_layout(); every size divides. `load`: of a rank that receives so much over the mean
/// rows of its expert group.
Workload workload(const Scenario& scenario, double load = 1);

/// Gradient norm, AdamW over this rank's shard of `held` and the casts that follow it.
ComputeBlock optimizer_work(const Scenario& scenario, const RankParameters& held);

const LayerWork& layer_work(const Workload& workload, LayerKind kind);

/// Virtual stages that pipeline rank `rank` holds, in model order: two for DualPipe (both directions' copies) and the
/// V-shaped schedules, every pp-th otherwise.
std::vector<int> stages_of_rank(const Parallelism& parallelism, int rank);

/// Ranks over which a rank's dense parameters, and its experts, are sharded: all that hold the same (DualPipe counts
/// both copies of a stage), or a group of hybrid FSDP.
struct DataGroupSizes {
  double dense = 1;
  double expert = 1;
};
DataGroupSizes data_group_sizes(const Scenario& scenario);

}  // namespace gpuhours
