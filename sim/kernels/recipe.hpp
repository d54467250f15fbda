#pragma once
// How calibration files call number formats with their scaling, passes and memory-bound kernels, and which stands in
// for which where a GPU has no law of its own.

#include <span>
#include <string_view>

#include "workload/operator.hpp"

namespace gpuhours {

enum class Recipe { bf16, fp16, fp8_tensor, fp8_row, fp8_block, mxfp8, nvfp4, tf32, fp32, fp64, fp6, int8 };
inline constexpr int kRecipes = 12;
std::string_view name(Recipe recipe);
Recipe recipe_of(Format format, Scaling scaling);
/// The format whose peak and bytes the recipe's GEMMs have.
Format format_of(Recipe recipe);
/// The key of that format in a calibration file's `peak_dense_tflops`.
std::string_view peak_key(Recipe recipe);

enum class GemmPass { fprop, dgrad, wgrad, wgrad_accumulate };
inline constexpr int kGemmPasses = 4;
std::string_view name(GemmPass pass);
GemmPass gemm_pass(Pass pass, bool accumulate);

/// Every name that Operator::law may carry (workload/laws.hpp).
std::span<const std::string_view> memory_law_names();
/// The memory-bound law that stands in for `law`, empty when there is none (only "add" and "small" have none).
std::string_view stand_in(std::string_view law);
/// The memory-bound law of an operator that names none.
std::string_view default_law(OperatorKind kind, Pass pass);

}  // namespace gpuhours
