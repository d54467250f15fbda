#pragma once
// Models and scenarios written out by hand, so that expected figures can be worked out beside them.

#include <variant>

#include "workload/laws.hpp"
#include "workload/workload.hpp"

namespace gpuhours::test {

inline Architecture deepseek_v3() {
  Architecture m;
  m.id = "deepseek-v3";
  m.layers = 61;
  m.dense_layers = 3;
  m.hidden = 7168;
  m.ffn_hidden = 18432;
  m.vocab = 129280;
  m.attention = AttentionKind::mla;
  m.heads = m.kv_heads = 128;
  m.head_dim = 192;
  m.q_lora = 1536;
  m.kv_lora = 512;
  m.qk_nope = 128;
  m.qk_rope = 64;
  m.v_head_dim = 128;
  m.experts = 256;
  m.shared_experts = 1;
  m.top_k = 8;
  m.moe_ffn_hidden = 2048;
  m.expert_groups = 8;
  m.groups_per_token = 4;
  m.mtp_layers = 1;
  return m;
}

/// The published layout on 2,048 GPUs with the recipe and stack that the trace shows.
inline Scenario deepseek_run() {
  Scenario s;
  s.model = deepseek_v3();
  s.cluster.gpus = 2048;
  s.cluster.gpu.memory_capacity = Bytes(80.0 * 1024 * 1024 * 1024);
  s.parallelism.pp = 16;
  s.parallelism.ep = 64;
  s.parallelism.schedule = Schedule::dualpipe;
  s.training.global_batch = 15360;
  s.training.mtp = true;
  s.training.recompute = Recompute::selective;
  s.training.recompute_ops = {RecomputeOp::norm, RecomputeOp::mla_up_projection, RecomputeOp::activation};
  s.precision.id = "deepseek_fp8";
  s.precision.gemm = Format::fp8;
  s.precision.scaling = Scaling::block_128;
  s.precision.dispatch = Format::fp8;
  s.precision.weights = Format::fp8;
  s.precision.moments = Format::bf16;
  s.precision.store_fp8_activations = true;
  s.precision.weight_transpose_cached = false;
  s.stack.kernels = KernelFamily::deepgemm;
  s.stack.dispatcher = Dispatcher::deepep;
  return s;
}

/// 2 layers, hidden 8, 2 heads of 4, one key-value head, SwiGLU of 16, vocabulary 32.
inline Architecture tiny_dense() {
  Architecture m;
  m.layers = 2;
  m.hidden = 8;
  m.ffn_hidden = 16;
  m.vocab = 32;
  m.heads = 2;
  m.kv_heads = 1;
  m.head_dim = 4;
  return m;
}

/// The same with 8 experts of 4, 2 of them a token, on both layers.
inline Architecture tiny_moe() {
  Architecture m = tiny_dense();
  m.experts = 8;
  m.top_k = 2;
  m.moe_ffn_hidden = 4;
  return m;
}

inline Scenario tiny_run(const Architecture& model) {
  Scenario s;
  s.model = model;
  s.cluster.gpus = 1;
  s.cluster.gpu.memory_capacity = Bytes(1e9);
  s.training.sequence_length = 16;
  s.training.global_batch = 1;
  return s;
}

template <typename Visit>
void for_each_operator(const LayerPass& pass, Visit visit) {
  for (const Segment& segment : pass) {
    if (const auto* block = std::get_if<ComputeBlock>(&segment)) {
      for (const Operator& op : block->operators) visit(*block, op);
    }
  }
}

inline const Operator* find_operator(const LayerPass& pass, std::string_view name) {
  const Operator* found = nullptr;
  for_each_operator(pass, [&](const ComputeBlock&, const Operator& op) {
    if (found == nullptr && op.name == name) found = &op;
  });
  return found;
}

inline std::vector<Communication> communications(const LayerPass& pass) {
  std::vector<Communication> found;
  for (const Segment& segment : pass) {
    if (const auto* c = std::get_if<Communication>(&segment)) found.push_back(*c);
  }
  return found;
}

}  // namespace gpuhours::test
