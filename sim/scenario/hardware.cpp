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

}  // namespace gpuhours
