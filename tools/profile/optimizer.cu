// AdamW over flat parameters (states in the parameters' type), the norm of all gradients, and the empty-ish kernels
// that launch gaps are measured between.
#include <array>

#include "kernels.cuh"
#include "operations.hpp"

namespace gpuhours::profile {
namespace kernels {

constexpr int kThreads = 256;
constexpr int kPerThread = 4;  ///< parameters a thread: 16 bytes of FP32, 8 of BF16

struct alignas(16) Four {
  float value[kPerThread];
};

__device__ inline Four load4(const float* from) { return *reinterpret_cast<const Four*>(from); }
__device__ inline void store4(float* to, const Four& four) { *reinterpret_cast<Four*>(to) = four; }
__device__ inline Four load4(const __nv_bfloat16* from) {
  const uint2 raw = *reinterpret_cast<const uint2*>(from);
  const float2 low = __bfloat1622float2(reinterpret_cast<const __nv_bfloat162&>(raw.x));
  const float2 high = __bfloat1622float2(reinterpret_cast<const __nv_bfloat162&>(raw.y));
  return {{low.x, low.y, high.x, high.y}};
}
__device__ inline void store4(__nv_bfloat16* to, const Four& four) {
  __nv_bfloat162 pair[2] = {__floats2bfloat162_rn(four.value[0], four.value[1]),
                            __floats2bfloat162_rn(four.value[2], four.value[3])};
  *reinterpret_cast<uint2*>(to) = *reinterpret_cast<const uint2*>(pair);
}

template <typename T>
__global__ void __launch_bounds__(kThreads)
    adamw(T* parameters, const T* gradients, T* first, T* second, float rate, float decay, std::size_t fours) {
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= fours) return;
  Four p = load4(parameters + kPerThread * i), m = load4(first + kPerThread * i), v = load4(second + kPerThread * i);
  const Four g = load4(gradients + kPerThread * i);
#pragma unroll
  for (int j = 0; j < kPerThread; ++j) {
    m.value[j] = 0.9f * m.value[j] + 0.1f * g.value[j];
    v.value[j] = 0.95f * v.value[j] + 0.05f * g.value[j] * g.value[j];
    p.value[j] -= rate * (m.value[j] / (sqrtf(v.value[j]) + 1e-8f) + decay * p.value[j]);
  }
  store4(parameters + kPerThread * i, p);
  store4(first + kPerThread * i, m);
  store4(second + kPerThread * i, v);
}

template <typename T>
__global__ void __launch_bounds__(kThreads) grad_norm(const T* gradients, float* total, std::size_t fours) {
  __shared__ float scratch[2 * kThreads / kWarp];
  const std::size_t stride = static_cast<std::size_t>(gridDim.x) * kThreads;
  float sum = 0;
  std::size_t i = static_cast<std::size_t>(blockIdx.x) * kThreads + threadIdx.x;
  for (; i + 3 * stride < fours; i += 4 * stride) {
    Four g[4];
#pragma unroll
    for (int u = 0; u < 4; ++u) g[u] = load4(gradients + kPerThread * (i + static_cast<std::size_t>(u) * stride));
#pragma unroll
    for (int u = 0; u < 4; ++u) {
#pragma unroll
      for (int j = 0; j < kPerThread; ++j) sum += g[u].value[j] * g[u].value[j];
    }
  }
  for (; i < fours; i += stride) {
    const Four g = load4(gradients + kPerThread * i);
#pragma unroll
    for (int j = 0; j < kPerThread; ++j) sum += g.value[j] * g.value[j];
  }
  const float block_total = block_sum({sum, 0.0f}, scratch).x;
  if (threadIdx.x == 0) atomicAdd(total, block_total);
}

__global__ void __launch_bounds__(kThreads) touch(__nv_bfloat16* data, std::size_t vectors) {
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= vectors) return;
  Floats x = floats(load(data + i * kVector));
#pragma unroll
  for (int j = 0; j < kVector; ++j) x.value[j] *= 0.999f;
  store(data + i * kVector, packed(x));
}

}  // namespace kernels

