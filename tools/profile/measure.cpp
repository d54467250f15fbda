#include "measure.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <optional>
#include <vector>

#include "clock_probe.hpp"
#include "copier.hpp"
#include "operations.hpp"

namespace gpuhours::profile {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kWarmUpCalls = 3;
constexpr int kFewestCalls = 8;
constexpr int kMostCalls = 40;
constexpr double kBurstMs = 80;           ///< aim for the length of a burst
constexpr double kSustainedBatchMs = 20;  ///< work between two looks at the clock
constexpr int kGapCalls = 5;
constexpr int kCallsBetweenProbes = 8;
constexpr std::size_t kLongestName = 200;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string demangled(const std::string& name) {
  int status = 0;
  char* text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  std::string result = status == 0 && text != nullptr ? text : name;
  std::free(text);
  if (result.size() > kLongestName) result.resize(kLongestName);
  return result;
}

/// Runs every set of buffers once or more and returns the time of a call in milliseconds.
double warm_up(Bench& bench, const Operation& operation) {
  for (int i = 0; i < kWarmUpCalls; ++i) operation.enqueue(i % operation.copies, bench.stream);
  cudaEvent_t begin = nullptr, end = nullptr;
  GPUHOURS_CHECK(cudaEventCreate(&begin));
  GPUHOURS_CHECK(cudaEventCreate(&end));
  GPUHOURS_CHECK(cudaEventRecord(begin, bench.stream));
  for (int i = 0; i < kWarmUpCalls; ++i) operation.enqueue(i % operation.copies, bench.stream);
  GPUHOURS_CHECK(cudaEventRecord(end, bench.stream));
  GPUHOURS_CHECK(cudaEventSynchronize(end));
  float milliseconds = 0;
  GPUHOURS_CHECK(cudaEventElapsedTime(&milliseconds, begin, end));
  GPUHOURS_CHECK(cudaEventDestroy(begin));
  GPUHOURS_CHECK(cudaEventDestroy(end));
  return static_cast<double>(milliseconds) / kWarmUpCalls;
}

int burst_calls(const MeasureOptions& options, double call_ms) {
  if (options.repeats > 0) return options.repeats;
  return static_cast<int>(std::clamp(kBurstMs / std::max(call_ms, 1e-3), double{kFewestCalls}, double{kMostCalls}));
}

void describe_longest(Measured& result, const Records& records, const std::vector<Call>& list) {
  if (list.empty()) return;
  const Work& longest = records.work[list[list.size() / 2].longest];
  result.kernel = demangled(longest.name);
  result.grid = longest.grid;
  result.block = longest.block;
  result.registers = longest.registers_per_thread;
  result.shared_memory = longest.shared_memory_bytes;
}

/// The gaps' own median and spread in place of the calls'.
Summary gap_summary(const Records& records) {
  const std::vector<double> gaps = gaps_us(records);
  Summary result;
  result.n = gaps.size();
  result.time_us = quantile(gaps, 0.5);
  result.min_us = quantile(gaps, 0);
  result.max_us = quantile(gaps, 1);
  result.p10_us = quantile(gaps, 0.1);
  result.p90_us = quantile(gaps, 0.9);
  result.span_us = result.time_us;
  result.kernels = kLaunchesPerGapCall;
  return result;
}

void add_note(Measured& result, const std::string& text) {
  if (text.empty()) return;
  result.note += (result.note.empty() ? "" : "; ") + text;
}

void burst(Bench& bench, CuptiSession& session, const Nvml& nvml, const PlanRow& row, const Operation& operation,
           int repeats, Measured& result) {
  std::optional<ResidentCopier> copier;
  ClockProbe probe;
  const bool probed = row.op() != "launch_gap";  // a probe between two kernels would be a gap
  if (probed) probe.enqueue(bench.stream);       // loads the probe's module before a copier may hold the device
  GPUHOURS_CHECK(cudaStreamSynchronize(bench.stream));
  probe.mean_mhz();
  if (row.op() != "grouped_gemm" && row.at(Column::kGroups) > 0) {
    copier.emplace(bench, static_cast<int>(row.at(Column::kGroups)));
  } else {
    session.take();  // what making the operator and warming up recorded
  }
  for (int i = 0; i < repeats; ++i) {
    {
      const CallMark mark(static_cast<std::uint64_t>(i) + 1);
      operation.enqueue(i % operation.copies, bench.stream);
    }
    if (probed && i % kCallsBetweenProbes == kCallsBetweenProbes / 2) probe.enqueue(bench.stream);
  }
  result.power_w = nvml.power_w();
  GPUHOURS_CHECK(cudaStreamSynchronize(bench.stream));
  result.sm_clock_mhz = probe.mean_mhz();
  if (copier) {
    const double rate = copier->stop();
    add_note(result, "beside a copier on " + row[Column::kGroups] + " SMs that moves " +
                         std::to_string(static_cast<int>(rate * 1e-9)) + " GB/s, read and written");
  }
  const Records records = session.take();
  const std::vector<Call> list = calls(records);
  result.dropped += records.dropped;
  result.untimed += records.untimed;
  describe_longest(result, records, list);
  result.summary = row.op() == "launch_gap" ? gap_summary(records) : summary(list);
  if (operation.spans_devices) result.summary.time_us = result.summary.span_us;
  if (static_cast<int>(list.size()) != repeats) {
    add_note(result, std::to_string(list.size()) + " of " + std::to_string(repeats) + " calls have records");
  }
  if (result.summary.side_by_side) add_note(result, "kernels of a call overlap");
  result.good = result.summary.n > 0;
}

/// Repeats the operator for some seconds; median time of the calls of the last half, mean clock and power there.
void sustained(Bench& bench, CuptiSession& session, const Nvml& nvml, const Operation& operation, double seconds,
               Measured& result) {
  const int batch = std::max(1, static_cast<int>(kSustainedBatchMs * 1e3 / std::max(result.summary.span_us, 1.0)));
  session.take();
  std::deque<cudaEvent_t> in_flight;
  std::uint64_t id = 0, first_of_last_half = 0;
  double clock = 0, power = 0;
  int looks = 0;
  const auto start = Clock::now();
  while (seconds_since(start) < seconds) {
    const bool last_half = seconds_since(start) > seconds / 2;
    if (last_half && first_of_last_half == 0) first_of_last_half = id + 1;
    for (int i = 0; i < batch; ++i) {
      const CallMark mark(++id);
      operation.enqueue(static_cast<int>(id) % operation.copies, bench.stream);
    }
    cudaEvent_t done = nullptr;
    GPUHOURS_CHECK(cudaEventCreateWithFlags(&done, cudaEventDisableTiming));
    GPUHOURS_CHECK(cudaEventRecord(done, bench.stream));
    in_flight.push_back(done);
    if (last_half) {
      clock += nvml.sm_clock_mhz();
      power += nvml.power_w();
      ++looks;
    }
    if (in_flight.size() < 3) continue;
    GPUHOURS_CHECK(cudaEventSynchronize(in_flight.front()));
    GPUHOURS_CHECK(cudaEventDestroy(in_flight.front()));
    in_flight.pop_front();
  }
  GPUHOURS_CHECK(cudaStreamSynchronize(bench.stream));
  for (const cudaEvent_t event : in_flight) GPUHOURS_CHECK(cudaEventDestroy(event));
  const Records records = session.take();
  std::vector<Call> list = calls(records);
  std::erase_if(list, [&](const Call& call) { return call.id < first_of_last_half; });
  result.sustained_time_us = summary(list).time_us;
  result.dropped += records.dropped;
  if (looks > 0) {
    result.sustained_clock_mhz = clock / looks;
    result.sustained_power_w = power / looks;
  }
}

}  // namespace

Measured measure(Bench& bench, CuptiSession& session, const Nvml& nvml, const PlanRow& row,
                 const MeasureOptions& options) {
  Measured result;
  add_note(result, row[Column::kNote]);
  try {
    bench.arena->reset();
    const Operation operation = make_operation(bench, row);
    result.flops = operation.flops;
    result.bytes = operation.bytes;
    add_note(result, operation.note);
    const double call_ms = warm_up(bench, operation);
    const int repeats = row.op() == "launch_gap" ? kGapCalls : burst_calls(options, call_ms);
    burst(bench, session, nvml, row, operation, repeats, result);
    const bool long_run = options.sustained_s > 0 && row.op() != "launch_gap" && result.good;
    if (long_run) sustained(bench, session, nvml, operation, options.sustained_s, result);
  } catch (const Unsupported& refusal) {
    result.good = false;
    add_note(result, std::string("not supported: ") + refusal.what());
  } catch (const CallFailed& failure) {
    result.good = false;
    add_note(result, std::string("failed: ") + failure.what());
    cudaGetLastError();  // a failed launch must not be blamed on the next row
  }
  return result;
}

}  // namespace gpuhours::profile
