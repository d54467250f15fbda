#pragma once
// What one rank runs in a step, kernel by kernel and communication by communication: the long form of an account.
// Input: a step model; output: lists, the longest first.

#include <string>
#include <vector>

#include "estimate/step_model.hpp"

namespace gpuhours {

/// Equal operators of one rank's step together. Times are of the kernels alone on the GPU.
struct KernelShare {
  std::string name;
  LawClass law = LawClass::memory_bound;
  Provenance provenance = Provenance::guessed;
  double relative_error = 0;
  double calls = 0;
  Seconds time;  ///< all calls
};

/// Equal communications of one rank's step together, whether waited for or not.
struct CommunicationShare {
  std::string name;
  std::string group;
  std::string bottleneck;
  double relative_error = 0;
  double calls = 0;
  Seconds alone;   ///< all calls, nothing beside
  Seconds beside;  ///< all calls, compute beside
};

std::vector<KernelShare> kernel_shares(const StepModel& model, int global_batch, int rank);
std::vector<CommunicationShare> communication_shares(const StepModel& model, int global_batch, int rank);

}  // namespace gpuhours
