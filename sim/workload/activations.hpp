#pragma once
// Activations that wait for backward, tensor by tensor, by recipe, stack and recompute set. Korthikanti et al. 2022
// (arXiv 2205.05198) for the sets; bytes an element by the formats that the recipe keeps.

#include "workload/dimensions.hpp"
#include "workload/workload.hpp"

namespace gpuhours {

ActivationBytes layer_activations(const Dimensions& d, bool moe);
/// What the embedding keeps: token indices.
Bytes embedding_activations(const Dimensions& d);
/// Final norm, logits and their softmax.
Bytes head_activations(const Dimensions& d);

}  // namespace gpuhours
