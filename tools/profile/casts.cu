// BF16 to FP8 (e4m3) with one scale a tensor or one for 1x128 values, and transposes of FP8 tiles.
#include "kernels.cuh"
#include "operations.hpp"

namespace gpuhours::profile {
namespace kernels {

constexpr int kThreads = 256;
constexpr int kTile = 64;  ///< side of a transposed tile
constexpr int kScaleBlock = 128;

/// Scales by a known factor and keeps the largest value for the next step's (delayed scaling).
__global__ void __launch_bounds__(kThreads)
    cast_tensor(const __nv_bfloat16* in, uint2* out, const float* scale, unsigned* amax, std::size_t vectors) {
  __shared__ unsigned block_most;
  if (threadIdx.x == 0) block_most = 0;
  __syncthreads();
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * kThreads + threadIdx.x;
  float most = 0;
  if (i < vectors) {
    const Floats x = floats(load(in + i * kVector));
    most = max_abs(x);
    out[i] = packed_fp8(x, *scale);
  }
  const unsigned warp_most = __reduce_max_sync(0xffffffffu, __float_as_uint(most));
  if (threadIdx.x % kWarp == 0) atomicMax(&block_most, warp_most);
  __syncthreads();
  if (threadIdx.x == 0 && block_most > *reinterpret_cast<volatile unsigned*>(amax)) atomicMax(amax, block_most);
}

/// 16 threads share 128 values: largest value by shuffles, scale stored column-major as block GEMMs read it.
__global__ void __launch_bounds__(kThreads)
    cast_block(const __nv_bfloat16* in, uint2* out, float* scales, std::size_t rows, std::size_t cols) {
  const std::size_t vectors = cols / kVector;
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * kThreads + threadIdx.x;
  const bool inside = i < rows * vectors;
  const Floats x = inside ? floats(load(in + i * kVector)) : Floats{};
  float most = max_abs(x);
#pragma unroll
  for (int offset = 8; offset > 0; offset /= 2) most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, offset));
  if (!inside) return;
  const float scale = kE4m3Max / fmaxf(most, 1e-10f);
  out[i] = packed_fp8(x, scale);
  if (threadIdx.x % 16 == 0) {
    const std::size_t row = i / vectors, block = (i % vectors) * kVector / kScaleBlock;
    scales[block * rows + row] = 1.0f / scale;
  }
}

/// A 64x64 tile: bytes land in shared memory, then leave by columns, 16 bytes a thread.
__device__ inline void store_transposed(const std::uint8_t (*tile)[kTile + 4], std::uint8_t* out, std::size_t row0,
                                        std::size_t col0, std::size_t rows) {
  const int column = static_cast<int>(threadIdx.x) / 4;
  const int part = static_cast<int>(threadIdx.x) % 4 * 16;
  alignas(16) std::uint8_t bytes[16];
#pragma unroll
  for (int i = 0; i < 16; ++i) bytes[i] = tile[part + i][column];
  *reinterpret_cast<uint4*>(out + (col0 + static_cast<std::size_t>(column)) * rows + row0 + part) =
      *reinterpret_cast<const uint4*>(bytes);
}

__global__ void __launch_bounds__(kThreads)
    cast_transpose(const __nv_bfloat16* in, std::uint8_t* out, std::uint8_t* transposed, const float* scale,
                   std::size_t rows, std::size_t cols) {
  __shared__ std::uint8_t tile[kTile][kTile + 4];
  const std::size_t row0 = static_cast<std::size_t>(blockIdx.y) * kTile,
                    col0 = static_cast<std::size_t>(blockIdx.x) * kTile;
  const float factor = *scale;
#pragma unroll
  for (int pass = 0; pass < 2; ++pass) {
    const int row = pass * 32 + static_cast<int>(threadIdx.x) / 8;
    const int col = static_cast<int>(threadIdx.x) % 8 * kVector;
    const std::size_t place = (row0 + static_cast<std::size_t>(row)) * cols + col0 + static_cast<std::size_t>(col);
    const uint2 fp8 = packed_fp8(floats(load(in + place)), factor);
    *reinterpret_cast<uint2*>(out + place) = fp8;
    *reinterpret_cast<std::uint32_t*>(&tile[row][col]) = fp8.x;
    *reinterpret_cast<std::uint32_t*>(&tile[row][col + 4]) = fp8.y;
  }
  __syncthreads();
  store_transposed(tile, transposed, row0, col0, rows);
}

