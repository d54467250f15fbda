#include "scenario/complete.hpp"

#include <algorithm>

namespace gpuhours {

void complete(Architecture& model) {
  if (model.kv_heads == 0) model.kv_heads = model.heads;
  if (model.head_dim == 0 && model.attention == AttentionKind::mla) model.head_dim = model.qk_nope + model.qk_rope;
  if (model.head_dim == 0 && model.heads > 0) model.head_dim = model.hidden / model.heads;
}

void complete(Gpu& gpu) {
  const double tpp = processing_performance(gpu).tpp;
  if (gpu.caps.tpp > 0 && tpp > gpu.caps.tpp) {
    for (auto& [format, rate] : gpu.peak_dense) rate *= gpu.caps.tpp / tpp;
  }
  if (gpu.caps.nvlink_total.value() > 0) {
    gpu.nvlink_per_direction = std::min(gpu.nvlink_per_direction, gpu.caps.nvlink_total / 2);
  }
  if (gpu.caps.memory_bandwidth.value() > 0) {
    gpu.memory_bandwidth = std::min(gpu.memory_bandwidth, gpu.caps.memory_bandwidth);
  }
}

void complete(Pricing& pricing) {
  if (pricing.grid.carbon_kg_per_joule > 0) pricing.carbon_kg_per_joule = pricing.grid.carbon_kg_per_joule;
  if (pricing.grid.electricity.value() > 0) pricing.electricity = pricing.grid.electricity;
}

}  // namespace gpuhours
