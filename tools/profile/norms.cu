// RMSNorm and LayerNorm, forward and backward, each one pass over the row with the row in registers.
#include "kernels.cuh"
#include "operations.hpp"

namespace gpuhours::profile {
namespace kernels {

constexpr int kNormThreads = 256;
constexpr float kEpsilon = 1e-6f;

/// One block a row. `kVectors` 16-byte vectors a thread; `kCentred` subtracts the mean (LayerNorm).
template <int kVectors, bool kCentred>
__global__ void __launch_bounds__(kNormThreads)
    norm_forward(const __nv_bfloat16* x, const __nv_bfloat16* gamma, __nv_bfloat16* y, float2* statistics, int cols) {
  __shared__ float scratch[2 * kNormThreads / kWarp];
  const std::size_t row = blockIdx.x;
  Pack pack[kVectors];
  float2 sums{0, 0};
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    const int col = (v * kNormThreads + static_cast<int>(threadIdx.x)) * kVector;
    if (col < cols) pack[v] = load(x + row * cols + col);
  }
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    const int col = (v * kNormThreads + static_cast<int>(threadIdx.x)) * kVector;
    if (col >= cols) continue;
    const Floats in = floats(pack[v]);
#pragma unroll
    for (int i = 0; i < kVector; ++i) {
      sums.x += in.value[i];
      sums.y += in.value[i] * in.value[i];
    }
  }
  const float2 total = block_sum(sums, scratch);
  const float mean = kCentred ? total.x / static_cast<float>(cols) : 0.0f;
  const float inverse = rsqrtf(total.y / static_cast<float>(cols) - mean * mean + kEpsilon);
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    const int col = (v * kNormThreads + static_cast<int>(threadIdx.x)) * kVector;
    if (col >= cols) continue;
    Floats in = floats(pack[v]);
    const Floats g = floats(load(gamma + col));
#pragma unroll
    for (int i = 0; i < kVector; ++i) in.value[i] = (in.value[i] - mean) * inverse * g.value[i];
    store(y + row * cols + col, packed(in));
  }
  if (threadIdx.x == 0) statistics[row] = {mean, inverse};
}

/// A block takes rows in turn and keeps its share of the weights' gradient in registers.
template <int kVectors, bool kCentred>
__global__ void __launch_bounds__(kNormThreads)
    norm_backward(const __nv_bfloat16* x, const __nv_bfloat16* dy, const __nv_bfloat16* gamma, const float2* statistics,
                  __nv_bfloat16* dx, float* partial, int rows, int cols) {
  __shared__ float scratch[2 * kNormThreads / kWarp];
  Floats dgamma[kVectors] = {};
  for (int row = static_cast<int>(blockIdx.x); row < rows; row += static_cast<int>(gridDim.x)) {
    const std::size_t base = static_cast<std::size_t>(row) * cols;
    const float2 stat = statistics[row];
    Pack px[kVectors], py[kVectors];
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      const int col = (v * kNormThreads + static_cast<int>(threadIdx.x)) * kVector;
      if (col >= cols) continue;
      px[v] = load(x + base + col);
      py[v] = load(dy + base + col);
    }
    float2 sums{0, 0};
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      const int col = (v * kNormThreads + static_cast<int>(threadIdx.x)) * kVector;
      if (col >= cols) continue;
      const Floats in = floats(px[v]), up = floats(py[v]), g = floats(load(gamma + col));
#pragma unroll
      for (int i = 0; i < kVector; ++i) {
        const float normal = (in.value[i] - stat.x) * stat.y;
        const float weighted = up.value[i] * g.value[i];
        dgamma[v].value[i] += up.value[i] * normal;
        sums.x += weighted;
        sums.y += weighted * normal;
      }
    }
    const float2 total = block_sum(sums, scratch);
    const float shift = kCentred ? total.x / static_cast<float>(cols) : 0.0f;
    const float slope = total.y / static_cast<float>(cols);
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      const int col = (v * kNormThreads + static_cast<int>(threadIdx.x)) * kVector;
      if (col >= cols) continue;
      Floats in = floats(px[v]);
      const Floats up = floats(py[v]), g = floats(load(gamma + col));
#pragma unroll
      for (int i = 0; i < kVector; ++i) {
        const float normal = (in.value[i] - stat.x) * stat.y;
        in.value[i] = stat.y * (up.value[i] * g.value[i] - shift - normal * slope);
      }
      store(dx + base + col, packed(in));
    }
  }
#pragma unroll
  for (int v = 0; v < kVectors; ++v) {
    const int col = (v * kNormThreads + static_cast<int>(threadIdx.x)) * kVector;
    if (col >= cols) continue;
#pragma unroll
    for (int i = 0; i < kVector; ++i)
      partial[static_cast<std::size_t>(blockIdx.x) * cols + col + i] = dgamma[v].value[i];
  }
}

