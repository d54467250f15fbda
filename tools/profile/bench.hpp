// What every operator is made from: the device, its library handles, its memory and random data.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "check.hpp"
#include "plan.hpp"

namespace gpuhours::profile {

enum class Element : std::uint8_t { kBf16, kFp16, kFp32, kE4m3 };

std::size_t bytes_of(Element element);
/// Element of a plan's dtype (both FP8 recipes are e4m3).
Element element_of(const std::string& dtype);

/// One block of device memory that operators take from in turn.
class Arena {
 public:
  explicit Arena(std::size_t bytes);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Memory aligned to 1 KiB, valid until reset; throws Unsupported when it does not fit.
  void* take(std::size_t bytes);
  std::size_t left() const { return bytes_ - used_; }
  void reset() { used_ = 0; }

 private:
  void* base_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t used_ = 0;
};

/// The device under test.
struct Bench {
  explicit Bench(int device);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  cudaDeviceProp device{};
  cudaStream_t stream = nullptr;
  cublasLtHandle_t lt = nullptr;
  cudnnHandle_t dnn = nullptr;
  void* workspace = nullptr;  ///< kWorkspaceBytes, for cublasLt
  std::unique_ptr<Arena> arena;

  static constexpr std::size_t kWorkspaceBytes = 64u << 20;

  int sms() const { return device.multiProcessorCount; }

  /// Copies of a working set of so many bytes that together pass twice the L2, as far as memory goes; at least 1.
  int copies(std::size_t bytes_per_copy) const;
  /// Memory filled with normal random values of the standard deviation.
  void* random(Element element, std::size_t count, float deviation = 1.0f);
  /// Memory filled with one FP32 value.
  float* constant(std::size_t count, float value);

 private:
  std::uint64_t seed_ = 1;
};

/// An operator ready to run: `enqueue(copy, stream)` launches one call on one of its sets of buffers.
struct Operation {
  std::function<void(int copy, cudaStream_t stream)> enqueue;
  int copies = 1;
  double flops = 0;            ///< of a call
  double bytes = 0;            ///< useful bytes of a call, each input read once and each output written once
  bool spans_devices = false;  ///< a collective: its time is its span, since every device runs a part of it
  std::string note;
};

/// Fills with normal random values; `count` elements.
void fill_normal(void* data, Element element, std::size_t count, float deviation, std::uint64_t seed,
                 cudaStream_t stream);
void fill_constant(float* data, std::size_t count, float value, cudaStream_t stream);

}  // namespace gpuhours::profile
