#pragma once
// Traces whose framework recorded the shapes of its calls ("Input Dims"): matrix products and attention by shape,
// without any annotation.
// Input: a trace with owners, the operators of one step. Output: each call of a matrix product or attention with the
// operator that it was. A framework may cut one expected product into up to three calls along one dimension (queries,
// keys and values; gate and up): calls of equal count that share two sizes and add up in the third are that product.
// Work that stands once in a step (optimizer, loss, embedding) takes every kernel that can be its law.

#include <optional>

#include "calibrate/match.hpp"
#include "workload/workload.hpp"

namespace gpuhours {

/// Sizes in the text of "Input Dims": "[[8,4],[4,2],[]]" is {{8, 4}, {4, 2}, {}}; lists inside a list are flattened
/// into it. Empty for a text that is not of this form.
std::vector<std::vector<std::int64_t>> input_sizes(std::string_view text);

/// The product or attention that a framework call of this name and these sizes is; `name` stays the call's.
std::optional<Operator> recorded_operator(std::string_view call, const std::vector<std::vector<std::int64_t>>& sizes);

/// All operators of a step of one micro-batch without pipeline: embedding, layers, head, optimizer.
std::vector<Operator> step_operators(const Scenario& scenario);

/// `phase` of the matches is "step". Operators that run alike in several layers are one another's occurrences.
TraceMatch match_recorded(const Trace& trace, const KernelClasses& classes, const std::vector<Operator>& expected);

}  // namespace gpuhours
