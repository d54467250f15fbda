#include "check.hpp"

#include <cstring>

namespace gpuhours::profile {
namespace {

[[noreturn]] void fail(const char* call, const std::string& reason) {
  const char* end = std::strchr(call, '(');
  throw CallFailed(std::string(call, end != nullptr ? static_cast<std::size_t>(end - call) : std::strlen(call)) + ": " +
                   reason);
}

}  // namespace

void check(cudaError_t status, const char* call) {
  if (status != cudaSuccess) fail(call, cudaGetErrorString(status));
}

void check(CUptiResult status, const char* call) {
  if (status == CUPTI_SUCCESS) return;
  const char* text = nullptr;
  if (cuptiGetResultString(status, &text) != CUPTI_SUCCESS) text = "unknown CUPTI error";
  fail(call, text);
}

void check(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS) fail(call, cublasLtGetStatusString(status));
}

void check(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char detail[512] = "";
  cudnnGetLastErrorString(detail, sizeof(detail));
  fail(call, std::string(cudnnGetErrorString(status)) + (detail[0] != '\0' ? std::string(" (") + detail + ")" : ""));
}

}  // namespace gpuhours::profile
