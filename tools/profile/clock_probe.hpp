// The SM clock as a kernel sees it: NVML's reading is too slow for bursts of a few milliseconds.
#pragma once

#include "bench.hpp"

namespace gpuhours::profile {

/// Counts SM cycles against the GPU's nanosecond timer in a kernel of one thread that runs for about 20 us.
class ClockProbe {
 public:
  ClockProbe();
  ~ClockProbe();
  ClockProbe(const ClockProbe&) = delete;
  ClockProbe& operator=(const ClockProbe&) = delete;

  /// Puts a probe into the stream; there is room for kProbes until the next `mean_mhz`.
  void enqueue(cudaStream_t stream);
  /// Mean clock over the probes since the last call; the stream must be idle. 0 of none.
  double mean_mhz();

  static constexpr int kProbes = 64;

 private:
  struct Slot* slots_ = nullptr;  ///< in pinned memory
  int used_ = 0;
};

}  // namespace gpuhours::profile
