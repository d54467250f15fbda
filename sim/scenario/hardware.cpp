#include "scenario/hardware.hpp"

#include "scenario/enum_names.hpp"

namespace gpuhours {

double bytes_per_element(Format format) {
  switch (format) {
    case Format::fp64:
      return 8;
    case Format::fp32:
    case Format::tf32:
      return 4;
    case Format::bf16:
    case Format::fp16:
      return 2;
    case Format::fp8:
    case Format::int8:
      return 1;
    case Format::fp6:
      return 0.75;
    case Format::fp4:
      return 0.5;
  }
  return 0;
}

ProcessingPerformance processing_performance(const Gpu& gpu) {
  ProcessingPerformance best;
  for (const auto& [format, rate] : gpu.peak_dense) {
    // TF32 operands are held in 32 bits; counting 19 would change no chip of the catalogue.
    const double tpp = rate.value() * 1e-12 * 8 * bytes_per_element(format);
    const bool named_before_int8 = tpp == best.tpp && format != Format::int8;  // of equals the narrowest float
    if (tpp > best.tpp || named_before_int8) best = {tpp, format};
  }
  return best;
}

std::string_view name(Format format) { return enum_name(format); }
std::string_view name(Generation generation) { return enum_name(generation); }
std::string_view name(KernelFamily family) { return enum_name(family); }

// Which products of a missing format software does with FP32 arithmetic. BF16: PyTorch computes it on parts before
// Ampere (torch.cuda.is_bf16_supported counts that as emulation), since BF16 is FP32's upper half. FP16: cuBLAS takes
// FP16 operands with CUBLAS_COMPUTE_32F on every part. TF32: cuBLAS computes FP32 where there are no TF32 units. FP8,
// FP6, FP4 and INT8: Transformer Engine and torch._scaled_mm refuse a part without their units. FP64 and FP32: by their
// own units alone.
std::optional<Format> matrix_format(const Gpu& gpu, Format format) {
  if (gpu.peak(format).value() > 0) return format;
  const bool by_fp32 = format == Format::bf16 || format == Format::fp16 || format == Format::tf32;
  if (by_fp32 && gpu.peak(Format::fp32).value() > 0) return Format::fp32;
  return std::nullopt;
}

FlopsPerSecond matrix_peak(const Gpu& gpu, Format format) {
  const std::optional<Format> runs = matrix_format(gpu, format);
  return runs ? gpu.peak(*runs) : FlopsPerSecond{};
}

FlopsPerSecond mfu_peak(const Gpu& gpu) {
  for (const Format format : {Format::bf16, Format::fp16, Format::fp32}) {
    if (gpu.peak(format).value() > 0) return gpu.peak(format);
  }
  return {};
}

}  // namespace gpuhours
