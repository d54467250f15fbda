#pragma once
// Sizes of one rank's share of one micro-batch, and which of the recipe's and the stack's habits shape its kernels.

#include <cstdint>

#include "scenario/scenario.hpp"

namespace gpuhours {

/// Element counts unless said otherwise. T stands for `tokens`.
struct Dimensions {
  /// `load`: rows that this rank receives over the mean of its expert group (routing.hpp).
  explicit Dimensions(const Scenario& scenario, double load = 1);

  const Scenario& scenario;
  const Architecture& model;

  std::int64_t batch = 0;        ///< sequences of a micro-batch
  std::int64_t sequence = 0;     ///< tokens of a sequence, over all context-parallel ranks
  std::int64_t tokens = 0;       ///< that a tensor-parallel group works on: batch x sequence / cp
  std::int64_t norm_tokens = 0;  ///< rows of norms and residuals on this rank: T / tp under sequence parallelism
  std::int64_t moe_tokens = 0;   ///< that this rank routes
  int tp = 1;
  bool sequence_parallel = false;  ///< false for tp = 1

  std::int64_t hidden = 0;
  std::int64_t heads = 0;     ///< of this rank, as all widths below
  std::int64_t kv_heads = 0;  ///< at least 1
  std::int64_t qk = 0;        ///< dimension of a head
  std::int64_t v = 0;
  std::int64_t ffn = 0;
  std::int64_t shared_ffn = 0;  ///< all shared experts together
  std::int64_t moe_ffn = 0;     ///< of one routed expert
  std::int64_t vocab = 0;

  std::int64_t experts = 0;      ///< routed experts of this rank
  std::int64_t routed_rows = 0;  ///< token-expert pairs that this rank computes, padded by expert
  std::int64_t received = 0;     ///< distinct tokens that this rank receives, as expected for independent tokens
  double load = 1;               ///< rows received over the mean of the expert group
  double row_spread = 0;         ///< relative standard deviation of the rows from expert to expert

  double width = 2;            ///< bytes of an activation element
  bool low_precision = false;  ///< linear layers run with scaled operands
  /// DeepSeek's recipe (FP8 blocks, activations kept in FP8, weight transposes not cached), reproduced kernel by kernel
  /// as its trace shows it: operands cast separately for each GEMM that reads them (the attention input twice), weights
  /// transposed for every micro-batch, per-channel casts for wgrad in backward, attention output kept in 12 bit.
  bool separate_casts = false;
  /// The DeepGEMM kernel family's framework: router and top-k by single kernels, residual scaling, attention backward's
  /// pre- and post-kernels apart (other families' attention law holds them).
  bool single_kernels = false;
  /// Sequence shards travel in the matrix products' format: cast before they are gathered (Transformer Engine).
  bool gathers_operands = false;
  /// Inputs of column-parallel layers are cast where the norm writes them: before a gathering, or by the norm itself.
  bool casts_with_norm = false;
  bool gated = true;       ///< three MLP matrices
  bool layernorm = false;  ///< with mean and bias, else RMSNorm

  [[nodiscard]] bool recomputes(RecomputeOp op) const;
};

/// Matrix elements that attention computes for one head and sequence of length `sequence`: half for causal, less under
/// a window; for windows on some layers only, the mean over layers.
double attention_area(const Architecture& model, std::int64_t sequence);

/// The window that gives every layer attention_area(), 0: none.
std::int64_t mean_window(const Architecture& model, std::int64_t sequence);

}  // namespace gpuhours
