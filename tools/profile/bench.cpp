#include "bench.hpp"

#include <algorithm>
#include <cstdio>

namespace gpuhours::profile {
namespace {

constexpr std::size_t kAlignment = 1024;
constexpr std::size_t kLeftForLibraries = 3ull << 30;  ///< modules, cuDNN plans, local memory
constexpr int kMostCopies = 32;

/// For destructors, where a failure can only be told.
void tell(bool good, const char* call) {
  if (!good) std::fprintf(stderr, "gpuhours-profile: warning: %s failed\n", call);
}

}  // namespace

std::size_t bytes_of(Element element) {
  switch (element) {
    case Element::kBf16:
    case Element::kFp16:
      return 2;
    case Element::kFp32:
      return 4;
    case Element::kE4m3:
      return 1;
  }
  return 0;
}

Element element_of(const std::string& dtype) {
  if (dtype == "bf16") return Element::kBf16;
  if (dtype == "fp16") return Element::kFp16;
  if (dtype == "fp32") return Element::kFp32;
  return Element::kE4m3;
}

Arena::Arena(std::size_t bytes) : bytes_(bytes) { GPUHOURS_CHECK(cudaMalloc(&base_, bytes)); }

Arena::~Arena() { tell(cudaFree(base_) == cudaSuccess, "cudaFree"); }

void* Arena::take(std::size_t bytes) {
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (rounded > left()) {
    throw Unsupported("does not fit: needs " + std::to_string(bytes >> 20) + " MiB more, " +
                      std::to_string(left() >> 20) + " MiB left");
  }
  void* memory = static_cast<char*>(base_) + used_;
  used_ += rounded;
  return memory;
}

Bench::Bench(int ordinal) {
  GPUHOURS_CHECK(cudaSetDevice(ordinal));
  GPUHOURS_CHECK(cudaGetDeviceProperties(&device, ordinal));
  GPUHOURS_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  GPUHOURS_CHECK(cudaMalloc(&workspace, kWorkspaceBytes));
  GPUHOURS_CHECK(cublasLtCreate(&lt));
  GPUHOURS_CHECK(cudnnCreate(&dnn));
  GPUHOURS_CHECK(cudnnSetStream(dnn, stream));
  std::size_t free_bytes = 0, total_bytes = 0;
  GPUHOURS_CHECK(cudaMemGetInfo(&free_bytes, &total_bytes));
  if (free_bytes < 2 * kLeftForLibraries) throw Unsupported("the device has less than 6 GiB of free memory");
  arena = std::make_unique<Arena>(free_bytes - kLeftForLibraries);
}

Bench::~Bench() {
  tell(cudnnDestroy(dnn) == CUDNN_STATUS_SUCCESS, "cudnnDestroy");
  tell(cublasLtDestroy(lt) == CUBLAS_STATUS_SUCCESS, "cublasLtDestroy");
  tell(cudaFree(workspace) == cudaSuccess, "cudaFree");
  tell(cudaStreamDestroy(stream) == cudaSuccess, "cudaStreamDestroy");
}

int Bench::copies(std::size_t bytes_per_copy) const {
  const std::size_t bytes = std::max<std::size_t>(bytes_per_copy, 1);
  const std::size_t past_l2 = 2 * static_cast<std::size_t>(device.l2CacheSize) / bytes + 2;
  const std::size_t fitting = arena->left() / (bytes + 16 * kAlignment);
  return static_cast<int>(std::clamp<std::size_t>(std::min(past_l2, fitting), 1, kMostCopies));
}

void* Bench::random(Element element, std::size_t count, float deviation) {
  void* data = arena->take(count * bytes_of(element));
  fill_normal(data, element, count, deviation, seed_++, stream);
  return data;
}

float* Bench::constant(std::size_t count, float value) {
  auto* data = static_cast<float*>(arena->take(count * sizeof(float)));
  fill_constant(data, count, value, stream);
  return data;
}

}  // namespace gpuhours::profile
