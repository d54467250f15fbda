// Status checks: every call of CUDA and its libraries goes through GPUHOURS_CHECK, which names the call that failed.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime.h>
#include <cudnn.h>
#include <cupti.h>

#include <stdexcept>
#include <string>

namespace gpuhours::profile {

/// A call that failed; the row it belongs to is recorded with this message.
class CallFailed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A row that this device or library does not offer; the message says why.
class Unsupported : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws CallFailed unless the status is success. `call` is the source text; its part before '(' is named.
void check(cudaError_t status, const char* call);
void check(CUptiResult status, const char* call);
void check(cublasStatus_t status, const char* call);
void check(cudnnStatus_t status, const char* call);

}  // namespace gpuhours::profile

#define GPUHOURS_CHECK(call) ::gpuhours::profile::check((call), #call)
