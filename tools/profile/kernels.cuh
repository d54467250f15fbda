// Shared by the memory-bound kernels: 16-byte vectors of BF16, block sums, FP8 packing.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp8.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "bench.hpp"

namespace gpuhours::profile::kernels {

inline constexpr int kVector = 8;  ///< BF16 values of one 16-byte access
inline constexpr int kWarp = 32;
inline constexpr float kE4m3Max = 448.0f;

/// Eight BF16 values, as they travel.
struct alignas(16) Pack {
  __nv_bfloat162 pair[4];
};

struct Floats {
  float value[kVector];
};

__device__ inline Pack load(const __nv_bfloat16* from) { return *reinterpret_cast<const Pack*>(from); }
__device__ inline void store(__nv_bfloat16* to, const Pack& pack) { *reinterpret_cast<Pack*>(to) = pack; }

__device__ inline Floats floats(const Pack& pack) {
  Floats out;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float2 two = __bfloat1622float2(pack.pair[i]);
    out.value[2 * i] = two.x;
    out.value[2 * i + 1] = two.y;
  }
  return out;
}

__device__ inline Pack packed(const Floats& in) {
  Pack out;
#pragma unroll
  for (int i = 0; i < 4; ++i) out.pair[i] = __floats2bfloat162_rn(in.value[2 * i], in.value[2 * i + 1]);
  return out;
}

/// Eight values as e4m3, saturated.
__device__ inline uint2 packed_fp8(const Floats& in, float scale) {
  std::uint32_t half[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    half[i] =
        __nv_cvt_float2_to_fp8x2({in.value[2 * i] * scale, in.value[2 * i + 1] * scale}, __NV_SATFINITE, __NV_E4M3);
  }
  return {half[0] | (half[1] << 16), half[2] | (half[3] << 16)};
}

__device__ inline float max_abs(const Floats& in) {
  float most = 0;
#pragma unroll
  for (int i = 0; i < kVector; ++i) most = fmaxf(most, fabsf(in.value[i]));
  return most;
}

__device__ inline float warp_sum(float value) {
#pragma unroll
  for (int offset = kWarp / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
  return value;
}

/// Sum of two values over the block, given to every thread. `scratch` holds 2 floats a warp.
__device__ inline float2 block_sum(float2 value, float* scratch) {
  value.x = warp_sum(value.x);
  value.y = warp_sum(value.y);
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  __syncthreads();
  if (threadIdx.x % kWarp == 0) {
    scratch[2 * warp] = value.x;
    scratch[2 * warp + 1] = value.y;
  }
  __syncthreads();
  float2 total{0, 0};
  for (int i = 0; i < warps; ++i) {
    total.x += scratch[2 * i];
    total.y += scratch[2 * i + 1];
  }
  return total;
}

}  // namespace gpuhours::profile::kernels

namespace gpuhours::profile {

/// Rows and columns of a memory-bound row whose columns are a whole number of `multiple`; Unsupported otherwise.
struct Extent {
  std::size_t rows = 0, cols = 0;
  std::size_t count() const { return rows * cols; }
};
inline Extent extent_of(const PlanRow& row, std::int64_t multiple) {
  const std::int64_t cols = row.at(Column::kCols);
  if (cols % multiple != 0) throw Unsupported("cols must be a multiple of " + std::to_string(multiple) + " here");
  return {static_cast<std::size_t>(row.at(Column::kRows)), static_cast<std::size_t>(cols)};
}

/// Buffers of `copies` sets, each with as many BF16 values as asked for.
inline std::vector<__nv_bfloat16*> random_sets(Bench& bench, int copies, std::size_t count) {
  std::vector<__nv_bfloat16*> sets;
  for (int i = 0; i < copies; ++i) sets.push_back(static_cast<__nv_bfloat16*>(bench.random(Element::kBf16, count)));
  return sets;
}

}  // namespace gpuhours::profile
