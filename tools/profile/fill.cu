#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include "bench.hpp"

namespace gpuhours::profile {
namespace {

constexpr int kThreads = 256;

__device__ std::uint32_t mixed(std::uint64_t x) {  // SplitMix64
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return static_cast<std::uint32_t>(x >> 32);
}

/// Two independent normal values from one counter (Box and Muller).
__device__ float2 normal_pair(std::uint64_t counter) {
  const float u = (static_cast<float>(mixed(2 * counter)) + 1.0f) * 2.3283064e-10f;
  const float v = static_cast<float>(mixed(2 * counter + 1)) * 1.4629181e-9f;
  const float radius = sqrtf(-2.0f * __logf(fminf(u, 1.0f)));
  float sine, cosine;
  __sincosf(v, &sine, &cosine);
  return {radius * cosine, radius * sine};
}

template <typename T>
__global__ void fill_normal_kernel(T* data, std::size_t count, float deviation, std::uint64_t seed) {
  const std::size_t stride = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; 2 * i < count; i += stride) {
    const float2 value = normal_pair((seed << 40) + i);
    data[2 * i] = static_cast<T>(value.x * deviation);
    if (2 * i + 1 < count) data[2 * i + 1] = static_cast<T>(value.y * deviation);
  }
}

__global__ void fill_constant_kernel(float* data, std::size_t count, float value) {
  const std::size_t stride = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) {
    data[i] = value;
  }
}

unsigned blocks_for(std::size_t items) {
  return static_cast<unsigned>(std::min<std::size_t>((items + kThreads - 1) / kThreads, 8192));
}

template <typename T>
void fill(void* data, std::size_t count, float deviation, std::uint64_t seed, cudaStream_t stream) {
  fill_normal_kernel<<<blocks_for((count + 1) / 2), kThreads, 0, stream>>>(static_cast<T*>(data), count, deviation,
                                                                           seed);
}

}  // namespace

void fill_normal(void* data, Element element, std::size_t count, float deviation, std::uint64_t seed,
                 cudaStream_t stream) {
  if (count == 0) return;
  switch (element) {
    case Element::kBf16:
      fill<__nv_bfloat16>(data, count, deviation, seed, stream);
      break;
    case Element::kFp16:
      fill<__half>(data, count, deviation, seed, stream);
      break;
    case Element::kFp32:
      fill<float>(data, count, deviation, seed, stream);
      break;
    case Element::kE4m3:
      fill<__nv_fp8_e4m3>(data, count, deviation, seed, stream);
      break;
  }
  GPUHOURS_CHECK(cudaGetLastError());
}

void fill_constant(float* data, std::size_t count, float value, cudaStream_t stream) {
  if (count == 0) return;
  fill_constant_kernel<<<blocks_for(count), kThreads, 0, stream>>>(data, count, value);
  GPUHOURS_CHECK(cudaGetLastError());
}

}  // namespace gpuhours::profile
