#pragma once
// Activations that wait for backward, tensor by tensor, by recipe, stack and recompute set. Korthikanti et al. 2022
// (arXiv 2205.05198) for the sets; bytes an element by the formats that the recipe keeps.

#include "workload/dimensions.hpp"
#include "workload/workload.hpp"

namespace gpuhours {

ActivationBytes layer_activations(const Dimensions& d, bool moe);
/// Unused gradients, one a shape of weight on the rank, for stacks whose wgrads accumulate into the main gradient
/// (Transformer Engine's get_dummy_wgrad): `dense` and `moe` layers, `head` the output projection.
Bytes wgrad_placeholders(const Scenario& scenario, bool dense, bool moe, bool head);
/// What the embedding keeps: token indices.
Bytes embedding_activations(const Dimensions& d);
/// Final norm, logits and their softmax.
Bytes head_activations(const Dimensions& d);

}  // namespace gpuhours
