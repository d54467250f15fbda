#include "workload/activations.hpp"
#include "workload/attention_core.hpp"
#include "workload/mlp.hpp"

namespace gpuhours {

namespace {

double elements(const Linear& linear) {
  return static_cast<double>(linear.outputs) * static_cast<double>(linear.inputs);
}

/// Grouped experts share one unused gradient a matrix.
double elements(const Mlp& mlp) { return elements(mlp.up) + elements(mlp.down); }

double attention_elements(const Dimensions& d) {
  const AttentionLinears l(d);
  if (d.model.attention != AttentionKind::mla) return elements(l.qkv) + elements(l.output);
  return elements(l.q_a) + elements(l.kv_a) + elements(l.q_b) + elements(l.kv_b) + elements(l.output);
}

}  // namespace

Bytes wgrad_placeholders(const Scenario& scenario, bool dense, bool moe, bool head) {
  if (!scenario.stack.wgrad_placeholders) return {};
  const Dimensions d(scenario);
  double sum = dense || moe ? attention_elements(d) : 0;
  if (dense) sum += elements(dense_mlp(d));
  if (moe) sum += elements(routed_mlp(d));
  // A shared expert as wide as a routed one has the same shapes.
  if (moe && d.shared_ffn > 0 && d.shared_ffn != d.moe_ffn) sum += elements(shared_mlp(d));
  if (head) sum += static_cast<double>(d.vocab) * static_cast<double>(d.hidden);
  return Bytes(sum * d.width);
}

}  // namespace gpuhours
