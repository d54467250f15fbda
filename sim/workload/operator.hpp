#pragma once
// The workload's words: what one rank does for one micro-batch of one layer, as operators (kernels to be timed) and
// communications, in the order that they run. A multiply-add is two FLOPs; attention counts causal FLOPs.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cluster/group_kind.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

enum class Pass { forward, backward_input, backward_weight };

enum class OperatorKind {
  gemm,
  grouped_gemm,
  attention,
  norm,
  activation,
  cast,            ///< to a low-precision format with scales, or back
  cast_transpose,  ///< cast with a transposed copy (per-channel scales)
  transpose,       ///< of low-precision weights
  elementwise,     ///< residual adds, scaling, bias
  copy,
  rope,
  permute,
  router,  ///< scores, top-k, maps: many small kernels
  cross_entropy,
  embedding,
  optimizer,
};
inline constexpr int kOperatorKinds = static_cast<int>(OperatorKind::optimizer) + 1;
std::string_view name(OperatorKind kind);

/// fprop: m tokens, n outputs, k inputs; dgrad: m tokens, n inputs, k outputs; wgrad: m outputs, n inputs, k tokens.
struct GemmShape {
  std::int64_t m = 0;  ///< grouped: rows (wgrad: reduction) of all groups together
  std::int64_t n = 0;
  std::int64_t k = 0;
  int groups = 1;
  double spread = 0;  ///< relative standard deviation of the groups' rows
};

struct AttentionShape {
  std::int64_t batch = 0;
  std::int64_t heads = 0;  ///< query heads on this rank
  std::int64_t kv_heads = 0;
  std::int64_t qk_dim = 0;
  std::int64_t v_dim = 0;
  std::int64_t seq_q = 0;
  std::int64_t seq_kv = 0;
  bool causal = true;
  std::int64_t window = 0;  ///< 0: none
};

/// One kernel, or a few that always run together.
struct Operator {
  std::string name;  ///< "q_b fprop", "rmsnorm 7168"
  OperatorKind kind = OperatorKind::elementwise;
  Pass pass = Pass::forward;
  Format format = Format::bf16;  ///< of the matrix product; of the elements otherwise
  Scaling scaling = Scaling::none;
  GemmShape gemm;
  AttentionShape attention;
  std::int64_t rows = 0;  ///< memory-bound kinds: rows x cols elements
  std::int64_t cols = 0;
  Flops flops;
  Bytes bytes;              ///< least traffic to and from HBM
  int kernels = 1;          ///< launches
  int launches = 0;         ///< of the host, where they are more than `kernels` (a launch an expert)
  bool accumulate = false;  ///< wgrad adds into FP32
  bool recomputed = false;  ///< runs again in backward: hardware FLOPs, not model FLOPs
  std::string law;          ///< special law name in calibration/, empty: by kind
};

enum class CommunicationKind {
  all_reduce,
  all_gather,
  reduce_scatter,
  all_to_all,
  dispatch,  ///< MoE tokens to experts
  combine,   ///< and back
  send,      ///< pipeline neighbour
};
std::string_view name(CommunicationKind kind);

/// Which process group; see cluster/placement.hpp for who is in it.
std::string_view name(GroupKind kind);

/// A communication as the workload asks for it; cluster and schedule turn it into time or flows.
struct Communication {
  std::string name;
  CommunicationKind kind = CommunicationKind::all_reduce;
  GroupKind group = GroupKind::tensor;
  Bytes bytes;  ///< all_reduce, reduce_scatter: input of a rank; all_gather: output of a rank; all_to_all: send buffer
                ///< of a rank, its own share included; send: sent by a rank
  std::int64_t tokens = 0;  ///< dispatch, combine: tokens of a rank
  double bytes_per_token = 0;
  bool first_of_pair = false;      ///< a dispatch whose layout is not known yet (host reads the counts)
  bool beside_next = false;        ///< the next block does not need it (the one after does): both may run at once
  std::vector<Operator> prologue;  ///< kernels that run on the communication stream before it (a cast)
};

/// Kernels that run back to back on the compute stream between two meeting points.
struct ComputeBlock {
  std::string name;  ///< "attn", "mlp", "mlp shared", kExchangeBlock
  std::vector<Operator> operators;
};
/// Kernels at the far side of an all-to-all, which hides with it where expert communication is overlapped.
inline constexpr std::string_view kExchangeBlock = "exchange";

using Segment = std::variant<ComputeBlock, Communication>;

/// One pass of one layer for one micro-batch on one rank, in dependency order: each segment needs the one before it.
/// forward of an MoE layer: attn, dispatch, mlp, combine; backward_input: combine', mlp, dispatch', attn;
/// backward_weight: mlp, attn (no communication).
using LayerPass = std::vector<Segment>;

/// The three passes of one layer. Recomputed operators stand in backward_input with `recomputed` set.
struct LayerWork {
  LayerPass forward;
  LayerPass backward_input;
  LayerPass backward_weight;
};

}  // namespace gpuhours
