#include "report/trace_json.hpp"

#include <fmt/format.h>

#include <boost/iostreams/copy.hpp>
#include <boost/iostreams/device/back_inserter.hpp>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <iterator>
#include <vector>

#include "report/json_values.hpp"

namespace gpuhours {
namespace {

/// Picoseconds as microseconds, exact: "12.345678".
std::string microseconds(SimTime time) { return fmt::format("{}.{:06}", time.ps / 1000000, time.ps % 1000000); }

std::string name_event(const char* what, int pid, int tid, const std::string& name) {
  return fmt::format(R"({{"ph":"M","name":"{}","pid":{},"tid":{},"args":{{"name":{}}}}})", what, pid, tid,
                     json_string(name));
}

/// Keeps the order of the timeline's list on the screen.
std::string sort_event(const char* what, int pid, int tid, int index) {
  return fmt::format(R"({{"ph":"M","name":"{}","pid":{},"tid":{},"args":{{"sort_index":{}}}}})", what, pid, tid, index);
}

std::string span_event(const Span& span, const std::string& category) {
  return fmt::format(R"({{"ph":"X","name":{},"cat":{},"pid":{},"tid":{},"ts":{},"dur":{}}})", json_string(span.name),
                     json_string(category), span.device, span.stream, microseconds(span.start),
                     microseconds(span.end - span.start));
}

}  // namespace

std::string trace_json(const Timeline& timeline) {
  std::vector<std::string> events;
  for (int device = 0; device < std::ssize(timeline.devices); ++device) {
    events.push_back(name_event("process_name", device, 0, timeline.devices[device]));
    events.push_back(sort_event("process_sort_index", device, 0, device));
    for (int stream = 0; stream < std::ssize(timeline.streams); ++stream) {
      events.push_back(name_event("thread_name", device, stream, timeline.streams[stream]));
      events.push_back(sort_event("thread_sort_index", device, stream, stream));
    }
  }
  for (const Span& span : timeline.spans) {
    const bool named = span.stream >= 0 && span.stream < std::ssize(timeline.streams);
    events.push_back(span_event(span, named ? timeline.streams[span.stream] : "stream"));
  }
  return fmt::format("{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{}\n]}}\n", fmt::join(events, ",\n"));
}

std::string gzipped(const std::string& text) {
  namespace io = boost::iostreams;
  std::string out;
  io::filtering_ostream stream;
  stream.push(io::gzip_compressor());
  stream.push(io::back_inserter(out));
  stream.write(text.data(), static_cast<std::streamsize>(text.size()));
  stream.reset();
  return out;
}

}  // namespace gpuhours
