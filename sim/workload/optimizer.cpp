#include <cmath>

#include "core/checked.hpp"
#include "workload/operator_list.hpp"
#include "workload/workload.hpp"

namespace gpuhours {

namespace {

/// Gradient read; master weights and both moments read and written; the compute copy written where it is another.
double adamw_bytes_per_parameter(const PrecisionRecipe& r) {
  const double state = bytes_per_element(r.master_weights) + 2 * bytes_per_element(r.moments);
  const bool copy = r.weights != r.master_weights && !(r.low_precision_gemm() && r.weights == r.gemm);
  return bytes_per_element(r.gradients) + 2 * state + (copy ? bytes_per_element(r.weights) : 0);
}

void add_adamw(OperatorList& list, const PrecisionRecipe& r, double parameters) {
  const auto rows = nearest_whole<std::int64_t>(parameters);
  list.memory("gradient norm", OperatorKind::optimizer, laws::kGradNorm, rows, 1, bytes_per_element(r.gradients))
      .format = r.gradients;
  list.memory("adamw", OperatorKind::optimizer, laws::kAdamw, rows, 1, adamw_bytes_per_parameter(r)).format =
      r.master_weights;
}

/// FP8 primary weights are cast from the master shard; otherwise the gathered copy is cast, with its transpose if kept.
void add_weight_casts(OperatorList& list, const PrecisionRecipe& r, double shard, double whole) {
  if (!r.low_precision_gemm()) return;
  const double element = bytes_per_element(r.gemm);
  if (r.weights == r.gemm) {
    list.memory("cast weights", OperatorKind::cast, laws::kCastWeights, nearest_whole<std::int64_t>(shard), 1,
                bytes_per_element(r.master_weights) + element);
    if (r.weight_transpose_cached) {
      list.memory("transpose weights", OperatorKind::transpose, laws::kTransposeFp8, nearest_whole<std::int64_t>(whole),
                  1, 2 * element);
    }
    return;
  }
  const double copies = r.weight_transpose_cached ? 2 : 1;
  list.memory("cast weights", OperatorKind::cast, laws::kCastWeights, nearest_whole<std::int64_t>(whole), 1,
              bytes_per_element(r.weights) + copies * element);
}

}  // namespace

DataGroupSizes data_group_sizes(const Scenario& s) {
  const Parallelism& p = s.parallelism;
  if (p.fsdp == Fsdp::hybrid) {
    const double group = shard_ranks(p, s.cluster);
    return {group, group};
  }
  const double copies = p.schedule == Schedule::dualpipe ? 2 : 1;
  const double stage_ranks = static_cast<double>(s.cluster.gpus) / p.pp;
  return {copies * stage_ranks / p.tp, copies * stage_ranks / (static_cast<double>(p.ep) * p.etp)};
}

ComputeBlock optimizer_work(const Scenario& s, const RankParameters& held) {
  const DataGroupSizes groups = data_group_sizes(s);
  const bool sharded = s.parallelism.zero_stage >= 1 || s.parallelism.fsdp != Fsdp::none;
  const double shard = sharded ? held.dense / groups.dense + held.expert / groups.expert : held.total();
  OperatorList list(Pass::backward_weight);
  add_adamw(list, s.precision, shard);
  add_weight_casts(list, s.precision, shard, held.total());
  return {"optimizer", list.take()};
}

}  // namespace gpuhours
