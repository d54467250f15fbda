#pragma once
// A linear layer's three GEMMs and the casts, transposes and scale layouts that the precision recipe puts around them.
// Recipes after Transformer Engine's (delayed, current, block, MXFP8, NVFP4) and, with separate_casts, DeepSeek-V3's
// (arXiv 2412.19437 section 3.3, and the kernels of its published trace).

#include "workload/dimensions.hpp"
#include "workload/operator_list.hpp"

namespace gpuhours {

class LinearKernels {
 public:
  LinearKernels(const Dimensions& d, OperatorList& list) : d_(d), list_(list) {}

  /// Casts an activation or gradient that GEMMs read, into both layouts unless casts are separate.
  /// `groups` experts may take a launch each.
  void cast_operand(std::string_view name, std::int64_t rows, std::int64_t cols, int groups = 1) const;
  /// The input of a column-parallel layer, where the norm writes `rows` of it: nothing where the norm casts, by rows
  /// alone where per-tensor FP8 is gathered next.
  void cast_norm_output(std::string_view name, std::int64_t rows, std::int64_t cols) const;
  /// A gradient's sequence shard before it is gathered; nothing where gradients travel in BF16.
  void cast_gradient_shard(std::string_view name, std::int64_t rows, std::int64_t cols) const;
  /// Per-tensor FP8 that was cast by rows alone, transposed for wgrad: Hopper's FP8 products read rows only.
  void transpose_for_wgrad(std::string_view name, std::int64_t rows, std::int64_t cols) const;
  /// Separate casts only: the per-channel casts of both wgrad operands, in backward.
  void cast_for_wgrad(std::string_view name, std::int64_t rows, std::int64_t cols) const;
  /// Scales of a 1x128 cast into the layout that the GEMM reads; separate casts only.
  void transpose_scales(std::int64_t rows, std::int64_t cols) const;
  void copy_scales(std::int64_t rows, std::int64_t cols) const;
  /// FP8 weights into the other layout; nothing where the recipe caches both.
  void transpose_weights(const Linear& linear) const;

  void fprop(const Linear& linear) const;
  void dgrad(const Linear& linear) const;
  /// Accumulates into the FP32 main gradient; with the bias gradient.
  void wgrad(const Linear& linear) const;

  /// cast of the gradient unless it is there, transpose_weights, dgrad, and cast_for_wgrad of the layer's input and
  /// gradient.
  void backward(const Linear& linear, bool gradient_cast = false) const;

 private:
  /// PyTorch's own accumulation: the result added to .grad; with FP32 gradients DeepSpeed's BF16 optimizer then casts,
  /// adds and clears it every micro-batch (BF16_Optimizer.update_hp_grads).
  void accumulate_gradient(const Linear& linear) const;
  void cast(std::string_view name, std::int64_t rows, std::int64_t cols, int groups = 1) const;
  /// Host launches of a grouped operator: `per_group` for each of its groups unless the stack has one kernel for all.
  void launch_per_group(Operator& op, int groups, int per_group) const;
  [[nodiscard]] int gemm_launches() const;
  void cast_rows(std::string_view name, std::int64_t rows, std::int64_t cols) const;
  [[nodiscard]] GemmFormats formats(double result_bytes) const;

  const Dimensions& d_;
  OperatorList& list_;
};

}  // namespace gpuhours
