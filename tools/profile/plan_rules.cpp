#include "plan_rules.hpp"

namespace gpuhours::profile {
namespace {

using enum Column;

/// A memory-bound op over rows x cols that may be measured beside a copier.
OpRule by_rows(std::string_view name, std::vector<std::string_view> directions, std::vector<std::string_view> dtypes) {
  return {name, std::move(directions), std::move(dtypes), {kRows, kCols}, {kGroups}};
}

const std::vector<OpRule>& rules() {
  static const std::vector<OpRule> kRules = {
      {"gemm", {"fprop", "dgrad", "wgrad"}, {"bf16", "fp16", "fp8_tensor", "fp8_block", "fp32"}, {kM, kN, kK}, {}},
      {"gemm_under_copier",
       {"fprop", "dgrad", "wgrad"},
       {"bf16", "fp16", "fp8_tensor", "fp8_block"},
       {kM, kN, kK, kGroups},
       {}},
      {"grouped_gemm",
       {"fprop", "dgrad", "wgrad"},
       {"bf16", "fp16", "fp8_tensor", "fp8_block"},
       {kM, kN, kK, kGroups},
       {kRows}},
      {"attention",
       {"fwd", "bwd"},
       {"bf16", "fp16"},
       {kBatch, kHeads, kKvHeads, kHeadDimQk, kHeadDimV, kSeq, kCausal},
       {kGroups}},
      by_rows("rms_norm", {"fwd", "bwd"}, {"bf16"}),
      by_rows("layer_norm", {"fwd", "bwd"}, {"bf16"}),
      by_rows("swiglu", {"fwd", "bwd"}, {"bf16"}),
      by_rows("gelu", {"fwd", "bwd"}, {"bf16"}),
      by_rows("add", {"fwd"}, {"bf16"}),
      by_rows("scale", {"fwd"}, {"bf16"}),
      by_rows("cast_fp8_tensor", {"fwd"}, {"bf16"}),
      by_rows("cast_fp8_block", {"fwd"}, {"bf16"}),
      by_rows("cast_transpose_fp8", {"fwd"}, {"bf16"}),
      by_rows("transpose_fp8", {"fwd"}, {"fp8_tensor"}),
      by_rows("copy", {"fwd"}, {"bf16", "fp16", "fp32"}),
      by_rows("softmax_cross_entropy", {"fwd", "bwd"}, {"bf16"}),
      {"rope", {"fwd", "bwd"}, {"bf16"}, {kRows, kCols, kHeadDimQk}, {kGroups}},
      {"permute", {"fwd"}, {"bf16"}, {kRows, kCols, kK}, {kGroups}},
      {"unpermute", {"fwd"}, {"bf16"}, {kRows, kCols, kK}, {kGroups}},
      {"adamw", {"fwd"}, {"fp32", "bf16"}, {kElements}, {kGroups}},
      {"grad_norm", {"fwd"}, {"fp32", "bf16"}, {kElements}, {kGroups}},
      {"collective",
       {"all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast"},
       {"bf16", "fp32"},
       {kElements},
       {}},
      {"launch_gap", {"eager", "graph"}, {"bf16"}, {kElements}, {}},
  };
  return kRules;
}

}  // namespace

const OpRule* find_rule(std::string_view op) {
  for (const OpRule& rule : rules()) {
    if (rule.name == op) return &rule;
  }
  return nullptr;
}

std::vector<std::string_view> op_names() {
  std::vector<std::string_view> names;
  for (const OpRule& rule : rules()) names.push_back(rule.name);
  return names;
}

}  // namespace gpuhours::profile
