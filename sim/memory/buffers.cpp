#include "memory/buffers.hpp"

#include <algorithm>

#include "workload/stages.hpp"

namespace gpuhours {

namespace {

/// Transformer Engine, initialize_ub: six all-gathers and four reduce-scatters of a layer have a buffer each.
constexpr int kOverlapBuffers = 10;
/// DeepEP, Buffer.get_dispatch_config: tokens of a peer's buffer in a channel over NVLink and over RDMA, two SMs a
/// channel; RDMA holds a send and a receive side.
constexpr double kNvlinkTokens = 256;
constexpr double kRdmaTokens = 128;
constexpr int kSmsPerChannel = 2;

/// Whole parameters of the model's largest layer on one rank of its tensor and expert groups.
double largest_layer(const Scenario& s) {
  const ParameterCounts counts = parameter_counts(s.model);
  double largest = 0;
  for (int i = 0; i < s.model.layers; ++i) {
    largest = std::max(largest, layer_rank_parameters(s, counts, s.model.moe_layer(i)).total());
  }
  return largest;
}

double output_table(const Scenario& s) {
  return static_cast<double>(s.model.vocab) * s.model.hidden / s.parallelism.tp;
}

}  // namespace

int communicators(const Scenario& s) {
  const Parallelism& p = s.parallelism;
  const DataGroupSizes data = data_group_sizes(s);
  int count = 0;
  for (const int size : {p.tp, p.pp, p.cp}) count += size > 1 ? 1 : 0;
  count += data.dense > 1 ? 1 : 0;
  if (!s.model.is_moe()) return count;
  for (const int size : {p.ep, p.etp}) count += size > 1 ? 1 : 0;
  const bool own_group = data.expert > 1 && data.expert != data.dense;
  return count + (own_group ? 1 : 0);
}

Bytes tensor_overlap_buffers(const Scenario& s) {
  if (s.parallelism.tp == 1 || !s.parallelism.sequence_parallel || !s.stack.overlap_tensor) return {};
  const Dimensions d(s);
  return Bytes(kOverlapBuffers * static_cast<double>(d.tokens) * static_cast<double>(d.hidden) * d.width);
}

Bytes deepep_buffers(const Scenario& s) {
  if (!s.model.is_moe() || s.parallelism.ep == 1 || s.stack.dispatcher != Dispatcher::deepep) return {};
  const double channels = s.stack.communication_sms / kSmsPerChannel;
  const double token = s.model.hidden * bytes_per_element(s.precision.combine);
  const int domain = std::max(1, std::min(s.cluster.node.nvlink_domain, s.parallelism.ep));
  const int domains = s.parallelism.ep / domain;
  const double nvlink = channels * domain * kNvlinkTokens * token;
  return Bytes(nvlink + (domains > 1 ? channels * domains * kRdmaTokens * token * 2 : 0));
}

Bytes hybridep_buffers(const Scenario& s) {
  if (!s.model.is_moe() || s.parallelism.ep == 1 || s.stack.dispatcher != Dispatcher::hybridep) return {};
  const Dimensions d(s);
  const double most = static_cast<double>(d.moe_tokens) * s.parallelism.ep;
  return Bytes(most * static_cast<double>(d.hidden) * bytes_per_element(s.precision.combine));
}

double gathered_parameters(const Scenario& s, bool head) {
  const double layer = largest_layer(s);
  return layer + (head ? std::max(layer, output_table(s)) : layer);
}

double unsharded_gradient_parameters(const Scenario& s, bool head) {
  return head ? std::max(largest_layer(s), output_table(s)) : largest_layer(s);
}

}  // namespace gpuhours
