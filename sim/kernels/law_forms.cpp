#include "kernels/law_forms.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace gpuhours {

namespace {

/// Ceiling of a number from 0 to 2^62; std::ceil is a call where the target has no SSE4.1.
double ceiling(double x) {
  const auto whole = static_cast<double>(static_cast<std::int64_t>(x));
  return whole < x ? whole + 1 : whole;
}

/// Expected ceiling of a normal number.
double expected_ceiling(double mean, double deviation) {
  if (deviation <= 0) return ceiling(mean);
  if (deviation >= 0.5) return mean + 0.5;  // within 0.3 % of a tile
  // ceil(x) > j where x > j.
  double sum = 0;
  double j = std::max(0.0, std::floor(mean - 5 * deviation));
  sum = j;
  for (; j < mean + 5 * deviation; ++j) sum += 0.5 * std::erfc((j - mean) / (deviation * std::numbers::sqrt2));
  return sum;
}

struct TileChoice {
  double seconds = 1e300;
  double filled = 0;  ///< tiles over SMs
};

TileChoice best_tile(const GemmLaw& law, const GemmCase& shape, double sms) {
  TileChoice best;
  for (int i = 0; i < law.tiles; ++i) {
    const double tile_m = law.tile_m[i];
    const double tile_n = law.tile_n[i];
    const double tiles =
        shape.groups * expected_ceiling(shape.m / tile_m, shape.spread * shape.m / tile_m) * ceiling(shape.n / tile_n);
    const double filled = tiles / sms;
    const double waves = ceiling(filled);
    const double area = tile_m * tile_n * (1.0 / 16384.0);
    const double k_step = law.k_step_area * area + law.k_step_edge * (tile_m + tile_n) * (1.0 / 256.0);
    const double time = (waves - law.partial * (waves - filled)) * (k_step * shape.k + law.tile_fixed * area);
    if (time >= best.seconds) continue;
    // Of tiles that take the same time the first counts, whichever way rounding turns the others.
    if (time < best.seconds * (1 - 1e-9)) best.filled = filled;
    best.seconds = time;
  }
  return best;
}

template <class Law>
LawTime limited(double seconds, double flops, const GpuRates& gpu, const Law& law, double sustained,
                const PowerLaw& power) {
  LawTime time;
  time.need = law.power * flops / (seconds * gpu.peak);
  time.within = law.power_within * flops / (seconds * gpu.peak);
  time.seconds = seconds;
  if (law.power != law.power_within) {
    time.seconds *= power_slowdown(time.need, sustained, power);
    if (time.within > 0) time.seconds /= power_slowdown(time.within, sustained, power);
  }
  if (gpu.fastest > 0) time.seconds = std::max(time.seconds, flops / gpu.fastest);
  return time;
}

}  // namespace

LawTime gemm_time(const GemmLaw& law, const GemmCase& shape, const GpuRates& gpu, double sustained,
                  const PowerLaw& power) {
  assert(law.tiles > 0 && gpu.sms > 0 && gpu.bandwidth > 0 && gpu.peak > 0);
  const double memory = shape.bytes / (law.memory_share * gpu.bandwidth);
  const TileChoice tile = best_tile(law, shape, gpu.sms);
  const double seconds = smooth_max(tile.seconds, memory) + law.kernel_fixed;
  LawTime time = limited(seconds, 2 * shape.groups * shape.m * shape.n * shape.k, gpu, law, sustained, power);
  time.filled = tile.filled;
  return time;
}

double wave_ratio(double filled, double sms, double sms_left) {
  return ceiling(filled * sms / sms_left) / ceiling(filled);
}

LawTime attention_time(const AttentionLaw& law, const AttentionCase& shape, const GpuRates& gpu, double sustained,
                       const PowerLaw& power) {
  constexpr double kBlock = 128;
  const double d = shape.backward ? 3 * shape.qk_dim + 2 * shape.v_dim : shape.qk_dim + shape.v_dim;
  const double blocks = ceiling(shape.seq_q / kBlock);
  double longest = ceiling(shape.seq_kv / kBlock);
  double pairs = shape.seq_q * shape.seq_kv;  // query-key pairs that count
  double steps = blocks * longest;
  if (shape.causal) {
    // Queries are the last seq_q positions: block i reaches offset + i + 1 key blocks.
    const double offset = longest - blocks;
    steps = blocks * offset + blocks * (blocks + 1) / 2;
    pairs -= shape.seq_q * shape.seq_q / 2;
  }
  if (shape.window > 0 && shape.window < shape.seq_kv) {
    longest = std::min(longest, ceiling(shape.window / kBlock) + 1);
    steps = std::min(steps, blocks * longest);
    pairs = std::min(pairs, shape.seq_q * shape.window);
  }
  const double step = law.step_dim * d + law.step_fixed;
  const double extra = law.extra_bytes * shape.heads * shape.seq_q * (2 * shape.qk_dim + shape.v_dim) / gpu.bandwidth;
  const double seconds = law.kernel_fixed + shape.heads * (steps * step + blocks * law.block_fixed) / gpu.sms +
                         law.tail * longest * step + extra;
  return limited(seconds, 2 * shape.heads * pairs * d, gpu, law, sustained, power);
}

}  // namespace gpuhours