namespace {

unsigned grid_for(std::size_t threads) {
  return static_cast<unsigned>((threads + kernels::kThreads - 1) / kernels::kThreads);
}

template <typename T>
Operation make_adamw(Bench& bench, Element element, std::size_t count) {
  const std::size_t bytes = 7 * count * sizeof(T);
  Operation operation;
  operation.copies = bench.copies(4 * count * sizeof(T));
  operation.bytes = static_cast<double>(bytes);
  operation.note = "parameters, gradients and both moments in this dtype";
  std::vector<std::array<T*, 4>> sets(static_cast<std::size_t>(operation.copies));
  for (auto& set : sets) {
    for (T*& buffer : set) buffer = static_cast<T*>(bench.random(element, count, 0.1f));
    GPUHOURS_CHECK(cudaMemsetAsync(set[3], 0, count * sizeof(T), bench.stream));  // squares are never negative
  }
  operation.enqueue = [=](int copy, cudaStream_t stream) {
    const auto& set = sets[static_cast<std::size_t>(copy)];
    const std::size_t fours = count / kernels::kPerThread;
    kernels::adamw<T>
        <<<grid_for(fours), kernels::kThreads, 0, stream>>>(set[0], set[1], set[2], set[3], 1e-6f, 0.1f, fours);
    GPUHOURS_CHECK(cudaGetLastError());
  };
  return operation;
}

template <typename T>
Operation make_grad_norm(Bench& bench, Element element, std::size_t count) {
  Operation operation;
  operation.copies = bench.copies(count * sizeof(T));
  operation.bytes = static_cast<double>(count * sizeof(T));
  std::vector<T*> sets;
  for (int i = 0; i < operation.copies; ++i) sets.push_back(static_cast<T*>(bench.random(element, count)));
  float* total = bench.constant(1, 0.0f);
  const auto grid = static_cast<unsigned>(bench.sms() * 8);
  operation.enqueue = [=](int copy, cudaStream_t stream) {
    GPUHOURS_CHECK(cudaMemsetAsync(total, 0, sizeof(float), stream));
    kernels::grad_norm<T><<<grid, kernels::kThreads, 0, stream>>>(sets[static_cast<std::size_t>(copy)], total,
                                                                  count / kernels::kPerThread);
    GPUHOURS_CHECK(cudaGetLastError());
  };
  return operation;
}

}  // namespace

Operation make_optimizer(Bench& bench, const PlanRow& row) {
  const auto count = static_cast<std::size_t>(row.at(Column::kElements));
  if (count % kernels::kPerThread != 0) throw Unsupported("elements must be a multiple of 4 here");
  const bool fp32 = row.dtype() == "fp32";
  if (row.op() == "adamw") {
    return fp32 ? make_adamw<float>(bench, Element::kFp32, count)
                : make_adamw<__nv_bfloat16>(bench, Element::kBf16, count);
  }
  return fp32 ? make_grad_norm<float>(bench, Element::kFp32, count)
              : make_grad_norm<__nv_bfloat16>(bench, Element::kBf16, count);
}

Operation make_launch_gap(Bench& bench, const PlanRow& row) {
  const auto count = static_cast<std::size_t>(row.at(Column::kElements));
  const std::size_t vectors = (count + kernels::kVector - 1) / kernels::kVector;
  auto* data = static_cast<__nv_bfloat16*>(bench.random(Element::kBf16, vectors * kernels::kVector));
  const auto launches = [=](cudaStream_t stream) {
    for (int i = 0; i < kLaunchesPerGapCall; ++i) {
      kernels::touch<<<grid_for(vectors), kernels::kThreads, 0, stream>>>(data, vectors);
      GPUHOURS_CHECK(cudaGetLastError());
    }
  };
  Operation operation;
  operation.note = "time is the gap between kernels";
  if (row.direction() == "eager") {
    operation.enqueue = [=](int, cudaStream_t stream) { launches(stream); };
    return operation;
  }
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  GPUHOURS_CHECK(cudaStreamBeginCapture(bench.stream, cudaStreamCaptureModeThreadLocal));
  launches(bench.stream);
  GPUHOURS_CHECK(cudaStreamEndCapture(bench.stream, &graph));
  GPUHOURS_CHECK(cudaGraphInstantiate(&executable, graph, 0));
  GPUHOURS_CHECK(cudaGraphDestroy(graph));
  const std::shared_ptr<CUgraphExec_st> owned(executable, [](cudaGraphExec_t exec) { cudaGraphExecDestroy(exec); });
  operation.enqueue = [owned](int, cudaStream_t stream) { GPUHOURS_CHECK(cudaGraphLaunch(owned.get(), stream)); };
  return operation;
}

}  // namespace gpuhours::profile
