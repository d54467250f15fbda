#pragma once
// clang-format off
// Names of the memory- and latency-bound kernels that an Operator's `law` may carry. kernels/ fits one law to each.
// `rows` x `cols` is the tensor named below; "B" is Operator::bytes divided by rows x cols: the least traffic to and
// from HBM, every operand once. T tokens of the rank, H hidden size, F width after the activation, E experts, P routed
// rows padded by expert, U distinct tokens received.
//
// law                        rows x cols                 B        what
// rmsnorm                    T x width, BF16             4        read x, write y
// rmsnorm_add                T x H                       8        residual add and norm in one: read x and residual,
//                                                                 write sum and y
// rmsnorm_bwd                T x width                   6        read dy and x, write dx
// rmsnorm_bwd_add            T x H                       8        the same and adds the residual's gradient
// layernorm ... _bwd_add                                          as rmsnorm, with mean and bias
// swiglu                     rows x F (output)           6        read gate and up, write their product (geglu alike)
// swiglu_bwd                 rows x F                    10       read dy, gate, up; write dgate, dup
// swiglu_cast_1x128          rows x F                    5+1/32   read gate and up, write FP8 and FP32 scales
// swiglu_cast_transpose_128  rows x F                    5+1/32   the same, FP8 transposed, scales per channel
// swiglu_recompute_bwd       P x F                       12       swiglu and swiglu_bwd in one, writes both results
// swiglu_prob_bwd            P x F                       4        gradient of the gate probability: read dy and y
// gelu                       rows x F                    4        also squared ReLU
// gelu_bwd                   rows x F                    6        read dy and x, write dx
// cast_1x128                 rows x cols                 3+1/32   BF16 to FP8, an FP32 scale per 128
// cast_back_1x128            rows x cols                 3+1/32   and back
// cast_e5m6                  rows x cols                 3.5      BF16 to packed 12 bit
// cast_back_e5m6             rows x cols                 3.5      and back
// cast_transpose_128         rows x cols                 3+1/32   BF16 to transposed FP8, scales per 128 of a channel
// recast_transpose_128       rows x cols                 2+1/16   FP8 1x128 to FP8 transposed, scales read and written
// cast_both_128              rows x cols                 4+1/16   cast_1x128 and cast_transpose_128 in one kernel
// cast_tensor                rows x cols                 3        BF16 to FP8, scale of the tensor already known
// amax                       rows x cols                 2        read BF16, one maximum
// cast_transpose_tensor      rows x cols                 4        BF16 to FP8 and to transposed FP8
// cast_mx32                  rows x cols                 4+1/16   BF16 to FP8 along rows and columns, 1-byte scales
// cast_nv16                  rows x cols                 3+1/8    BF16 to FP4 along rows and columns
// transpose_fp8              N x K of a weight           2        read and write (all experts together)
// scale_transpose            rows x scales a row, FP32   8        read and write
// scale_copy                 P x scales a row, FP32      8        strided copy of scales for a grouped GEMM
// add                        rows x cols                 6        BF16 sum of two
// scale                      rows x cols                 4        BF16 times a constant
// fill                       rows x cols                 2
// bias_grad                  rows x cols                 2        column sums of dy
// reduce_heads               T x (heads x rope)          2        sum over heads (output is small)
// copy_strided               rows x cols                 4        copy of a slice
// broadcast_strided          T x (heads x rope)          2        one k_rope written for all heads
// rope                       T x (heads x rope)          4        rotate in place
// permute                    rows out x H                (rows in + rows out) x bytes a token over rows out x H:
//                                                                 BF16 2 H, FP8 H + 4 H/128
// unpermute                  rows in x H                 (rows in + rows out) x 2 H, sums rows of a token
// permute_index              U x top-k                   0        counts and maps: latency
// router_topk                T x E, FP32                 4        scores to chosen experts, `kernels` launches
// router_topk_bwd            T x E, FP32                 8
// small                      any                         any      kernels of a few us each, `kernels` launches
// attention_pre              T x (heads x v)             4 + 4 qk/v  before attention backward: read dO and O, clear
//                                                                 the FP32 accumulator of dQ
// attention_post             T x (heads x qk)            6        FP32 dQ to BF16
// cross_entropy              T x vocabulary of the rank  2 (4 FP32 logits)   forward: read logits, fused
// cross_entropy_bwd          T x vocabulary of the rank  4        read logits, write gradient
// cross_entropy_eager        T x vocabulary of the rank  2        by single kernels with FP32 copies (slow)
// cross_entropy_eager_bwd    T x vocabulary of the rank  2
// embedding                  T x H                       4        read table rows, write
// embedding_bwd              T x H                       10       read dy, read and write FP32 gradient rows
// grad_norm                  parameters x 1              bytes of a gradient
// adamw                      parameters x 1              read gradient, master and moments; write the last three and
//                                                                 the compute copy
// cast_weights               parameters x 1              BF16 or FP32 master to FP8 copies (and transposes)

