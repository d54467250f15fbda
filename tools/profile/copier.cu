#include <chrono>
#include <cstdio>
#include <thread>

#include "copier.hpp"

namespace gpuhours::profile {

struct CopierControl {
  int stop;
  unsigned started;
  unsigned long long chunks;
};

namespace kernels {

constexpr int kCopierThreads = 512;
constexpr std::size_t kChunkBytes = 16 * 1024;
constexpr std::size_t kChunksBetweenLooks = 16;

/// Copies 16 KiB chunks from one half of a buffer to the other until told to stop.
__global__ void __launch_bounds__(kCopierThreads, 1)
    resident_copier(const uint4* from, uint4* to, std::size_t chunks, CopierControl* control) {
  __shared__ int stop;
  if (threadIdx.x == 0) atomicAdd_system(&control->started, 1u);
  constexpr std::size_t kPerChunk = kChunkBytes / sizeof(uint4);
  std::size_t chunk = blockIdx.x;
  unsigned long long done = 0;
  for (;;) {
    if (threadIdx.x == 0) stop = *const_cast<volatile int*>(&control->stop);
    __syncthreads();
    const bool stopping = stop != 0;
    __syncthreads();
    if (stopping) break;
    for (std::size_t i = 0; i < kChunksBetweenLooks; ++i) {
      const uint4* source = from + chunk * kPerChunk;
      uint4* target = to + chunk * kPerChunk;
#pragma unroll
      for (std::size_t j = 0; j < kPerChunk / kCopierThreads; ++j) {
        target[j * kCopierThreads + threadIdx.x] = source[j * kCopierThreads + threadIdx.x];
      }
      chunk = chunk + gridDim.x < chunks ? chunk + gridDim.x : blockIdx.x;
      ++done;
    }
  }
  if (threadIdx.x == 0) atomicAdd_system(&control->chunks, done);
}

}  // namespace kernels

namespace {

constexpr std::size_t kHalfBytes = 512ull << 20;  ///< of the copier's buffer: well past any L2
constexpr auto kPatience = std::chrono::seconds(5);

}  // namespace

ResidentCopier::ResidentCopier(Bench& bench, int sms) {
  if (sms >= bench.sms()) throw Unsupported("a copier on every SM leaves none to measure on");
  const auto kernel = kernels::resident_copier;
  const int shared = static_cast<int>(bench.device.sharedMemPerBlockOptin) - 1024;
  const auto* from = static_cast<const uint4*>(bench.random(Element::kBf16, kHalfBytes / 2));
  auto* to = static_cast<uint4*>(bench.random(Element::kBf16, kHalfBytes / 2));
  GPUHOURS_CHECK(cudaStreamSynchronize(bench.stream));
  GPUHOURS_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared));
  GPUHOURS_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, 100));
  int least = 0, greatest = 0;
  GPUHOURS_CHECK(cudaDeviceGetStreamPriorityRange(&least, &greatest));
  GPUHOURS_CHECK(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, greatest));
  GPUHOURS_CHECK(cudaEventCreate(&begin_));
  GPUHOURS_CHECK(cudaEventCreate(&end_));
  GPUHOURS_CHECK(cudaHostAlloc(reinterpret_cast<void**>(&control_), sizeof(CopierControl), cudaHostAllocMapped));
  *control_ = CopierControl{};
  GPUHOURS_CHECK(cudaEventRecord(begin_, stream_));
  kernel<<<static_cast<unsigned>(sms), kernels::kCopierThreads, static_cast<std::size_t>(shared), stream_>>>(
      from, to, kHalfBytes / kernels::kChunkBytes, control_);
  GPUHOURS_CHECK(cudaGetLastError());
  running_ = true;
  GPUHOURS_CHECK(cudaEventRecord(end_, stream_));
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (*const_cast<volatile unsigned*>(&control_->started) < static_cast<unsigned>(sms)) {
    if (std::chrono::steady_clock::now() > until) {
      stop();
      throw Unsupported("the copier's blocks did not all start");
    }
    std::this_thread::yield();
  }
}

double ResidentCopier::stop() {
  if (!running_) return 0;
  running_ = false;
  *const_cast<volatile int*>(&control_->stop) = 1;
  GPUHOURS_CHECK(cudaStreamSynchronize(stream_));
  float milliseconds = 0;
  GPUHOURS_CHECK(cudaEventElapsedTime(&milliseconds, begin_, end_));
  return 2.0 * static_cast<double>(kernels::kChunkBytes) * static_cast<double>(control_->chunks) /
         (milliseconds * 1e-3);
}

ResidentCopier::~ResidentCopier() {
  try {
    stop();
  } catch (const CallFailed& failure) {
    std::fprintf(stderr, "gpuhours-profile: warning: %s\n", failure.what());
  }
  if (begin_ != nullptr) cudaEventDestroy(begin_);
  if (end_ != nullptr) cudaEventDestroy(end_);
  if (control_ != nullptr) cudaFreeHost(control_);
  if (stream_ != nullptr) cudaStreamDestroy(stream_);
}

}  // namespace gpuhours::profile
