// Speed and memory of reading a large trace: trace_bench FILE [MEGABYTES] writes FILE's events again and again into a
// trace of that size (default 1,000 MB) beside the program, reads it, and prints MB/s by the clock and by processor
// time (they differ on a busy machine) and the peak resident set. With MEGABYTES 0 it reads FILE as it is (a gzip file
// counts by its packed size).

#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "calibrate/trace_command.hpp"
#include "calibrate/trace_file.hpp"
#include "core/input_file.hpp"

namespace {

/// Repeats the elements of the array "traceEvents" of `text` until `bytes` are written; returns the size.
std::size_t write_repeated(const std::string& text, const std::string& path, std::size_t bytes) {
  const std::size_t open = text.find('[', text.find("\"traceEvents\""));
  const std::size_t close = text.rfind(']');
  std::ofstream out(path, std::ios::binary);
  out << text.substr(0, open + 1);
  const std::string events = text.substr(open + 1, close - open - 1);
  std::size_t written = open + 1;
  for (bool first = true; written < bytes; first = false) {
    if (!first) out << ',';
    out << events;
    written += events.size() + 1;
  }
  out << text.substr(close);
  return written;
}

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    fmt::print(stderr, "usage: trace_bench FILE [MEGABYTES]\n");
    return 2;
  }
  const std::size_t megabytes = count > 2 ? std::stoul(arguments[2]) : 1000;
  std::string path = arguments[1];
  std::string failure;
  std::size_t size = 0;
  if (megabytes == 0) {
    size = std::filesystem::file_size(path);
  } else {
    path = "trace_bench_large.json";
    std::string text = gpuhours::file_content(arguments[1], failure);
    size = write_repeated(text, path, megabytes * 1'000'000);
  }
  fmt::print("before reading: peak {:.0f} MiB\n", peak_mib());
  gpuhours::Diagnostics problems;
  const double busy_before = processor_seconds();
  const auto begin = std::chrono::steady_clock::now();
  const auto trace = gpuhours::read_trace(path, problems);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const double busy = processor_seconds() - busy_before;
  fmt::print("{}", gpuhours::text(problems));
  if (trace)
    fmt::print("{} events, {} GPU activities, {} host spans\n", trace->events, trace->activities.size(),
               trace->operations.size() + trace->annotations.size());
  const double read = static_cast<double>(size) / 1e6;
  fmt::print("{:.1f} MB in {:.2f} s: {:.0f} MB/s ({:.0f} MB/s of processor time); peak resident {:.0f} MiB\n", read,
             seconds, read / seconds, read / busy, peak_mib());
  if (megabytes > 0) std::remove(path.c_str());
  return trace ? 0 : 1;
}