__global__ void __launch_bounds__(kThreads)
    transpose(const std::uint8_t* in, std::uint8_t* out, std::size_t rows, std::size_t cols) {
  __shared__ std::uint8_t tile[kTile][kTile + 4];
  const std::size_t row0 = static_cast<std::size_t>(blockIdx.y) * kTile,
                    col0 = static_cast<std::size_t>(blockIdx.x) * kTile;
  const int row = static_cast<int>(threadIdx.x) / 4;
  const int col = static_cast<int>(threadIdx.x) % 4 * 16;
  const uint4 bytes = *reinterpret_cast<const uint4*>(in + (row0 + static_cast<std::size_t>(row)) * cols + col0 + col);
  const std::uint32_t words[4] = {bytes.x, bytes.y, bytes.z, bytes.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) *reinterpret_cast<std::uint32_t*>(&tile[row][col + 4 * i]) = words[i];
  __syncthreads();
  store_transposed(tile, out, row0, col0, rows);
}

}  // namespace kernels

namespace {

struct CastBuffers {
  void *in, *out, *transposed;
  float* scales;
};

unsigned grid_for(std::size_t vectors) {
  return static_cast<unsigned>((vectors + kernels::kThreads - 1) / kernels::kThreads);
}

void run_cast(const std::string& op, const CastBuffers& set, const float* scale, Extent extent, cudaStream_t stream) {
  const auto* in = static_cast<const __nv_bfloat16*>(set.in);
  const std::size_t vectors = extent.count() / kernels::kVector;
  const dim3 tiles(static_cast<unsigned>(extent.cols / kernels::kTile),
                   static_cast<unsigned>(extent.rows / kernels::kTile));
  if (op == "cast_fp8_tensor") {
    kernels::cast_tensor<<<grid_for(vectors), kernels::kThreads, 0, stream>>>(
        in, static_cast<uint2*>(set.out), scale, reinterpret_cast<unsigned*>(set.scales), vectors);
  } else if (op == "cast_fp8_block") {
    kernels::cast_block<<<grid_for(vectors), kernels::kThreads, 0, stream>>>(in, static_cast<uint2*>(set.out),
                                                                             set.scales, extent.rows, extent.cols);
  } else if (op == "cast_transpose_fp8") {
    kernels::cast_transpose<<<tiles, kernels::kThreads, 0, stream>>>(in, static_cast<std::uint8_t*>(set.out),
                                                                     static_cast<std::uint8_t*>(set.transposed), scale,
                                                                     extent.rows, extent.cols);
  } else {
    kernels::transpose<<<tiles, kernels::kThreads, 0, stream>>>(
        static_cast<const std::uint8_t*>(set.in), static_cast<std::uint8_t*>(set.out), extent.rows, extent.cols);
  }
  GPUHOURS_CHECK(cudaGetLastError());
}

}  // namespace

Operation make_cast(Bench& bench, const PlanRow& row) {
  const std::string op = row.op();
  const bool tiled = op == "cast_transpose_fp8" || op == "transpose_fp8";
  const bool block = op == "cast_fp8_block";
  const Extent extent = extent_of(row, tiled ? kernels::kTile : block ? kernels::kScaleBlock : kernels::kVector);
  if (tiled && extent.rows % kernels::kTile != 0) throw Unsupported("rows must be a multiple of 64 here");
  const std::size_t count = extent.count();
  const std::size_t scale_count = block ? count / kernels::kScaleBlock : 1;
  const std::size_t in_bytes = op == "transpose_fp8" ? 1 : 2;
  const std::size_t out_bytes = op == "cast_transpose_fp8" ? 2 : 1;
  const std::size_t bytes = count * (in_bytes + out_bytes) + (block ? 4 * scale_count : 0);
  Operation operation;
  operation.copies = bench.copies(bytes);
  operation.bytes = static_cast<double>(bytes);
  const float* scale = bench.constant(1, 90.0f);
  std::vector<CastBuffers> sets(static_cast<std::size_t>(operation.copies));
  for (CastBuffers& set : sets) {
    set.in = in_bytes == 2 ? bench.random(Element::kBf16, count) : bench.random(Element::kE4m3, count, 90.0f);
    set.out = bench.random(Element::kE4m3, count, 90.0f);
    set.transposed = out_bytes == 2 ? bench.random(Element::kE4m3, count, 90.0f) : nullptr;
    set.scales = bench.constant(scale_count, 0.0f);
  }
  operation.enqueue = [=](int copy, cudaStream_t stream) {
    run_cast(op, sets[static_cast<std::size_t>(copy)], scale, extent, stream);
  };
  return operation;
}

}  // namespace gpuhours::profile