/// Adds the blocks' shares: 32 columns a block, its 8 warps share the rows.
__global__ void norm_backward_weights(const float* partial, __nv_bfloat16* dgamma, int blocks, int cols) {
  __shared__ float tile[8][kWarp + 1];
  const int col = static_cast<int>(blockIdx.x) * kWarp + static_cast<int>(threadIdx.x);
  float sum = 0;
  for (int row = static_cast<int>(threadIdx.y); row < blocks; row += 8) {
    if (col < cols) sum += partial[static_cast<std::size_t>(row) * cols + col];
  }
  tile[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || col >= cols) return;
#pragma unroll
  for (int i = 1; i < 8; ++i) sum += tile[i][threadIdx.x];
  dgamma[col] = __float2bfloat16(sum);
}

}  // namespace kernels

namespace {

/// Calls `run` with the number of vectors a thread needs as a compile-time constant.
template <typename Run>
void with_vectors(std::size_t cols, Run run) {
  const std::size_t vectors = (cols / kernels::kVector + kernels::kNormThreads - 1) / kernels::kNormThreads;
  if (vectors <= 1) return run(std::integral_constant<int, 1>());
  if (vectors <= 2) return run(std::integral_constant<int, 2>());
  if (vectors <= 4) return run(std::integral_constant<int, 4>());
  if (vectors <= 8) return run(std::integral_constant<int, 8>());
  throw Unsupported("norms take at most 16384 columns here");
}

struct NormBuffers {
  __nv_bfloat16 *x, *y, *dy, *gamma, *dgamma;
  float2* statistics;
  float* partial;
};

template <bool kCentred>
void run_forward(const NormBuffers& set, Extent extent, cudaStream_t stream) {
  with_vectors(extent.cols, [&](auto vectors) {
    kernels::norm_forward<decltype(vectors)::value, kCentred>
        <<<static_cast<unsigned>(extent.rows), kernels::kNormThreads, 0, stream>>>(
            set.x, set.gamma, set.y, set.statistics, static_cast<int>(extent.cols));
  });
  GPUHOURS_CHECK(cudaGetLastError());
}

template <bool kCentred>
void run_backward(const NormBuffers& set, Extent extent, int blocks, cudaStream_t stream) {
  const int cols = static_cast<int>(extent.cols);
  with_vectors(extent.cols, [&](auto vectors) {
    kernels::norm_backward<decltype(vectors)::value, kCentred>
        <<<static_cast<unsigned>(blocks), kernels::kNormThreads, 0, stream>>>(
            set.x, set.dy, set.gamma, set.statistics, set.y, set.partial, static_cast<int>(extent.rows), cols);
  });
  GPUHOURS_CHECK(cudaGetLastError());
  const dim3 block(kernels::kWarp, 8);
  kernels::
      norm_backward_weights<<<static_cast<unsigned>((cols + kernels::kWarp - 1) / kernels::kWarp), block, 0, stream>>>(
          set.partial, set.dgamma, blocks, cols);
  GPUHOURS_CHECK(cudaGetLastError());
}

}  // namespace

Operation make_norm(Bench& bench, const PlanRow& row) {
  const Extent extent = extent_of(row, kernels::kVector);
  const bool backward = row.direction() == "bwd";
  const bool centred = row.op() == "layer_norm";
  const int blocks = static_cast<int>(std::min<std::size_t>(extent.rows, static_cast<std::size_t>(bench.sms()) * 2));
  with_vectors(extent.cols, [](auto) {});
  const std::size_t tensors = backward ? 3 : 2;
  Operation operation;
  operation.copies = bench.copies(tensors * 2 * extent.count());
  operation.bytes = static_cast<double>(tensors * 2 * extent.count());
  std::vector<NormBuffers> sets(static_cast<std::size_t>(operation.copies));
  for (NormBuffers& set : sets) {
    set.x = random_sets(bench, 1, extent.count()).front();
    set.y = random_sets(bench, 1, extent.count()).front();
    set.dy = backward ? random_sets(bench, 1, extent.count()).front() : nullptr;
    set.gamma = random_sets(bench, 1, extent.cols).front();
    set.dgamma = random_sets(bench, 1, extent.cols).front();
    set.statistics = reinterpret_cast<float2*>(bench.constant(2 * extent.rows, 1.0f));
    set.partial = backward ? bench.constant(static_cast<std::size_t>(blocks) * extent.cols, 0.0f) : nullptr;
  }
  operation.enqueue = [=](int copy, cudaStream_t stream) {
    const NormBuffers& set = sets[static_cast<std::size_t>(copy)];
    if (backward) {
      centred ? run_backward<true>(set, extent, blocks, stream) : run_backward<false>(set, extent, blocks, stream);
    } else {
      centred ? run_forward<true>(set, extent, stream) : run_forward<false>(set, extent, stream);
    }
  };
  return operation;
}

}  // namespace gpuhours::profile
