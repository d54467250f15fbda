#pragma once
// The passes of whole layers, of embedding and head, and the optimizer's work.

#include "workload/dimensions.hpp"
#include "workload/workload.hpp"

namespace gpuhours {

/// Attention and MLP or experts, with recompute.
LayerWork transformer_layer(const Dimensions& d, bool moe);
/// A multi-token-prediction module: two norms, projection of both to the hidden size, one layer (DeepSeek-V3 report
/// 2.2); its pass through the head is Workload::head once more.
LayerWork mtp_layer(const Dimensions& d, bool moe);
LayerWork embedding_layer(const Dimensions& d);
LayerWork head_layer(const Dimensions& d);

}  // namespace gpuhours
