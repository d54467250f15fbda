#pragma once
// The attention half of a layer, norm included: MHA and GQA with one fused projection, MLA with its compressed queries,
// keys and values (DeepSeek-V2, arXiv 2405.04434 section 2.1). Each function adds to the builder's open block.

#include "workload/pass_builder.hpp"

namespace gpuhours {

/// From the residual stream to the attention output, reduced over the tensor group.
void attention_forward(const Dimensions& d, PassBuilder& b);
/// From the output's gradient to the residual stream's; recomputed operators first where they are needed.
void attention_backward(const Dimensions& d, PassBuilder& b);
void attention_weight(const Dimensions& d, PassBuilder& b);

/// FLOPs of one pass of the attention kernel on this rank: 2 matrix products forward, 5 backward.
double attention_kernel_flops(const Dimensions& d, Pass pass);

}  // namespace gpuhours
