#pragma once
// Figures that follow from others when a file leaves them out.

#include "scenario/architecture.hpp"
#include "scenario/hardware.hpp"
#include "scenario/money.hpp"

namespace gpuhours {

/// kv_heads 0 becomes heads; head_dim 0 becomes hidden / heads, for mla qk_nope + qk_rope.
void complete(Architecture& model);
/// Cuts the GPU down to its caps: peak rates together, NVLink, memory bandwidth.
void complete(Gpu& gpu);
/// A named grid's electricity and carbon stand for those of the price list.
void complete(Pricing& pricing);

}  // namespace gpuhours
