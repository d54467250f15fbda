#pragma once
// What the software decides: the precision recipe (models/precision/) and the software stack (calibration/stacks/).

#include <optional>
#include <string>
#include <vector>

#include "scenario/hardware.hpp"

namespace gpuhours {

/// How a low-precision GEMM's operands are scaled.
enum class Scaling { none, tensor_delayed, tensor_current, block_128, mx_32, nv_16 };

/// Which numbers are held and moved in which format.
struct PrecisionRecipe {
  std::string id = "bf16";
  Format gemm = Format::bf16;  ///< fprop, dgrad and wgrad of the linear layers and experts
  Scaling scaling = Scaling::none;
  Format attention = Format::bf16;  ///< the attention kernel itself
  Format activations = Format::bf16;
  Format router = Format::bf16;
  Format head = Format::bf16;           ///< embedding and output projection
  Format dispatch = Format::bf16;       ///< expert dispatch, forward; also the gradient's way in (backward of combine)
  Format combine = Format::bf16;        ///< expert combine, both directions
  Format weights = Format::bf16;        ///< copy that is computed with and gathered
  Format gradients = Format::fp32;      ///< accumulated over micro-batches
  Format gradient_sync = Format::fp32;  ///< reduced over data-parallel ranks
  Format master_weights = Format::fp32;
  Format moments = Format::fp32;        ///< AdamW's two moments
  bool store_fp8_activations = false;   ///< inputs of linear layers are kept for backward in the GEMM's format
  bool keeps_gathered_weights = true;   ///< false: low-precision copies alone are held, cast as the weights arrive
  bool weight_transpose_cached = true;  ///< false: FP8 weights are transposed anew for every micro-batch
  std::vector<Source> sources;

  [[nodiscard]] bool low_precision_gemm() const { return scaling != Scaling::none; }
  bool operator==(const PrecisionRecipe&) const = default;
};

enum class Dispatcher { deepep, alltoall, allgather, hybridep };
/// DeepEP and its successor for NVLink domains: a token goes once to each rank (or first to each domain) that it
/// visits.
[[nodiscard]] constexpr bool sends_token_once(Dispatcher dispatcher) {
  return dispatcher == Dispatcher::deepep || dispatcher == Dispatcher::hybridep;
}
/// What CUDA graphs hold where a stack uses them: whole passes, or attention with the router, or the router alone.
enum class GraphScope { all, attention, router };
/// Whose matrix products and fused kernels, as files of calibration/kernels call it.
enum class KernelFamily { cublas, deepgemm };
std::string_view name(KernelFamily family);
/// Whose fused attention: the vendor's (cuDNN, FlashAttention-3 alike) or FlashAttention-2.
enum class AttentionKernel { cudnn, flash2 };

/// A constant of a stack that was fitted to published runs.
struct FittedConstant {
  std::string constant;  ///< the key: gemm_factor, step_overhead, ...
  double error = 0;      ///< standard error, in the key's SI unit
};

/// How the errors of two fitted constants go together.
struct FittedCorrelation {
  std::string first, second;
  double value = 0;
};

/// What is known of a stack's fit (calibration/stacks/fits/, written by `gpuhours calibrate --runs`).
struct StackFit {
  int rows = 0;
  int groups = 0;
  std::vector<FittedConstant> constants;
  std::vector<FittedCorrelation> correlations;
};

/// A software stack: what is fused, what overlaps, how experts are dispatched, and its few fitted constants.
struct Stack {
  std::string id = "generic";
  std::string name;
  std::string family;  ///< of stacks that share code: a stack nobody has described takes one of its family
  KernelFamily kernels = KernelFamily::cublas;
  bool cuda_graphs = false;  ///< launch gaps are hidden
  GraphScope graph_scope = GraphScope::all;
  Seconds launch_gap;       ///< between kernels that run back to back
  Seconds launch_interval;  ///< host time a launch takes: a floor for kernels shorter than it
  Dispatcher dispatcher = Dispatcher::alltoall;
  int communication_sms = 0;            ///< SMs held by expert dispatch and combine kernels
  int collective_sms = 0;               ///< SMs held by NCCL kernels
  bool sm_aware_gemm = false;           ///< GEMMs that may run beside communication are sized to the SMs left
  bool overlap_expert = false;          ///< dispatch and combine run beside another micro-batch's compute (F&B chunks)
  bool delay_weight_gradients = false;  ///< in F&B chunks weight gradients fill the time of dispatch and combine
  bool overlap_tensor = false;          ///< tensor-parallel all-gather and reduce-scatter run in chunks beside the GEMM
  bool overlap_gradients = false;       ///< data-parallel reduction runs beside the last micro-batch's backward
  bool overlap_parameters = false;      ///< data-parallel all-gather of parameters runs beside the first forward
  bool overlap_pipeline = true;         ///< pipeline sends run beside compute
  bool scatter_gather_sends = false;    ///< tensor ranks send a share each of what they all hold, then all-gather
  bool fused_norm = true;               ///< residual add and norm are one kernel
  bool fused_activation = true;         ///< activation and cast are one kernel
  bool fused_norm_cast = false;         ///< norms write the next product's operand in its format (delayed scaling)
  bool fused_rope = true;
  bool fused_grouped_gemm = true;  ///< experts of a rank are one launch, bias and clamp within; else a launch an expert
  bool fused_gradient_accumulation =
      true;  ///< wgrad adds into the gradient; else kernels of their own do, every micro-batch
  AttentionKernel attention_kernel = AttentionKernel::cudnn;
  double attention_factor = 1;  ///< time of attention kernels over their law's
  bool fused_cross_entropy = true;
  bool shared_expert_overlap = false;
  bool cross_entropy_in_place = false;  ///< the loss writes the logits' gradient over them
  bool keeps_cast_operands = true;      ///< scaled copies of inputs and weights wait for backward; false: cast anew
  bool keeps_attention_scores = false;  ///< attention without FlashAttention: scores wait for backward
  bool dropout_masks = false;           ///< of residual dropout, and of the scores' where they are kept
  bool wgrad_placeholders = false;      ///< an unused gradient for each shape of weight stays allocated
  bool eager_modules = false;  ///< norms and gates keep their intermediate tensors (public model code run eagerly)
  Bytes gradient_bucket;
  Bytes memory_overhead;       ///< context, libraries and what the driver keeps, per GPU
  Bytes library_workspace;     ///< of matrix-product libraries, from the framework's allocator
  Bytes communicator_buffers;  ///< of one communicator on one GPU
  double fragmentation = 0.0;  ///< share of activations, loss and workspace

  // What only whole steps show: defaults have no effect, `gpuhours calibrate --runs` fits them.
  Seconds step_overhead;           ///< host work between steps: data loading, logging, the optimizer's host side
  Seconds layer_overhead;          ///< host work per layer, micro-batch and pass (forward, backward)
  double rank_variation = 0;       ///< relative standard deviation of compute time between ranks
  double memory_bound_factor = 1;  ///< time of memory-bound kernels over their law's
  double gemm_factor = 1;          ///< time of matrix products inside a step over their law's
  double exposed_share = 0;        ///< of communication that runs beside compute, the share that does not
  double step_error = 0.15;        ///< relative standard deviation of measured step times about predicted ones
  std::optional<StackFit> fit;
  std::vector<Source> sources;
};

}  // namespace gpuhours
