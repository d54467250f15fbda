#pragma once
// The attention kernel itself with its context-parallel exchange, and the linear layers around it.

#include "workload/pass_builder.hpp"

namespace gpuhours {

/// Linear layers of one rank's attention.
struct AttentionLinears {
  explicit AttentionLinears(const Dimensions& d);
  Linear qkv;  ///< MHA, GQA
  Linear q_a;  ///< MLA, as the next three; rows are sequence shards for the down-projections
  Linear kv_a;
  Linear q_b;
  Linear kv_b;
  Linear output;
};

/// The forward kernel with its context-parallel exchange: a ring of keys and values that computes as they come (Liu et
/// al. 2023, arXiv 2310.01889, with Megatron's balanced halves), or all-to-alls from tokens to heads and back (Jacobs
/// et al. 2023, arXiv 2309.14509).
void attention_kernel(const Dimensions& d, PassBuilder& b);
/// The backward kernel with its pre- and post-kernels where they are separate.
void attention_kernel_backward(const Dimensions& d, PassBuilder& b);

/// Packed save of the attention output, its cast, and the output projection.
void output_projection(const Dimensions& d, PassBuilder& b, const Linear& output);
void output_projection_backward(const Dimensions& d, PassBuilder& b, const Linear& output);

void rotate(const Dimensions& d, PassBuilder& b, std::string_view name, std::int64_t cols);

}  // namespace gpuhours
