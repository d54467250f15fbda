#pragma once
// The kinds of process groups; cluster/placement.hpp says who is in one.

namespace gpuhours {

enum class GroupKind { tensor, context, expert, expert_tensor, data, expert_data, pipeline };

}  // namespace gpuhours
