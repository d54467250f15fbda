#include "estimate/checks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "estimate/rank_floor.hpp"
#include "workload/routing.hpp"
#include "workload/stages.hpp"

namespace gpuhours {
namespace {

Seconds rank_floor(const StepModel& model, int global_batch, const LeastBySlot& least) {
  return Seconds(busiest_rank_sum(model.work().stages, model.scenario().parallelism,
                                  model.shape(global_batch).micro_batches, least));
}

}  // namespace

Seconds compute_floor(const StepModel& model, int global_batch) {
  const Scenario& s = model.scenario();
  const Architecture& m = s.model;
  const std::int64_t length = s.training.sequence_length;
  const auto tokens = static_cast<double>(length);
  const Flops head(head_forward_flops(m, length));
  const Flops attention(2 * attention_area(m, length) * m.heads * (m.qk_head_dim() + m.value_head_dim()) * m.layers);
  const int routers = m.is_moe() ? m.layers - m.dense_layers : 0;
  const Flops router(2 * tokens * m.hidden * m.experts * routers);
  Flops linear = forward_flops_per_sequence(m, length) - head - attention - router;
  if (m.is_moe()) linear *= 1 - dropped_share(s);
  const auto at_peak = [&](Flops flops, Format format) {
    return flops.value() > 0 ? flops / (matrix_peak(s.cluster.gpu, format) * s.cluster.gpu.tensor_factor) : Seconds{};
  };
  const PrecisionRecipe& r = s.precision;
  const Seconds sequence =
      at_peak(linear, r.gemm) + at_peak(attention, r.attention) + at_peak(head, r.head) + at_peak(router, r.router);
  return 3 * sequence * (static_cast<double>(global_batch) / s.cluster.gpus);
}

Seconds products_floor(const StepModel& model, int global_batch) {
  return rank_floor(model, global_batch, least_compute(model.work(), model.scenario().cluster.gpu));
}

Seconds bytes_floor(const StepModel& model, int global_batch) {
  const LeastBySlot least = least_traffic(model.work(), model.scenario().cluster.gpu);
  return rank_floor(model, global_batch, least) * std::min(1.0, model.scenario().stack.gemm_factor);
}

std::vector<std::string> broken_laws(const StepModel& model, int global_batch, Seconds step_time) {
  std::vector<std::string> broken;
  const auto check = [&](const char* what, Seconds floor) {
    if (step_time >= floor) return;
    broken.push_back(
        fmt::format("a step of {:.6g} s is below the {} floor of {:.6g} s", step_time.value(), what, floor.value()));
  };
  check("compute", std::max(compute_floor(model, global_batch), products_floor(model, global_batch)));
  check("bytes", bytes_floor(model, global_batch));
  return broken;
}

}  // namespace gpuhours
