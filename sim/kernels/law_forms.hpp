#pragma once
// The arithmetic of kernel times, as pure functions of a shape and of few parameters. Seconds, bytes and FLOPs as bare
// doubles: these run millions of times a second in a search and are what calibrate/ fits.
//
// GEMM     W = ceil(tiles / SMs), tiles = groups x ceil(m/tile_m) x ceil(n/tile_n)
//          groups of uneven m: the expected ceil over a normal m, which is m/tile_m + 1/2 as soon as it varies by a
//          tile W' = W - partial x (W - tiles / SMs)          work of a partly filled last wave that others take over
//          compute = min over tiles of W' x (k_step x k + tile_fixed)
//          k_step = k_step_area x tile area / 128^2 + k_step_edge x (tile_m + tile_n) / 256
//          alone = kernel_fixed + (compute^4 + (bytes / (memory_share x bandwidth))^4)^(1/4), then slowed by power
// Attention  blocks of 128 queries by steps of 128 keys; a causal block i has i+1 steps
//          alone = kernel_fixed + (steps x step + blocks x block_fixed) / SMs + tail x longest block + extra bytes
//          step = step_dim x D + step_fixed, D = qk + v forward and 3 qk + 2 v backward
// Memory   alone = kernels x kernel_fixed + bytes / (memory_share x bandwidth)
// Power    need = power x achieved share of peak; slowdown = (1 + (need / budget)^16)^(1/16) where budget goes from 1
//          (burst) to sustained_budget as the phase lasts: at the limit a kernel's energy sets its time. A law whose
//          fit holds the limit already (power_within) is slowed by the limit's slowdown over the one that it holds.
// No law is faster than the peak of the format that runs.

#include <array>
#include <cmath>

namespace gpuhours {

/// x^(1/4) of a^4 + b^4: a maximum with a rounded corner.
inline double smooth_max(double a, double b) {
  const double a2 = a * a;
  const double b2 = b * b;
  return std::sqrt(std::sqrt(a2 * a2 + b2 * b2));
}

/// The part of a calibration that all laws share: how the power limit slows and what the GPU draws.
struct PowerLaw {
  double sustained_budget = 1;  ///< power budget of a long phase over that of a burst of about 50 ms
  double idle_share = 0;        ///< of TDP: power that does not grow with the work
  double memory_share = 0;      ///< of TDP: power on top of idle at full HBM bandwidth
};

/// Slowdown (1 and above) of a kernel that would need `need` of a burst's power budget.
inline double power_slowdown(double need, double sustained, const PowerLaw& power) {
  const double budget = 1 - sustained * (1 - power.sustained_budget);
  const double x = need / budget;
  if (x < 0.5) return 1;
  const double x2 = x * x;
  const double x4 = x2 * x2;
  const double x8 = x4 * x4;
  return std::sqrt(std::sqrt(std::sqrt(std::sqrt(1 + x8 * x8))));
}

inline constexpr int kMaxTiles = 8;

struct GemmLaw {
  double k_step_area = 0;   ///< s per k of a 128 x 128 tile
  double k_step_edge = 0;   ///< s per k and 256 of tile_m + tile_n
  double tile_fixed = 0;    ///< s per 128 x 128 of a tile: prologue and epilogue
  double kernel_fixed = 0;  ///< s
  double partial = 0;       ///< 0 whole waves .. 1 no quantisation
  double memory_share = 1;  ///< of nominal HBM bandwidth
  double power = 0;         ///< of a burst's budget, at peak rate
  int tiles = 0;
  std::array<double, kMaxTiles> tile_m{};
  std::array<double, kMaxTiles> tile_n{};
  double power_within = 0;  ///< `power` of the fit, where its times hold the limit; 0: they do not
};

struct GemmCase {
  double m = 0;  ///< of one group
  double n = 0;
  double k = 0;
  double groups = 1;  ///< of equal shape
  double bytes = 0;   ///< all groups
  double spread = 0;  ///< relative standard deviation of the groups' m
};

/// The GPU that a law is applied to.
struct GpuRates {
  double sms = 0;
  double bandwidth = 0;  ///< bytes/s
  double peak = 0;       ///< FLOP/s that `power` is counted at
  double fastest = 0;    ///< FLOP/s of the format that runs, 0: not asked
};

struct LawTime {
  double seconds = 0;
  double need = 0;    ///< power that the kernel would need over a burst's budget
  double within = 0;  ///< need that the fit holds, see power_within
  double filled = 0;  ///< GEMM: tiles over SMs
};

LawTime gemm_time(const GemmLaw& law, const GemmCase& shape, const GpuRates& gpu, double sustained,
                  const PowerLaw& power);

struct AttentionLaw {
  double step_dim = 0;      ///< s per 128 x 128 step and D
  double step_fixed = 0;    ///< s per step: softmax
  double block_fixed = 0;   ///< s per block of 128 queries
  double kernel_fixed = 0;  ///< s
  double tail = 0;          ///< longest blocks left when the others have ended
  double extra_bytes = 0;   ///< bytes per query head, position and element of (2 qk + v), for what runs beside
  double power = 0;
  double power_within = 0;
};

struct AttentionCase {
  double heads = 0;  ///< batch x query heads
  double seq_q = 0;
  double seq_kv = 0;
  double qk_dim = 0;
  double v_dim = 0;
  double window = 0;  ///< 0: none
  bool causal = true;
  bool backward = false;
};

LawTime attention_time(const AttentionLaw& law, const AttentionCase& shape, const GpuRates& gpu, double sustained,
                       const PowerLaw& power);

struct MemoryLaw {
  double kernel_fixed = 0;  ///< s per launch
  double memory_share = 1;  ///< of nominal HBM bandwidth
};

inline double memory_time(const MemoryLaw& law, double bytes, double kernels, double bandwidth) {
  return kernels * law.kernel_fixed + bytes / (law.memory_share * bandwidth);
}

/// What a transferring communication kernel costs the kernels beside it.
struct InterferenceLaw {
  double sized_gemm = 0;     ///< loss of a GEMM sized to the SMs left
  double unsized_gemm = 0;   ///< loss on top of the waves for one that was not
  double attention = 1;      ///< share of the SMs' loss that attention feels
  double memory_per_sm = 0;  ///< loss of memory-bound kernels per SM held
  double sms_lost = 1;       ///< SMs that a GEMM cannot use per SM held (clusters need neighbours)
};

/// Whole waves on `sms_left` SMs over those on `sms`, of a GEMM that fills `filled` of `sms` waves: what one that was
/// sized to all SMs loses when others hold some of them.
double wave_ratio(double filled, double sms, double sms_left);

}  // namespace gpuhours