// clang-format on

#include <string_view>

namespace gpuhours::laws {

inline constexpr std::string_view kRmsnorm = "rmsnorm";
inline constexpr std::string_view kRmsnormAdd = "rmsnorm_add";
inline constexpr std::string_view kRmsnormBwd = "rmsnorm_bwd";
inline constexpr std::string_view kRmsnormBwdAdd = "rmsnorm_bwd_add";
inline constexpr std::string_view kLayernorm = "layernorm";
inline constexpr std::string_view kLayernormAdd = "layernorm_add";
inline constexpr std::string_view kLayernormBwd = "layernorm_bwd";
inline constexpr std::string_view kLayernormBwdAdd = "layernorm_bwd_add";
inline constexpr std::string_view kSwiglu = "swiglu";
inline constexpr std::string_view kSwigluBwd = "swiglu_bwd";
inline constexpr std::string_view kSwigluCast1x128 = "swiglu_cast_1x128";
inline constexpr std::string_view kSwigluCastTranspose128 = "swiglu_cast_transpose_128";
inline constexpr std::string_view kSwigluRecomputeBwd = "swiglu_recompute_bwd";
inline constexpr std::string_view kSwigluProbBwd = "swiglu_prob_bwd";
inline constexpr std::string_view kGelu = "gelu";
inline constexpr std::string_view kGeluBwd = "gelu_bwd";
inline constexpr std::string_view kCast1x128 = "cast_1x128";
inline constexpr std::string_view kCastBack1x128 = "cast_back_1x128";
inline constexpr std::string_view kCastE5m6 = "cast_e5m6";
inline constexpr std::string_view kCastBackE5m6 = "cast_back_e5m6";
inline constexpr std::string_view kCastTranspose128 = "cast_transpose_128";
inline constexpr std::string_view kRecastTranspose128 = "recast_transpose_128";
inline constexpr std::string_view kCastBoth128 = "cast_both_128";
inline constexpr std::string_view kCastTensor = "cast_tensor";
inline constexpr std::string_view kAmax = "amax";
inline constexpr std::string_view kCastTransposeTensor = "cast_transpose_tensor";
inline constexpr std::string_view kCastMx32 = "cast_mx32";
inline constexpr std::string_view kCastNv16 = "cast_nv16";
inline constexpr std::string_view kTransposeFp8 = "transpose_fp8";
inline constexpr std::string_view kScaleTranspose = "scale_transpose";
inline constexpr std::string_view kScaleCopy = "scale_copy";
inline constexpr std::string_view kAdd = "add";
inline constexpr std::string_view kScale = "scale";
inline constexpr std::string_view kFill = "fill";
inline constexpr std::string_view kBiasGrad = "bias_grad";
inline constexpr std::string_view kReduceHeads = "reduce_heads";
inline constexpr std::string_view kCopyStrided = "copy_strided";
inline constexpr std::string_view kBroadcastStrided = "broadcast_strided";
inline constexpr std::string_view kRope = "rope";
inline constexpr std::string_view kPermute = "permute";
inline constexpr std::string_view kUnpermute = "unpermute";
inline constexpr std::string_view kPermuteIndex = "permute_index";
inline constexpr std::string_view kRouterTopk = "router_topk";
inline constexpr std::string_view kRouterTopkBwd = "router_topk_bwd";
inline constexpr std::string_view kSmall = "small";
inline constexpr std::string_view kAttentionPre = "attention_pre";
inline constexpr std::string_view kAttentionPost = "attention_post";
inline constexpr std::string_view kCrossEntropy = "cross_entropy";
inline constexpr std::string_view kCrossEntropyBwd = "cross_entropy_bwd";
inline constexpr std::string_view kCrossEntropyEager = "cross_entropy_eager";
inline constexpr std::string_view kCrossEntropyEagerBwd = "cross_entropy_eager_bwd";
inline constexpr std::string_view kEmbedding = "embedding";
inline constexpr std::string_view kEmbeddingBwd = "embedding_bwd";
inline constexpr std::string_view kGradNorm = "grad_norm";
inline constexpr std::string_view kAdamw = "adamw";
inline constexpr std::string_view kCastWeights = "cast_weights";

}  // namespace gpuhours::laws
