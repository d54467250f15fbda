#pragma once
// How tokens reach their experts and come back, by the stack's dispatcher. DeepEP (arXiv 2412.19437 section 3.2) sends
// a token once a rank and expands it there; all-to-all (Megatron) sends a copy an expert, sorted before and after;
// all-gather brings every token everywhere. Backward runs the same two moves with gradients.

#include "workload/pass_builder.hpp"

namespace gpuhours {

/// The move to the experts. `forward`: the layout is not known yet.
void send_to_experts(const Dimensions& d, PassBuilder& b, std::string_view block, bool forward);
/// Rows into the order of the local experts.
void expand_rows(const Dimensions& d, PassBuilder& b, bool forward);
void reduce_rows(const Dimensions& d, PassBuilder& b);
/// The move back.
void return_from_experts(const Dimensions& d, PassBuilder& b, std::string_view block, bool forward);

}  // namespace gpuhours
