#include "records.hpp"

#include <algorithm>
#include <map>

namespace gpuhours::profile {
namespace {

std::string copy_name(std::uint8_t kind) {
  switch (kind) {
    case CUPTI_ACTIVITY_MEMCPY_KIND_HTOD:
      return "Memcpy HtoD";
    case CUPTI_ACTIVITY_MEMCPY_KIND_DTOH:
      return "Memcpy DtoH";
    case CUPTI_ACTIVITY_MEMCPY_KIND_DTOD:
      return "Memcpy DtoD";
    case CUPTI_ACTIVITY_MEMCPY_KIND_PTOP:
      return "Memcpy PtoP";
    default:
      return "Memcpy";
  }
}

Work kernel_work(const CUpti_ActivityKernel10& kernel) {
  Work work;
  work.kind = WorkKind::kKernel;
  work.start_ns = kernel.start;
  work.end_ns = kernel.end;
  work.correlation = kernel.correlationId;
  work.stream = kernel.streamId;
  work.name = kernel.name != nullptr ? kernel.name : "";
  work.grid = {kernel.gridX, kernel.gridY, kernel.gridZ};
  work.block = {kernel.blockX, kernel.blockY, kernel.blockZ};
  work.registers_per_thread = kernel.registersPerThread;
  work.shared_memory_bytes =
      static_cast<std::uint64_t>(kernel.staticSharedMemory) + static_cast<std::uint64_t>(kernel.dynamicSharedMemory);
  return work;
}

template <typename Record>
Work transfer_work(const Record& record, WorkKind kind, std::string name) {
  Work work;
  work.kind = kind;
  work.start_ns = record.start;
  work.end_ns = record.end;
  work.correlation = record.correlationId;
  work.stream = record.streamId;
  work.name = std::move(name);
  work.bytes = record.bytes;
  return work;
}

/// Length of the union of the intervals, which must be sorted by start; says too if any two overlap.
std::uint64_t union_ns(const std::vector<const Work*>& sorted, bool& overlap) {
  std::uint64_t covered = 0;
  std::uint64_t reached = 0;
  for (const Work* work : sorted) {
    const std::uint64_t end = work->start_ns + work->duration_ns();
    if (work->start_ns < reached) overlap = true;
    const std::uint64_t from = std::max(work->start_ns, reached);
    if (end > from) covered += end - from;
    reached = std::max(reached, end);
  }
  return covered;
}

Call call_of(std::uint64_t id, std::vector<const Work*> pieces, const Work* base) {
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const Work* a, const Work* b) { return a->start_ns < b->start_ns; });
  Call call;
  call.id = id;
  call.kernels = static_cast<int>(pieces.size());
  call.first_start_ns = pieces.front()->start_ns;
  const Work* longest = pieces.front();
  for (const Work* work : pieces) {
    call.time_ns += work->duration_ns();
    call.last_end_ns = std::max(call.last_end_ns, work->start_ns + work->duration_ns());
    if (work->duration_ns() > longest->duration_ns()) longest = work;
  }
  call.busy_ns = union_ns(pieces, call.side_by_side);
  call.longest = static_cast<std::size_t>(longest - base);
  return call;
}

}  // namespace

void Records::add(const CUpti_Activity& record) {
  Work piece;
  switch (record.kind) {
    case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
    case CUPTI_ACTIVITY_KIND_KERNEL:
      piece = kernel_work(reinterpret_cast<const CUpti_ActivityKernel10&>(record));
      break;
    case CUPTI_ACTIVITY_KIND_MEMCPY: {
      const auto& copy = reinterpret_cast<const CUpti_ActivityMemcpy6&>(record);
      piece = transfer_work(copy, WorkKind::kMemcpy, copy_name(copy.copyKind));
      break;
    }
    case CUPTI_ACTIVITY_KIND_MEMSET:
      piece = transfer_work(reinterpret_cast<const CUpti_ActivityMemset4&>(record), WorkKind::kMemset, "Memset");
      break;
    case CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION: {
      const auto& link = reinterpret_cast<const CUpti_ActivityExternalCorrelation&>(record);
      if (link.externalKind == CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0)
        external_id[link.correlationId] = link.externalId;
      return;
    }
    default:
      return;
  }
  if (piece.start_ns == 0 && piece.end_ns == 0) {
    ++untimed;
    return;
  }
  work.push_back(std::move(piece));
}

std::vector<Call> calls(const Records& records) {
  std::map<std::uint64_t, std::vector<const Work*>> pieces;
  for (const Work& work : records.work) {
    const auto found = records.external_id.find(work.correlation);
    if (found != records.external_id.end()) pieces[found->second].push_back(&work);
  }
  std::vector<Call> result;
  result.reserve(pieces.size());
  for (auto& [id, list] : pieces) result.push_back(call_of(id, std::move(list), records.work.data()));
  return result;
}

std::uint64_t uncorrelated(const Records& records) {
  return static_cast<std::uint64_t>(std::count_if(records.work.begin(), records.work.end(), [&](const Work& work) {
    return records.external_id.find(work.correlation) == records.external_id.end();
  }));
}

std::vector<double> gaps_us(const Records& records) {
  std::map<std::uint32_t, std::vector<const Work*>> streams;
  for (const Work& work : records.work) streams[work.stream].push_back(&work);
  std::vector<double> gaps;
  for (auto& [stream, list] : streams) {
    std::stable_sort(list.begin(), list.end(), [](const Work* a, const Work* b) { return a->start_ns < b->start_ns; });
    for (std::size_t i = 1; i < list.size(); ++i) {
      const auto gap = static_cast<std::int64_t>(list[i]->start_ns) - static_cast<std::int64_t>(list[i - 1]->end_ns);
      gaps.push_back(static_cast<double>(gap) * 1e-3);
    }
  }
  return gaps;
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double place = share * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (values[high] - values[low]) * (place - static_cast<double>(low));
}

Summary summary(const std::vector<Call>& calls) {
  Summary result;
  result.n = calls.size();
  if (calls.empty()) return result;
  std::vector<double> times, spans, counts;
  for (const Call& call : calls) {
    times.push_back(static_cast<double>(call.time_ns) * 1e-3);
    spans.push_back(static_cast<double>(call.span_ns()) * 1e-3);
    counts.push_back(call.kernels);
    result.side_by_side = result.side_by_side || call.side_by_side;
  }
  result.time_us = quantile(times, 0.5);
  result.min_us = quantile(times, 0.0);
  result.max_us = quantile(times, 1.0);
  result.p10_us = quantile(times, 0.1);
  result.p90_us = quantile(times, 0.9);
  result.span_us = quantile(spans, 0.5);
  result.kernels = quantile(counts, 0.5);
  return result;
}

}  // namespace gpuhours::profile
