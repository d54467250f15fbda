// Elementwise operators: each thread takes 16-byte vectors, one pass.
#include "kernels.cuh"
#include "operations.hpp"

namespace gpuhours::profile {
namespace kernels {

constexpr int kThreads = 256;

__device__ inline float sigmoid(float x) { return 1.0f / (1.0f + __expf(-x)); }

__device__ inline float gelu_value(float x) {
  return 0.5f * x * (1.0f + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)));
}

__device__ inline float gelu_slope(float x) {
  const float inner = tanhf(0.7978845608f * (x + 0.044715f * x * x * x));
  return 0.5f * (1.0f + inner) + 0.5f * x * (1.0f - inner * inner) * 0.7978845608f * (1.0f + 0.134145f * x * x);
}

struct Add {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Scale {
  __device__ float operator()(float a, float) const { return a * 0.5f; }
};
struct Gelu {
  __device__ float operator()(float a, float) const { return gelu_value(a); }
};
struct GeluBackward {
  __device__ float operator()(float x, float dy) const { return dy * gelu_slope(x); }
};

/// out = f(a, b), one vector a thread; `b` is not read where kTwo is false.
template <typename Function, bool kTwo>
__global__ void __launch_bounds__(kThreads)
    elementwise(const __nv_bfloat16* a, const __nv_bfloat16* b, __nv_bfloat16* out, std::size_t vectors) {
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= vectors) return;
  Floats x = floats(load(a + i * kVector));
  const Floats y = kTwo ? floats(load(b + i * kVector)) : Floats{};
#pragma unroll
  for (int j = 0; j < kVector; ++j) x.value[j] = Function()(x.value[j], y.value[j]);
  store(out + i * kVector, packed(x));
}

/// Input rows hold the gate, then the up projection; output is silu(gate) * up.
__global__ void __launch_bounds__(kThreads)
    swiglu_forward(const __nv_bfloat16* in, __nv_bfloat16* out, std::size_t rows, std::size_t cols) {
  const std::size_t vectors = cols / kVector;
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= rows * vectors) return;
  const std::size_t row = i / vectors, col = (i % vectors) * kVector;
  Floats gate = floats(load(in + row * 2 * cols + col));
  const Floats up = floats(load(in + row * 2 * cols + cols + col));
#pragma unroll
  for (int j = 0; j < kVector; ++j) gate.value[j] = gate.value[j] * sigmoid(gate.value[j]) * up.value[j];
  store(out + i * kVector, packed(gate));
}

__global__ void __launch_bounds__(kThreads) swiglu_backward(const __nv_bfloat16* in, const __nv_bfloat16* dy,
                                                            __nv_bfloat16* din, std::size_t rows, std::size_t cols) {
  const std::size_t vectors = cols / kVector;
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= rows * vectors) return;
  const std::size_t row = i / vectors, col = (i % vectors) * kVector;
  Floats gate = floats(load(in + row * 2 * cols + col));
  Floats up = floats(load(in + row * 2 * cols + cols + col));
  const Floats d = floats(load(dy + i * kVector));
#pragma unroll
  for (int j = 0; j < kVector; ++j) {
    const float s = sigmoid(gate.value[j]);
    const float silu = gate.value[j] * s;
    gate.value[j] = d.value[j] * up.value[j] * s * (1.0f + gate.value[j] * (1.0f - s));
    up.value[j] = d.value[j] * silu;
  }
  store(din + row * 2 * cols + col, packed(gate));
  store(din + row * 2 * cols + cols + col, packed(up));
}

/// Rotary embedding on halves of a head; the backward is the rotation the other way.
__global__ void __launch_bounds__(kThreads) rope(const __nv_bfloat16* in, __nv_bfloat16* out, const float2* table,
                                                 std::size_t rows, std::size_t cols, std::size_t head_dim, float sign) {
  const std::size_t half = head_dim / 2;
  const std::size_t vectors = cols / 2 / kVector;
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= rows * vectors) return;
  const std::size_t row = i / vectors, place = (i % vectors) * kVector;
  const std::size_t head = place / half, within = place % half;
  const std::size_t base = row * cols + head * head_dim + within;
  Floats low = floats(load(in + base)), high = floats(load(in + base + half));
#pragma unroll
  for (int j = 0; j < kVector; ++j) {
    const float2 turn = table[row * half + within + static_cast<std::size_t>(j)];
    const float a = low.value[j], b = high.value[j];
    low.value[j] = a * turn.x - sign * b * turn.y;
    high.value[j] = b * turn.x + sign * a * turn.y;
  }
  store(out + base, packed(low));
  store(out + base + half, packed(high));
}

}  // namespace kernels

