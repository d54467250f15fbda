#include "scenario/formats.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "scenario/enum_names.hpp"

namespace gpuhours {

namespace {

struct Product {
  std::string_view path;
  Format format = Format::bf16;
};

/// Keys of the recipe that name the format of a matrix product.
std::vector<Product> products(const Scenario& s) {
  const PrecisionRecipe& r = s.precision;
  std::vector<Product> out{
      {"precision.gemm", r.gemm}, {"precision.attention", r.attention}, {"precision.head", r.head}};
  if (s.model.is_moe()) out.push_back({"precision.router", r.router});
  return out;
}

std::string named(const Gpu& gpu) { return gpu.id.empty() ? "the GPU" : gpu.id; }

/// "its formats are fp16, int8; 'precision: fp16' would do".
std::string formats_text(const Gpu& gpu) {
  std::vector<std::string_view> formats;
  for (const auto& [supported, rate] : gpu.peak_dense) formats.push_back(name(supported));
  std::string text = fmt::format("its formats are {}", fmt::join(formats, ", "));
  for (const Format format : {Format::bf16, Format::fp16}) {
    if (gpu.peak_dense.contains(format)) return text + fmt::format("; 'precision: {}' would do", name(format));
  }
  return text;
}

/// Fused attention is written for these (FlashAttention 2 and 3, cuDNN, xFormers).
bool has_attention_kernel(Format format) {
  return format == Format::bf16 || format == Format::fp16 || format == Format::fp8 || format == Format::tf32 ||
         format == Format::fp32;
}

/// Scales of 32 and of 16 values are the tensor cores' own from Blackwell on (Transformer Engine: MXFP8 and NVFP4 want
/// compute capability 10.0).
bool scales_in_hardware(const Gpu& gpu) {
  return gpu.generation == Generation::blackwell || gpu.generation == Generation::other;
}

}  // namespace

std::vector<FormatProblem> format_problems(const Scenario& scenario) {
  const Gpu& gpu = scenario.cluster.gpu;
  const PrecisionRecipe& recipe = scenario.precision;
  std::vector<FormatProblem> out;
  if (gpu.peak_dense.empty()) return out;  // reported where it is read
  for (const auto& [path, format] : products(scenario)) {
    if (matrix_format(gpu, format)) continue;
    out.push_back({std::string(path),
                   fmt::format("{} has no matrix units for '{}: {}'", named(gpu), path, name(format)),
                   formats_text(gpu)});
  }
  if (!has_attention_kernel(recipe.attention)) {
    out.push_back({"precision.attention", fmt::format("no attention kernel computes in {}", name(recipe.attention)),
                   "bf16, fp16, fp8, tf32 and fp32 have one"});
  }
  const bool small_blocks = recipe.scaling == Scaling::mx_32 || recipe.scaling == Scaling::nv_16;
  if (small_blocks && !scales_in_hardware(gpu)) {
    out.push_back({"precision.scaling",
                   fmt::format("{} has no matrix units for 'precision.scaling: {}', which is Blackwell's", named(gpu),
                               enum_name(recipe.scaling)),
                   formats_text(gpu)});
  }
  return out;
}

std::vector<std::string> emulated_formats(const Scenario& scenario) {
  const Gpu& gpu = scenario.cluster.gpu;
  std::vector<std::string> out;
  for (const auto& [path, format] : products(scenario)) {
    const std::optional<Format> runs = matrix_format(gpu, format);
    if (!runs || *runs == format) continue;
    std::string sentence = fmt::format("{} has no {} units: such products run at its {} rate, {:.4g} TFLOP/s",
                                       named(gpu), name(format), name(*runs), gpu.peak(*runs).value() * 1e-12);
    if (std::find(out.begin(), out.end(), sentence) == out.end()) out.push_back(std::move(sentence));
  }
  return out;
}

}  // namespace gpuhours
