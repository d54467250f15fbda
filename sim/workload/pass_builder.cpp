#include "workload/pass_builder.hpp"

namespace gpuhours {

namespace {

/// Public model code's RMSNorm, run eagerly by single kernels in FP32 between two casts; bytes an element. Forward:
/// cast up 6, square 8, mean 4, epsilon and reciprocal root on rows, product 8, cast down 6, weight 4.
constexpr double kEagerNorm = 36;
constexpr int kEagerNormKernels = 8;
/// Backward: weight 4, its gradient 6 and sum 2, cast up 6, product's two gradients 8 and 12 and sum 4, mean 4, square
/// 8 and 12, copy 8, sum of both ways 12, cast down 6; five small kernels on rows.
constexpr double kEagerNormBackward = 92;
constexpr int kEagerNormBackwardKernels = 18;

}  // namespace

void PassBuilder::close(std::string_view name) {
  if (list.empty()) return;
  segments_.emplace_back(ComputeBlock{std::string(name), list.take()});
}

void PassBuilder::gather_tokens(std::string_view block, std::string_view name, std::int64_t width, bool beside_next,
                                bool operand) {
  if (!d_.sequence_parallel) return;
  close(block);
  Communication c;
  c.name = name;
  c.kind = CommunicationKind::all_gather;
  c.group = GroupKind::tensor;
  const bool cast = operand && d_.gathers_operands;
  const double element = cast ? bytes_per_element(d_.scenario.precision.gemm) : d_.width;
  c.bytes = Bytes(static_cast<double>(d_.tokens * width) * element);
  c.beside_next = beside_next;
  communicate(std::move(c));
}

void PassBuilder::reduce_tokens(std::string_view block, std::string_view name, std::int64_t width) {
  if (d_.tp == 1) return;
  close(block);
  Communication c;
  c.name = name;
  c.kind = d_.sequence_parallel ? CommunicationKind::reduce_scatter : CommunicationKind::all_reduce;
  c.group = GroupKind::tensor;
  c.bytes = Bytes(static_cast<double>(d_.tokens * width) * d_.width);
  communicate(std::move(c));
}

void PassBuilder::norm(std::string_view name, std::int64_t rows, std::int64_t cols, bool residual) {
  const bool fused = residual && d_.scenario.stack.fused_norm;
  if (residual && !fused) add("residual add", rows, cols);
  if (d_.scenario.stack.eager_modules && !d_.layernorm) {
    list.memory(name, OperatorKind::norm, laws::kAdd, rows, cols, kEagerNorm).kernels = kEagerNormKernels;
    return;
  }
  const auto law =
      d_.layernorm ? (fused ? laws::kLayernormAdd : laws::kLayernorm) : (fused ? laws::kRmsnormAdd : laws::kRmsnorm);
  list.memory(name, OperatorKind::norm, law, rows, cols, (fused ? 4 : 2) * d_.width);
}

void PassBuilder::norm_backward(std::string_view name, std::int64_t rows, std::int64_t cols, bool residual) {
  const bool fused = residual && d_.scenario.stack.fused_norm;
  if (d_.scenario.stack.eager_modules && !d_.layernorm) {
    list.memory(name, OperatorKind::norm, laws::kAdd, rows, cols, kEagerNormBackward).kernels =
        kEagerNormBackwardKernels;
    if (residual) add("residual gradient add", rows, cols);
    return;
  }
  const auto law = d_.layernorm ? (fused ? laws::kLayernormBwdAdd : laws::kLayernormBwd)
                                : (fused ? laws::kRmsnormBwdAdd : laws::kRmsnormBwd);
  list.memory(name, OperatorKind::norm, law, rows, cols, (fused ? 4 : 3) * d_.width);
  if (residual && !fused) add("residual gradient add", rows, cols);
  list.small("norm weight gradient", OperatorKind::norm, d_.single_kernels ? 2 : 1);
}

void PassBuilder::add(std::string_view name, std::int64_t rows, std::int64_t cols) {
  list.memory(name, OperatorKind::elementwise, laws::kAdd, rows, cols, 3 * d_.width);
}

void PassBuilder::scale(std::string_view name, std::int64_t rows, std::int64_t cols) {
  if (d_.single_kernels) list.memory(name, OperatorKind::elementwise, laws::kScale, rows, cols, 2 * d_.width);
}

}  // namespace gpuhours
