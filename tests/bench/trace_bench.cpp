// Speed and memory of reading a large trace: trace_bench FILE [MEGABYTES] writes FILE's events again and again into a
// trace of that size (default 1,000 MB) beside the program, reads it, and prints MB/s and the peak resident set.
// With MEGABYTES 0 it reads FILE as it is.

#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
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
  if (megabytes > 0) {
    path = "trace_bench_large.json";
    std::string text = gpuhours::file_content(arguments[1], failure);
    size = write_repeated(text, path, megabytes * 1'000'000);
  }
  fmt::print("before reading: peak {:.0f} MiB\n", peak_mib());
  gpuhours::Diagnostics problems;
  const auto begin = std::chrono::steady_clock::now();
  const auto trace = gpuhours::read_trace(path, problems);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print("{}", gpuhours::text(problems));
  if (trace)
    fmt::print("{} events, {} GPU activities, {} host spans\n", trace->events, trace->activities.size(),
               trace->operations.size() + trace->annotations.size());
  fmt::print("{:.1f} MB in {:.2f} s: {:.0f} MB/s; peak resident {:.0f} MiB\n", static_cast<double>(size) / 1e6, seconds,
             static_cast<double>(size) / 1e6 / seconds, peak_mib());
  if (megabytes > 0) std::remove(path.c_str());
  return trace ? 0 : 1;
}
