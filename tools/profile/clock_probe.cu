#include "clock_probe.hpp"

namespace gpuhours::profile {

struct Slot {
  long long cycles;
  unsigned long long nanoseconds;
};

namespace kernels {

constexpr unsigned long long kProbeNanoseconds = 20'000;

__device__ inline unsigned long long nanoseconds() {
  unsigned long long now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  return now;
}

/// Waits for a tick of the timer, then for the probe's length; both ends lie on ticks.
__global__ void clock_probe(Slot* slot) {
  unsigned long long start = nanoseconds(), now = start;
  while ((now = nanoseconds()) == start) {
  }
  const long long first = clock64();
  start = now;
  while (now - start < kProbeNanoseconds) now = nanoseconds();
  slot->cycles = clock64() - first;
  slot->nanoseconds = now - start;
}

}  // namespace kernels

ClockProbe::ClockProbe() {
  GPUHOURS_CHECK(cudaHostAlloc(reinterpret_cast<void**>(&slots_), kProbes * sizeof(Slot), cudaHostAllocMapped));
}

ClockProbe::~ClockProbe() { cudaFreeHost(slots_); }

void ClockProbe::enqueue(cudaStream_t stream) {
  if (used_ == kProbes) return;
  kernels::clock_probe<<<1, 1, 0, stream>>>(slots_ + used_);
  GPUHOURS_CHECK(cudaGetLastError());
  ++used_;
}

double ClockProbe::mean_mhz() {
  double sum = 0;
  for (int i = 0; i < used_; ++i) {
    const Slot& slot = slots_[i];
    sum += static_cast<double>(slot.cycles) * 1e3 / static_cast<double>(slot.nanoseconds);
  }
  const double mean = used_ > 0 ? sum / used_ : 0;
  used_ = 0;
  return mean;
}

}  // namespace gpuhours::profile
