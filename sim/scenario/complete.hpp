#pragma once
// Figures that follow from others when a file leaves them out.

#include "scenario/architecture.hpp"

namespace gpuhours {

/// kv_heads 0 becomes heads; head_dim 0 becomes hidden / heads, for mla qk_nope + qk_rope.
void complete(Architecture& model);

}  // namespace gpuhours
