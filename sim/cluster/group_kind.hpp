#pragma once
// The kinds of process groups; cluster/placement.hpp says who is in one.

namespace gpuhours {

/// shard: data-parallel ranks that share one copy of the weights (hybrid FSDP); replica: holders of the same shard.
enum class GroupKind { tensor, context, expert, expert_tensor, data, expert_data, pipeline, shard, replica };

}  // namespace gpuhours
