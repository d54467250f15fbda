#include "estimate/rank_floor.hpp"

#include <algorithm>

#include "schedule/step_work.hpp"

namespace gpuhours {
namespace {

bool is_mtp(LayerKind kind) { return kind == LayerKind::mtp_dense || kind == LayerKind::mtp_moe; }

bool is_product(const Operator& op) { return op.kind == OperatorKind::gemm || op.kind == OperatorKind::grouped_gemm; }

/// Sum of `cost` over the operators of `pass`.
template <class Cost>
double sum_over(const LayerPass& pass, const Cost& cost) {
  double sum = 0;
  for (const Segment& segment : pass) {
    const auto* block = std::get_if<ComputeBlock>(&segment);
    if (block == nullptr) continue;
    for (const Operator& op : block->operators) sum += cost(op);
  }
  return sum;
}

template <class OfLayer>
LeastBySlot by_slot(const Workload& workload, const OfLayer& of_layer) {
  LeastBySlot out{};
  for (std::size_t kind = 0; kind < TimedModel::kEmbedding; ++kind) {
    out[kind] = of_layer(layer_work(workload, static_cast<LayerKind>(kind)));
  }
  out[TimedModel::kEmbedding] = of_layer(workload.embedding);
  out[TimedModel::kHead] = of_layer(workload.head);
  return out;
}

double stage_sum(const StageWork& stage, const LeastBySlot& least) {
  double sum = stage.embedding ? least[TimedModel::kEmbedding] : 0;
  if (stage.head) sum += least[TimedModel::kHead];
  for (const LayerKind kind : stage.layers) {
    sum += least[static_cast<std::size_t>(kind)];
    if (is_mtp(kind)) sum += least[TimedModel::kHead];
  }
  return sum;
}

}  // namespace

double busiest_rank_sum(const std::vector<StageWork>& stages, const Parallelism& parallelism, int micro_batches,
                        const LeastBySlot& least) {
  std::vector<int> copies(stages.size(), 0);
  std::vector<std::vector<int>> held;
  for (int rank = 0; rank < parallelism.pp; ++rank) {
    held.push_back(stages_of_rank(parallelism, rank));
    for (const int stage : held.back()) ++copies[static_cast<std::size_t>(stage)];
  }
  double most = 0;
  for (const std::vector<int>& of_rank : held) {
    double sum = 0;
    for (const int stage : of_rank) {
      const auto at = static_cast<std::size_t>(stage);
      sum += stage_sum(stages[at], least) * (micro_batches / copies[at]);
    }
    most = std::max(most, sum);
  }
  return most;
}

LeastBySlot least_compute(const Workload& workload, const Gpu& gpu) {
  const auto cost = [&](const Operator& op) {
    if (!is_product(op) && op.kind != OperatorKind::attention) return 0.0;
    return op.flops / (matrix_peak(gpu, op.format) * gpu.tensor_factor) / Seconds(1);
  };
  return by_slot(workload, [&](const LayerWork& layer) {
    return sum_over(layer.forward, cost) + sum_over(layer.backward_input, cost) + sum_over(layer.backward_weight, cost);
  });
}

LeastBySlot least_traffic(const Workload& workload, const Gpu& gpu) {
  const auto cost = [&](const Operator& op) {
    return is_product(op) ? op.bytes / gpu.memory_bandwidth / Seconds(1) : 0.0;
  };
  return by_slot(workload, [&](const LayerWork& layer) {
    return sum_over(layer.forward, cost) + sum_over(layer.backward_input, cost);
  });
}

}  // namespace gpuhours
