#pragma once
// A result filled by hand: DeepSeek-V3's published step and run.

#include "report/metrics.hpp"

namespace gpuhours::test {

inline Scenario sample_scenario() {
  Scenario s;
  s.name = "deepseek_v3_h800";
  s.model.id = "deepseek-v3";
  s.model.name = "DeepSeek-V3";
  s.model.experts = 256;
  s.cluster.gpu.id = "h800_sxm";
  s.cluster.gpu.name = "NVIDIA H800 SXM5 80 GB";
  s.cluster.gpus = 2048;
  s.cluster.node.id = "hgx_h800";
  s.cluster.fabric.id = "deepseek_mpft";
  s.precision.id = "fp8_block";
  s.parallelism.pp = 16;
  s.parallelism.ep = 64;
  s.parallelism.schedule = Schedule::dualpipe;
  s.training.tokens = 14.8e12;
  s.training.global_batch = 15360;
  s.stack.id = "deepseek-hai";
  s.pricing.id = "h800_deepseek_2024_12";
  return s;
}

/// Step 19.93 s, 2.788 M GPU hours, 5.576 M USD, 70 of 80 GiB.
inline Estimate sample_estimate() {
  Estimate e;
  e.step.time = Seconds(19.926);
  e.step.tokens_per_s_per_gpu = 1541.7;
  e.step.model_flops_per_gpu = FlopsPerSecond(385e12);
  e.step.mfu = 0.3894;
  e.step.mfu_native = 0.1947;
  e.step.breakdown = {.forward = Seconds(1.13),
                      .backward = Seconds(1.99),
                      .weight = Seconds(0.48),
                      .forward_backward = Seconds(13.95),
                      .bubble = Seconds(2.06),
                      .optimizer = Seconds(0.29),
                      .exposed_tp = {},
                      .exposed_ep = {},
                      .exposed_dp = {},
                      .exposed_pp = Seconds(0.026),
                      .exposed_cp = {}};
  e.step.chunks.time[static_cast<std::size_t>(ChunkKind::forward_backward)] = Seconds(13.95);
  e.step.chunks.time[static_cast<std::size_t>(ChunkKind::backward_input)] = Seconds(1.5);
  e.step.chunks.time[static_cast<std::size_t>(ChunkKind::backward)] = Seconds(0.49);
  e.step.by_rank = {e.step.breakdown};
  e.step.schedule_run = Schedule::dualpipe;
  e.step.exposed_communication = Seconds(0.026);
  e.memory.entries = {{"weights", Bytes(20 * 1073741824.0)}, {"master weights", Bytes(50 * 1073741824.0)}};
  e.memory.peak = Bytes(70 * 1073741824.0);
  e.memory.capacity = Bytes(80 * 1073741824.0);
  PhaseEstimate main{"main", 14.8e12, 235239.66, Seconds(19.926), Seconds(4687385.5), 2664000, true, 0.0026};
  PhaseEstimate given{"context extension", 0, 0, {}, Seconds(217968.75), 124000, false, 0};
  e.run.phases = {main, given};
  e.run.tokens = 14.8e12;
  e.run.steps = 235239.66;
  e.run.wall_time = Seconds(4905354.25);
  e.run.gpu_hours = 2788000;
  e.cost.usd = Dollars(5.576e6);
  e.cost.rate = Dollars(2) / kHour;
  e.cost.energy = 3.2e6 * kKilowattHour;
  e.provenance = {0.6, 0.3, 0.1, {{"sends between stages", 0.02}}};
  e.notes = {"1F1B trains 0.26 % of the tokens"};
  return e;
}

}  // namespace gpuhours::test
