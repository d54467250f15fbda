#include "kernels/recipe.hpp"

#include <array>
#include <utility>

namespace gpuhours {

std::string_view name(Recipe recipe) {
  constexpr std::array<std::string_view, kRecipes> kNames = {
      "bf16", "fp16", "fp8_tensor", "fp8_row", "fp8_block", "mxfp8", "nvfp4", "tf32", "fp32", "fp64", "fp6", "int8"};
  return kNames[static_cast<std::size_t>(recipe)];
}

Recipe recipe_of(Format format, Scaling scaling) {
  switch (format) {
    case Format::fp16:
      return Recipe::fp16;
    case Format::fp8:
      if (scaling == Scaling::block_128) return Recipe::fp8_block;
      return scaling == Scaling::mx_32 ? Recipe::mxfp8 : Recipe::fp8_tensor;
    case Format::fp4:
      return Recipe::nvfp4;
    case Format::tf32:
      return Recipe::tf32;
    case Format::fp32:
      return Recipe::fp32;
    case Format::fp64:
      return Recipe::fp64;
    case Format::fp6:
      return Recipe::fp6;
    case Format::int8:
      return Recipe::int8;
    case Format::bf16:
      return Recipe::bf16;
  }
  return Recipe::bf16;
}

Format format_of(Recipe recipe) {
  switch (recipe) {
    case Recipe::bf16:
      return Format::bf16;
    case Recipe::fp16:
      return Format::fp16;
    case Recipe::fp8_tensor:
    case Recipe::fp8_row:
    case Recipe::fp8_block:
    case Recipe::mxfp8:
      return Format::fp8;
    case Recipe::nvfp4:
      return Format::fp4;
    case Recipe::tf32:
      return Format::tf32;
    case Recipe::fp32:
      return Format::fp32;
    case Recipe::fp64:
      return Format::fp64;
    case Recipe::fp6:
      return Format::fp6;
    case Recipe::int8:
      return Format::int8;
  }
  return Format::bf16;
}

std::string_view peak_key(Recipe recipe) { return name(format_of(recipe)); }

std::string_view name(GemmPass pass) {
  constexpr std::array<std::string_view, kGemmPasses> kNames = {"fprop", "dgrad", "wgrad", "wgrad_accumulate"};
  return kNames[static_cast<std::size_t>(pass)];
}

GemmPass gemm_pass(Pass pass, bool accumulate) {
  if (pass == Pass::forward) return GemmPass::fprop;
  if (pass == Pass::backward_input) return GemmPass::dgrad;
  return accumulate ? GemmPass::wgrad_accumulate : GemmPass::wgrad;
}

std::span<const std::string_view> memory_law_names() {
  static constexpr std::string_view kNames[] = {"rmsnorm",
                                                "rmsnorm_add",
                                                "rmsnorm_bwd",
                                                "rmsnorm_bwd_add",
                                                "layernorm",
                                                "layernorm_add",
                                                "layernorm_bwd",
                                                "layernorm_bwd_add",
                                                "swiglu",
                                                "swiglu_bwd",
                                                "swiglu_cast_1x128",
                                                "swiglu_cast_transpose_128",
                                                "swiglu_recompute_bwd",
                                                "swiglu_prob_bwd",
                                                "gelu",
                                                "gelu_bwd",
                                                "cast_1x128",
                                                "cast_back_1x128",
                                                "cast_e5m6",
                                                "cast_back_e5m6",
                                                "cast_transpose_128",
                                                "cast_both_128",
                                                "recast_transpose_128",
                                                "cast_tensor",
                                                "amax",
                                                "cast_transpose_tensor",
                                                "cast_mx32",
                                                "cast_nv16",
                                                "transpose_fp8",
                                                "scale_transpose",
                                                "scale_copy",
                                                "add",
                                                "scale",
                                                "fill",
                                                "bias_grad",
                                                "reduce_heads",
                                                "copy_strided",
                                                "broadcast_strided",
                                                "rope",
                                                "permute",
                                                "unpermute",
                                                "permute_index",
                                                "router_topk",
                                                "router_topk_bwd",
                                                "small",
                                                "attention_pre",
                                                "attention_post",
                                                "cross_entropy",
                                                "cross_entropy_bwd",
                                                "cross_entropy_eager",
                                                "cross_entropy_eager_bwd",
                                                "embedding",
                                                "embedding_bwd",
                                                "grad_norm",
                                                "adamw",
                                                "cast_weights"};
  return kNames;
}

std::string_view stand_in(std::string_view law) {
  using Pair = std::pair<std::string_view, std::string_view>;
  constexpr Pair kStandIns[] = {
      {"rmsnorm", "add"},
      {"rmsnorm_add", "rmsnorm"},
      {"rmsnorm_bwd", "rmsnorm"},
      {"rmsnorm_bwd_add", "rmsnorm_bwd"},
      {"layernorm", "rmsnorm"},
      {"layernorm_add", "rmsnorm_add"},
      {"layernorm_bwd", "rmsnorm_bwd"},
      {"layernorm_bwd_add", "rmsnorm_bwd_add"},
      {"swiglu", "add"},
      {"swiglu_bwd", "swiglu"},
      {"swiglu_cast_1x128", "swiglu"},
      {"swiglu_cast_transpose_128", "cast_transpose_128"},
      {"swiglu_recompute_bwd", "swiglu_bwd"},
      {"swiglu_prob_bwd", "swiglu_bwd"},
      {"gelu", "swiglu"},
      {"gelu_bwd", "swiglu_bwd"},
      {"cast_1x128", "cast_tensor"},
      {"cast_back_1x128", "cast_1x128"},
      {"cast_e5m6", "cast_1x128"},
      {"cast_back_e5m6", "cast_e5m6"},
      {"cast_transpose_128", "cast_transpose_tensor"},
      {"recast_transpose_128", "cast_transpose_128"},
      {"cast_both_128", "cast_transpose_tensor"},
      {"cast_tensor", "add"},
      {"cast_transpose_tensor", "cast_tensor"},
      {"cast_mx32", "cast_1x128"},
      {"cast_nv16", "cast_1x128"},
      {"transpose_fp8", "cast_transpose_tensor"},
      {"scale_transpose", "small"},
      {"scale_copy", "scale_transpose"},
      {"bias_grad", "amax"},
      {"broadcast_strided", "copy_strided"},
      {"unpermute", "permute"},
      {"router_topk", "small"},
      {"router_topk_bwd", "router_topk"},
      {"permute_index", "router_topk"},
      {"attention_post", "attention_pre"},
      {"cross_entropy_bwd", "cross_entropy"},
      {"cross_entropy_eager", "cross_entropy"},
      {"cross_entropy_eager_bwd", "cross_entropy_eager"},
      {"cast_weights", "cast_tensor"},
  };
  for (const auto& [from, to] : kStandIns) {
    if (from == law) return to;
  }
  return law == "add" || law == "small" ? std::string_view{} : std::string_view{"add"};
}

std::string_view default_law(OperatorKind kind, Pass pass) {
  const bool forward = pass == Pass::forward;
  switch (kind) {
    case OperatorKind::norm:
      return forward ? "rmsnorm" : "rmsnorm_bwd";
    case OperatorKind::activation:
      return forward ? "swiglu" : "swiglu_bwd";
    case OperatorKind::cast:
      return "cast_1x128";
    case OperatorKind::cast_transpose:
      return "cast_transpose_128";
    case OperatorKind::transpose:
      return "transpose_fp8";
    case OperatorKind::copy:
      return "copy_strided";
    case OperatorKind::rope:
      return "rope";
    case OperatorKind::permute:
      return forward ? "permute" : "unpermute";
    case OperatorKind::router:
      return forward ? "router_topk" : "router_topk_bwd";
    case OperatorKind::cross_entropy:
      return forward ? "cross_entropy" : "cross_entropy_bwd";
    case OperatorKind::embedding:
      return forward ? "embedding" : "embedding_bwd";
    case OperatorKind::optimizer:
      return "adamw";
    case OperatorKind::gemm:
    case OperatorKind::grouped_gemm:
    case OperatorKind::attention:
    case OperatorKind::elementwise:
      return "add";
  }
  return "add";
}

}  // namespace gpuhours
