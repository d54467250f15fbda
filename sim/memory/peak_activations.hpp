#pragma once
// Activations of one pipeline rank at the fullest moment of a step, found by walking its order of chunks: a forward
// adds its stage's kept tensors, a full backward or a backward-for-weights removes them.

#include "schedule/pipeline.hpp"
#include "workload/workload.hpp"

namespace gpuhours {

struct RankActivations {
  Bytes kept;       ///< of all micro-batches in flight, largest moment
  Bytes transient;  ///< the largest of one layer on the rank
  Bytes head;       ///< logits and loss buffers, once per pass through the head
};
RankActivations rank_activations(const Workload& workload, const PipelinePlan& plan, int rank);

/// Kept by one micro-batch of a virtual stage, loss buffers left out.
Bytes stage_activations(const Workload& workload, const StageWork& stage);

/// What one dispatch and one combine hold on the way, per rank.
Bytes dispatch_buffers(const Workload& workload, const std::vector<int>& stages);

}  // namespace gpuhours
