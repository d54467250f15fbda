#pragma once
// The expert half of a layer: router, dispatch, shared and routed experts, combine.

#include "workload/pass_builder.hpp"

namespace gpuhours {

/// Continues the attention block (norm, router), then dispatch, "mlp" and combine.
void moe_forward(const Dimensions& d, PassBuilder& b);
/// Combine's backward to the gradient of the residual stream; ends inside the attention block.
void moe_backward(const Dimensions& d, PassBuilder& b);
void moe_weight(const Dimensions& d, PassBuilder& b);

/// Bytes that one token takes on its way to the experts (scales included) and back.
double dispatch_bytes_per_token(const Dimensions& d);
double combine_bytes_per_token(const Dimensions& d);

}  // namespace gpuhours
