// Row gathers of expert dispatch (permute, unpermute) and the softmax cross-entropy of the head.
#include <random>

#include "kernels.cuh"
#include "operations.hpp"

namespace gpuhours::profile {
namespace kernels {

constexpr int kThreads = 256;
constexpr int kLossThreads = 512;
constexpr int kMostExperts = 16;

/// Output row i is input row index[i]; one block a row.
__global__ void __launch_bounds__(kThreads)
    permute(const __nv_bfloat16* in, __nv_bfloat16* out, const int* index, std::size_t cols) {
  const std::size_t from = static_cast<std::size_t>(index[blockIdx.x]) * cols, to = blockIdx.x * cols;
  for (std::size_t col = threadIdx.x * kVector; col < cols; col += kThreads * kVector) {
    store(out + to + col, load(in + from + col));
  }
}

/// Output row t is the weighted sum of the input rows place[t * top .. t * top + top - 1].
__global__ void __launch_bounds__(kThreads) unpermute(const __nv_bfloat16* in, __nv_bfloat16* out, const int* place,
                                                      const float* weight, int top, std::size_t cols) {
  __shared__ int rows[kMostExperts];
  __shared__ float weights[kMostExperts];
  if (static_cast<int>(threadIdx.x) < top) {
    rows[threadIdx.x] = place[blockIdx.x * static_cast<unsigned>(top) + threadIdx.x];
    weights[threadIdx.x] = weight[blockIdx.x * static_cast<unsigned>(top) + threadIdx.x];
  }
  __syncthreads();
  for (std::size_t col = threadIdx.x * kVector; col < cols; col += kThreads * kVector) {
    Floats sum{};
#pragma unroll 4
    for (int i = 0; i < top; ++i) {
      const Floats x = floats(load(in + static_cast<std::size_t>(rows[i]) * cols + col));
#pragma unroll
      for (int j = 0; j < kVector; ++j) sum.value[j] += weights[i] * x.value[j];
    }
    store(out + blockIdx.x * cols + col, packed(sum));
  }
}

/// One block a row, one pass: running maximum and rescaled sum, joined over the block at the end.
__global__ void __launch_bounds__(kLossThreads) cross_entropy_forward(const __nv_bfloat16* logits, const int* target,
                                                                      float* loss, float* log_sum, std::size_t cols) {
  __shared__ float scratch[2 * kLossThreads / kWarp];
  __shared__ float block_most[kLossThreads / kWarp];
  const __nv_bfloat16* row = logits + blockIdx.x * cols;
  float most = -3.4e38f, sum = 0;
  for (std::size_t col = threadIdx.x * kVector; col < cols; col += kLossThreads * kVector) {
    const Floats x = floats(load(row + col));
    float top = x.value[0];
#pragma unroll
    for (int j = 1; j < kVector; ++j) top = fmaxf(top, x.value[j]);
    if (top > most) {
      sum *= __expf(most - top);
      most = top;
    }
#pragma unroll
    for (int j = 0; j < kVector; ++j) sum += __expf(x.value[j] - most);
  }
  float peak = most;
#pragma unroll
  for (int offset = kWarp / 2; offset > 0; offset /= 2) peak = fmaxf(peak, __shfl_xor_sync(0xffffffffu, peak, offset));
  if (threadIdx.x % kWarp == 0) block_most[threadIdx.x / kWarp] = peak;
  __syncthreads();
  for (int i = 0; i < kLossThreads / kWarp; ++i) peak = fmaxf(peak, block_most[i]);
  const float total = block_sum({sum * __expf(most - peak), 0.0f}, scratch).x;
  if (threadIdx.x == 0) {
    const float result = peak + __logf(total);
    log_sum[blockIdx.x] = result;
    loss[blockIdx.x] = result - __bfloat162float(row[target[blockIdx.x]]);
  }
}

__global__ void __launch_bounds__(kLossThreads)
    cross_entropy_backward(const __nv_bfloat16* logits, const int* target, const float* log_sum, __nv_bfloat16* out,
                           float scale, std::size_t cols) {
  const std::size_t base = blockIdx.x * cols;
  const float shift = log_sum[blockIdx.x];
  const auto chosen = static_cast<std::size_t>(target[blockIdx.x]);
  for (std::size_t col = threadIdx.x * kVector; col < cols; col += kLossThreads * kVector) {
    Floats x = floats(load(logits + base + col));
#pragma unroll
    for (int j = 0; j < kVector; ++j) {
      x.value[j] = (__expf(x.value[j] - shift) - (col + static_cast<std::size_t>(j) == chosen ? 1.0f : 0.0f)) * scale;
    }
    store(out + base + col, packed(x));
  }
}

}  // namespace kernels

namespace {

int* device_ints(Bench& bench, const std::vector<int>& values) {
  auto* data = static_cast<int*>(bench.arena->take(values.size() * sizeof(int)));
  GPUHOURS_CHECK(cudaMemcpy(data, values.data(), values.size() * sizeof(int), cudaMemcpyHostToDevice));
  return data;
}

/// Where each of a token's `top` rows goes: a random order of all rows, the same for every run.
std::vector<int> shuffled(std::size_t count) {
  std::vector<int> order(count);
  for (std::size_t i = 0; i < count; ++i) order[i] = static_cast<int>(i);
  std::mt19937 random(1);
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  return order;
}

Operation make_permute(Bench& bench, Extent extent, int top, bool back) {
  if (top > kernels::kMostExperts) throw Unsupported("k (experts a token) is at most 16 here");
  const std::size_t experts = static_cast<std::size_t>(top);
  const std::size_t many = extent.count() * experts;
  Operation operation;
  operation.copies = bench.copies(2 * (extent.count() + many));
  operation.bytes = static_cast<double>(2 * many + 2 * (back ? extent.count() : many));
  operation.note = back ? "" : "bytes count every gathered row as read; some of them come from the L2";
  const auto narrow = random_sets(bench, operation.copies, extent.count());
  const auto wide = random_sets(bench, operation.copies, many);
  std::vector<int> place = shuffled(extent.rows * experts);
  if (!back) {
    for (int& row : place) row /= top;
  }
  const int* index = device_ints(bench, place);
  const float* weight = bench.constant(extent.rows * experts, 1.0f / static_cast<float>(top));
  operation.enqueue = [=](int copy, cudaStream_t stream) {
    const auto i = static_cast<std::size_t>(copy);
    if (back) {
      kernels::unpermute<<<static_cast<unsigned>(extent.rows), kernels::kThreads, 0, stream>>>(
          wide[i], narrow[i], index, weight, top, extent.cols);
    } else {
      kernels::permute<<<static_cast<unsigned>(extent.rows * experts), kernels::kThreads, 0, stream>>>(
          narrow[i], wide[i], index, extent.cols);
    }
    GPUHOURS_CHECK(cudaGetLastError());
  };
  return operation;
}

Operation make_cross_entropy(Bench& bench, Extent extent, bool backward) {
  const std::size_t bytes = 2 * extent.count() * (backward ? 2 : 1);
  Operation operation;
  operation.copies = bench.copies(bytes);
  operation.bytes = static_cast<double>(bytes);
  const auto logits = random_sets(bench, operation.copies, extent.count());
  const auto out = random_sets(bench, operation.copies, backward ? extent.count() : 0);
  std::vector<int> targets(extent.rows);
  for (std::size_t i = 0; i < targets.size(); ++i) targets[i] = static_cast<int>(i * 7919 % extent.cols);
  const int* target = device_ints(bench, targets);
  float* loss = bench.constant(extent.rows, 0.0f);
  float* log_sum = bench.constant(extent.rows, 12.0f);
  operation.enqueue = [=](int copy, cudaStream_t stream) {
    const auto i = static_cast<std::size_t>(copy);
    const auto rows = static_cast<unsigned>(extent.rows);
    if (backward) {
      kernels::cross_entropy_backward<<<rows, kernels::kLossThreads, 0, stream>>>(
          logits[i], target, log_sum, out[i], 1.0f / static_cast<float>(extent.rows), extent.cols);
    } else {
      kernels::cross_entropy_forward<<<rows, kernels::kLossThreads, 0, stream>>>(logits[i], target, loss, log_sum,
                                                                                 extent.cols);
    }
    GPUHOURS_CHECK(cudaGetLastError());
  };
  return operation;
}

}  // namespace

Operation make_rows_op(Bench& bench, const PlanRow& row) {
  const Extent extent = extent_of(row, kernels::kVector);
  if (row.op() == "softmax_cross_entropy") return make_cross_entropy(bench, extent, row.direction() == "bwd");
  return make_permute(bench, extent, static_cast<int>(row.at(Column::kK)), row.op() == "unpermute");
}

}  // namespace gpuhours::profile