namespace {

unsigned grid_for(std::size_t vectors) {
  return static_cast<unsigned>((vectors + kernels::kThreads - 1) / kernels::kThreads);
}

struct Buffers {
  std::vector<__nv_bfloat16*> a, b, out;
};

/// Sizes in BF16 values; 0 for a buffer that is not used.
Buffers make_buffers(Bench& bench, int copies, std::size_t a, std::size_t b, std::size_t out) {
  return {random_sets(bench, copies, a), random_sets(bench, copies, b), random_sets(bench, copies, out)};
}

template <typename Function, bool kTwo>
Operation make_elementwise(Bench& bench, Extent extent) {
  const std::size_t bytes = 2 * extent.count() * (kTwo ? 3 : 2);
  Operation operation;
  operation.copies = bench.copies(bytes);
  operation.bytes = static_cast<double>(bytes);
  const Buffers buffers =
      make_buffers(bench, operation.copies, extent.count(), kTwo ? extent.count() : 0, extent.count());
  operation.enqueue = [=](int copy, cudaStream_t stream) {
    const auto i = static_cast<std::size_t>(copy);
    const std::size_t vectors = extent.count() / kernels::kVector;
    kernels::elementwise<Function, kTwo>
        <<<grid_for(vectors), kernels::kThreads, 0, stream>>>(buffers.a[i], buffers.b[i], buffers.out[i], vectors);
    GPUHOURS_CHECK(cudaGetLastError());
  };
  return operation;
}

Operation make_swiglu(Bench& bench, Extent extent, bool backward) {
  const std::size_t bytes = 2 * extent.count() * (backward ? 5 : 3);
  Operation operation;
  operation.copies = bench.copies(bytes);
  operation.bytes = static_cast<double>(bytes);
  const std::size_t count = extent.count();
  const Buffers buffers =
      make_buffers(bench, operation.copies, 2 * count, backward ? count : 0, backward ? 2 * count : count);
  operation.enqueue = [=](int copy, cudaStream_t stream) {
    const auto i = static_cast<std::size_t>(copy);
    const unsigned grid = grid_for(count / kernels::kVector);
    if (backward) {
      kernels::swiglu_backward<<<grid, kernels::kThreads, 0, stream>>>(buffers.a[i], buffers.b[i], buffers.out[i],
                                                                       extent.rows, extent.cols);
    } else {
      kernels::swiglu_forward<<<grid, kernels::kThreads, 0, stream>>>(buffers.a[i], buffers.out[i], extent.rows,
                                                                      extent.cols);
    }
    GPUHOURS_CHECK(cudaGetLastError());
  };
  return operation;
}

Operation make_rope(Bench& bench, const PlanRow& row, Extent extent, bool backward) {
  const auto head_dim = static_cast<std::size_t>(row.at(Column::kHeadDimQk));
  if (head_dim % (2 * kernels::kVector) != 0 || extent.cols % head_dim != 0) {
    throw Unsupported("rope needs head_dim_qk a multiple of 16 and cols a multiple of head_dim_qk");
  }
  const std::size_t table_bytes = extent.rows * head_dim / 2 * sizeof(float2);
  Operation operation;
  operation.copies = bench.copies(4 * extent.count());
  operation.bytes = static_cast<double>(4 * extent.count() + table_bytes);
  const Buffers buffers = make_buffers(bench, operation.copies, extent.count(), 0, extent.count());
  const auto* table = static_cast<const float2*>(bench.random(Element::kFp32, table_bytes / sizeof(float)));
  operation.enqueue = [=](int copy, cudaStream_t stream) {
    const auto i = static_cast<std::size_t>(copy);
    kernels::rope<<<grid_for(extent.count() / 2 / kernels::kVector), kernels::kThreads, 0, stream>>>(
        buffers.a[i], buffers.out[i], table, extent.rows, extent.cols, head_dim, backward ? -1.0f : 1.0f);
    GPUHOURS_CHECK(cudaGetLastError());
  };
  return operation;
}

Operation make_copy(Bench& bench, const PlanRow& row) {
  const Element element = element_of(row.dtype());
  const std::size_t bytes = extent_of(row, 1).count() * bytes_of(element);
  Operation operation;
  operation.copies = bench.copies(2 * bytes);
  operation.bytes = static_cast<double>(2 * bytes);
  std::vector<void*> from, to;
  for (int i = 0; i < operation.copies; ++i) {
    from.push_back(bench.random(element, bytes / bytes_of(element)));
    to.push_back(bench.random(element, bytes / bytes_of(element)));
  }
  operation.enqueue = [=](int copy, cudaStream_t stream) {
    const auto i = static_cast<std::size_t>(copy);
    GPUHOURS_CHECK(cudaMemcpyAsync(to[i], from[i], bytes, cudaMemcpyDeviceToDevice, stream));
  };
  return operation;
}

}  // namespace

Operation make_activation(Bench& bench, const PlanRow& row) {
  const bool backward = row.direction() == "bwd";
  if (row.op() == "copy") return make_copy(bench, row);
  const Extent extent = extent_of(row, kernels::kVector);
  if (row.op() == "swiglu") return make_swiglu(bench, extent, backward);
  if (row.op() == "rope") return make_rope(bench, row, extent, backward);
  if (row.op() == "add") return make_elementwise<kernels::Add, true>(bench, extent);
  if (row.op() == "scale") return make_elementwise<kernels::Scale, false>(bench, extent);
  if (backward) return make_elementwise<kernels::GeluBackward, true>(bench, extent);
  return make_elementwise<kernels::Gelu, false>(bench, extent);
}

}  // namespace gpuhours::profile
