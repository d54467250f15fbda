#include "workload/linear.hpp"

namespace gpuhours {

namespace {

constexpr double kBlockCast = 3 + 4.0 / 128;
constexpr int kBlock = 128;

std::string joined(std::string_view a, std::string_view b) {
  std::string text;
  text.reserve(a.size() + b.size());
  return text.append(a).append(b);
}

std::int64_t scales(std::int64_t cols) { return (cols + kBlock - 1) / kBlock; }

}  // namespace

void LinearKernels::launch_per_group(Operator& op, int groups, int per_group) const {
  if (groups > 1 && !d_.scenario.stack.fused_grouped_gemm) op.launches = groups * per_group;
}

/// Microscaled operands have their scales brought into the tensor cores' order first, each by a kernel.
int LinearKernels::gemm_launches() const {
  const Scaling scaling = d_.scenario.precision.scaling;
  return scaling == Scaling::mx_32 || scaling == Scaling::nv_16 ? 3 : 1;
}

void LinearKernels::cast(std::string_view name, std::int64_t rows, std::int64_t cols, int groups) const {
  using enum OperatorKind;
  const auto memory = [&](const char* verb, OperatorKind kind, std::string_view law, double bytes) {
    launch_per_group(list_.memory(joined(verb, name), kind, law, rows, cols, bytes), groups, 1);
  };
  switch (d_.scenario.precision.scaling) {
    case Scaling::none:
      return;
    case Scaling::tensor_current:
      memory("amax ", OperatorKind::cast, laws::kAmax, 2);
      [[fallthrough]];
    case Scaling::tensor_delayed:
      memory("cast ", cast_transpose, laws::kCastTransposeTensor, 4);
      return;
    case Scaling::block_128:
      if (d_.separate_casts) {
        memory("cast ", OperatorKind::cast, laws::kCast1x128, kBlockCast);
      } else {
        memory("cast ", cast_transpose, laws::kCastBoth128, 4 + 8.0 / 128);
      }
      return;
    case Scaling::mx_32:
      memory("cast ", cast_transpose, laws::kCastMx32, 4 + 2.0 / 32);
      return;
    case Scaling::nv_16:
      memory("cast ", cast_transpose, laws::kCastNv16, 3 + 2.0 / 16);
      return;
  }
}

void LinearKernels::cast_operand(std::string_view name, std::int64_t rows, std::int64_t cols, int groups) const {
  cast(name, rows, cols, groups);
  transpose_scales(rows, cols);
}

void LinearKernels::cast_rows(std::string_view name, std::int64_t rows, std::int64_t cols) const {
  const Scaling scaling = d_.scenario.precision.scaling;
  if (scaling != Scaling::tensor_delayed && scaling != Scaling::tensor_current) {
    cast(name, rows, cols);  // both layouts are gathered
    return;
  }
  if (scaling == Scaling::tensor_current) {
    list_.memory(joined("amax ", name), OperatorKind::cast, laws::kAmax, rows, cols, 2);
  }
  list_.memory(joined("cast ", name), OperatorKind::cast, laws::kCastTensor, rows, cols, 3);
}

void LinearKernels::cast_norm_output(std::string_view name, std::int64_t rows, std::int64_t cols) const {
  const bool by_norm = d_.scenario.stack.fused_norm_cast && d_.scenario.precision.scaling == Scaling::tensor_delayed;
  if (d_.casts_with_norm && !by_norm) cast_rows(name, rows, cols);
}

void LinearKernels::cast_gradient_shard(std::string_view name, std::int64_t rows, std::int64_t cols) const {
  if (d_.gathers_operands) cast_rows(name, rows, cols);
}

void LinearKernels::transpose_for_wgrad(std::string_view name, std::int64_t rows, std::int64_t cols) const {
  const Scaling scaling = d_.scenario.precision.scaling;
  const bool tensor = scaling == Scaling::tensor_delayed || scaling == Scaling::tensor_current;
  if (!tensor || d_.scenario.cluster.gpu.generation != Generation::hopper) return;
  list_.memory(joined("transpose ", name), OperatorKind::transpose, laws::kTransposeFp8, rows, cols, 2).format =
      Format::fp8;
}

void LinearKernels::cast_for_wgrad(std::string_view name, std::int64_t rows, std::int64_t cols) const {
  if (!d_.separate_casts) return;
  list_.memory(joined("cast+transpose ", name), OperatorKind::cast_transpose, laws::kCastTranspose128, rows, cols,
               kBlockCast);
}

void LinearKernels::transpose_scales(std::int64_t rows, std::int64_t cols) const {
  if (!d_.separate_casts) return;
  list_.memory("scale transpose", OperatorKind::transpose, laws::kScaleTranspose, rows, scales(cols), 8).format =
      Format::fp32;
}

void LinearKernels::copy_scales(std::int64_t rows, std::int64_t cols) const {
  if (!d_.separate_casts) return;
  list_.memory("scale copy", OperatorKind::transpose, laws::kScaleCopy, rows, scales(cols), 8).format = Format::fp32;
}

void LinearKernels::transpose_weights(const Linear& linear) const {
  const PrecisionRecipe& recipe = d_.scenario.precision;
  if (!d_.low_precision || recipe.weight_transpose_cached) return;
  const double bytes = 2 * bytes_per_element(recipe.gemm);
  list_
      .memory(joined("transpose weights ", linear.name), OperatorKind::transpose, laws::kTransposeFp8,
              linear.outputs * linear.groups, linear.inputs, bytes)
      .format = recipe.gemm;
}

GemmFormats LinearKernels::formats(double result_bytes) const {
  const PrecisionRecipe& recipe = d_.scenario.precision;
  return {recipe.gemm, recipe.scaling, result_bytes};
}

void LinearKernels::fprop(const Linear& l) const {
  const GemmShape shape{l.rows, l.outputs, l.inputs, l.groups, l.spread};
  launch_per_group(list_.gemm(joined(l.name, " fprop"), shape, l.grouped, formats(d_.width)), l.groups,
                   gemm_launches());
}

void LinearKernels::dgrad(const Linear& l) const {
  const GemmShape shape{l.rows, l.inputs, l.outputs, l.groups, l.spread};
  launch_per_group(list_.gemm(joined(l.name, " dgrad"), shape, l.grouped, formats(d_.width)), l.groups,
                   gemm_launches());
}

void LinearKernels::accumulate_gradient(const Linear& l) const {
  const bool to_fp32 = d_.scenario.precision.gradients == Format::fp32 && d_.width < 4;
  const double add = 3 * d_.width;                        // the product's result joins .grad
  const double copy = (d_.width + 4) + 3 * 4 + d_.width;  // cast, sum in FP32, .grad cleared
  list_
      .memory(joined("accumulate ", l.name), OperatorKind::elementwise, laws::kAdd, l.outputs * l.groups, l.inputs,
              to_fp32 ? add + copy : add)
      .kernels = (to_fp32 ? 4 : 1) * l.groups;
}

void LinearKernels::wgrad(const Linear& l) const {
  const bool fused = d_.scenario.stack.fused_gradient_accumulation;
  const double gradient = bytes_per_element(d_.scenario.precision.gradients);
  Operator& op = list_.gemm(joined(l.name, " wgrad"), {l.outputs, l.inputs, l.rows, l.groups, l.spread}, l.grouped,
                            formats(fused ? 2 * gradient : d_.width));
  op.accumulate = fused && d_.scenario.precision.gradients == Format::fp32;
  launch_per_group(op, l.groups, gemm_launches());
  // One kernel an expert where DeepSeek's framework loops over them.
  if (l.grouped && d_.single_kernels) op.kernels = l.groups;
  if (!fused) accumulate_gradient(l);
  if (l.bias)
    list_.memory(joined("bias grad ", l.name), OperatorKind::elementwise, laws::kBiasGrad, l.rows, l.outputs, 2);
}

void LinearKernels::backward(const Linear& l, bool gradient_cast) const {
  if (!gradient_cast) cast_operand(joined("dY of ", l.name), l.rows, l.outputs, l.groups);
  transpose_weights(l);
  dgrad(l);
  cast_for_wgrad(joined("X of ", l.name), l.rows, l.inputs);
  cast_for_wgrad(joined("dY of ", l.name), l.rows, l.outputs);
}

}  // namespace gpuhours
