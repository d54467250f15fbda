// A resident kernel that holds some SMs and copies memory on them, as a communication kernel does.
#pragma once

#include "bench.hpp"

namespace gpuhours::profile {

struct CopierControl;

/// Holds `sms` SMs from construction until it is destroyed. One block an SM takes all its shared memory, so that no
/// other block fits beside it.
class ResidentCopier {
 public:
  ResidentCopier(Bench& bench, int sms);
  ~ResidentCopier();
  ResidentCopier(const ResidentCopier&) = delete;
  ResidentCopier& operator=(const ResidentCopier&) = delete;

  /// Stops the kernel and waits for it; returns the bytes it read and wrote a second.
  double stop();

 private:
  CopierControl* control_ = nullptr;  ///< in pinned memory that the device sees
  cudaStream_t stream_ = nullptr;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
  bool running_ = false;
};

}  // namespace gpuhours::profile
