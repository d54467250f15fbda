#include "cupti_session.hpp"

#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "check.hpp"

namespace gpuhours::profile {
namespace {

constexpr std::size_t kBufferBytes = 8u << 20;
constexpr std::size_t kBufferAlignment = 8;
constexpr CUpti_ActivityKind kKinds[] = {
    CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL, CUPTI_ACTIVITY_KIND_MEMCPY, CUPTI_ACTIVITY_KIND_MEMSET,
    CUPTI_ACTIVITY_KIND_RUNTIME,           CUPTI_ACTIVITY_KIND_DRIVER, CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION};

/// CUPTI's callbacks have no user data, so the records being gathered are a process-wide state.
struct Gathered {
  std::mutex mutex;
  Records records;
};

Gathered& gathered() {
  static Gathered state;
  return state;
}

void CUPTIAPI buffer_requested(std::uint8_t** buffer, std::size_t* size, std::size_t* max_records) {
  *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(kBufferAlignment, kBufferBytes));
  *size = *buffer != nullptr ? kBufferBytes : 0;
  *max_records = 0;
}

void CUPTIAPI buffer_completed(CUcontext context, std::uint32_t stream, std::uint8_t* buffer, std::size_t /*size*/,
                               std::size_t valid) {
  Gathered& state = gathered();
  const std::lock_guard<std::mutex> lock(state.mutex);
  CUpti_Activity* record = nullptr;
  while (valid > 0) {
    const CUptiResult status = cuptiActivityGetNextRecord(buffer, valid, &record);
    if (status == CUPTI_ERROR_MAX_LIMIT_REACHED) break;
    if (status != CUPTI_SUCCESS) {
      std::fprintf(stderr, "gpuhours-profile: warning: cuptiActivityGetNextRecord failed with %d\n", status);
      break;
    }
    state.records.add(*record);
  }
  std::size_t dropped = 0;
  if (cuptiActivityGetNumDroppedRecords(context, stream, &dropped) == CUPTI_SUCCESS) state.records.dropped += dropped;
  std::free(buffer);
}

}  // namespace

CuptiSession::CuptiSession() {
  GPUHOURS_CHECK(cuptiActivityRegisterCallbacks(buffer_requested, buffer_completed));
  for (const CUpti_ActivityKind kind : kKinds) GPUHOURS_CHECK(cuptiActivityEnable(kind));
}

CuptiSession::~CuptiSession() {
  for (const CUpti_ActivityKind kind : kKinds) {
    if (cuptiActivityDisable(kind) != CUPTI_SUCCESS)
      std::fputs("gpuhours-profile: cuptiActivityDisable failed\n", stderr);
  }
  if (cuptiActivityFlushAll(0) != CUPTI_SUCCESS) std::fputs("gpuhours-profile: cuptiActivityFlushAll failed\n", stderr);
}

Records CuptiSession::take() {
  GPUHOURS_CHECK(cudaDeviceSynchronize());
  GPUHOURS_CHECK(cuptiActivityFlushAll(0));
  Gathered& state = gathered();
  const std::lock_guard<std::mutex> lock(state.mutex);
  return std::exchange(state.records, Records());
}

CallMark::CallMark(std::uint64_t id) {
  GPUHOURS_CHECK(cuptiActivityPushExternalCorrelationId(CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0, id));
}

CallMark::~CallMark() {
  std::uint64_t id = 0;
  if (cuptiActivityPopExternalCorrelationId(CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0, &id) != CUPTI_SUCCESS) {
    std::fputs("gpuhours-profile: cuptiActivityPopExternalCorrelationId failed\n", stderr);
  }
}

}  // namespace gpuhours::profile
