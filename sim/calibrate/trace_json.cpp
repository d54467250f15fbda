#include "calibrate/trace_json.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "calibrate/decimal.hpp"
#include "calibrate/trace_json_values.hpp"

namespace gpuhours {

namespace {

enum class Category : std::uint8_t { other, kernel, memcpy, memset, launch, operation, annotation };

Category category_of(std::string_view name) {
  if (name == "kernel" || name == "Kernel") return Category::kernel;
  if (name == "gpu_memcpy" || name == "Memcpy") return Category::memcpy;
  if (name == "gpu_memset" || name == "Memset") return Category::memset;
  if (name == "cuda_runtime" || name == "cuda_driver" || name == "Runtime" || name == "hip_runtime" ||
      name == "hip_driver" || name == "privateuse1_runtime")
    return Category::launch;
  if (name == "cpu_op" || name == "Operator") return Category::operation;
  if (name == "user_annotation") return Category::annotation;
  return Category::other;
}

/// Times stay within this many nanoseconds of 0 (127 years), so that sums and differences fit.
constexpr std::int64_t kFarthest = 4'000'000'000'000'000'000;

/// The members of one event that anything needs. Texts keep their memory from event to event.
struct RawEvent {
  std::string phase, name, process, thread, start, duration;
  std::string dims, types, collective, collective_type, group;
  std::int64_t correlation, device, stream, bytes, registers, shared_memory, in_elements, out_elements, group_size;
  std::array<std::int32_t, 3> grid, block;
  Category category;
  bool has_category;
  std::int64_t line, column, byte;

  void clear() {
    for (std::string* text :
         {&phase, &name, &process, &thread, &start, &duration, &dims, &types, &collective, &collective_type, &group})
      text->clear();
    correlation = device = stream = in_elements = out_elements = group_size = -1;
    bytes = registers = shared_memory = 0;
    grid = block = {};
    category = Category::other;
    has_category = false;
  }
};

class KinetoReader {
 public:
  KinetoReader(ByteSource source, const std::string& file, Diagnostics& problems)
      : tokens_(std::move(source)), file_(file), problems_(problems) {
    trace_.file = file;
    trace_.format = "kineto json";
  }

  std::optional<Trace> read() {
    const JsonToken token = tokens_.next();
    bool good = false;
    if (token == JsonToken::begin_array) {
      events_seen_ = true;
      good = read_events();
    } else if (token == JsonToken::begin_object) {
      good = read_document();
    } else if (token != JsonToken::failure) {
      return refuse("a trace is an object with 'traceEvents' or an array of events");
    }
    if (good && tokens_.next() != JsonToken::end) good = false;
    if (!good) return stop_ ? std::nullopt : refuse(tokens_.failure());
    if (!events_seen_) return refuse_file("no 'traceEvents': this is not a profiler trace");
    return finish();
  }

 private:
  std::optional<Trace> refuse(const std::string& reason) {
    return refuse_at(tokens_.line(), tokens_.column(), tokens_.byte_offset(), reason);
  }

  std::optional<Trace> refuse_at(std::int64_t line, std::int64_t column, std::int64_t byte, const std::string& reason) {
    constexpr std::int64_t kMost = 2'000'000'000;
    problems_.error({file_, static_cast<int>(std::min(line, kMost)), static_cast<int>(std::min(column, kMost)), ""},
                    reason, fmt::format("byte {} of the unpacked text", byte));
    stop_ = true;
    return std::nullopt;
  }

  std::optional<Trace> refuse_file(const std::string& reason) {
    problems_.error({file_, 0, 0, ""}, reason);
    return std::nullopt;
  }

  bool read_document() {
    for (;;) {
      const JsonToken token = tokens_.next();
      if (token == JsonToken::end_object) return true;
      if (token != JsonToken::key) return false;
      const std::string key(tokens_.text());
      bool good = false;
      if (key == "traceEvents") {
        good = enter(JsonToken::begin_array, "'traceEvents' is not an array") && read_events();
        events_seen_ = true;
      } else if (key == "deviceProperties") {
        good = read_devices(tokens_, trace_.devices);
      } else if (key == "distributedInfo") {
        good = read_distributed(tokens_, trace_.distributed);
      } else if (key == "baseTimeNanoseconds") {
        good = read_scalar(tokens_, value_) && (trace_.base_ns = scaled_decimal(value_, 0).value_or(0), true);
      } else if (key == "traceName") {
        good = read_scalar(tokens_, trace_.title);
      } else {
        good = tokens_.skip_value();
      }
      if (!good) return false;
    }
  }

  bool enter(JsonToken wanted, const char* complaint) {
    const JsonToken token = tokens_.next();
    if (token == wanted) return true;
    if (token != JsonToken::failure) refuse(complaint);
    return false;
  }

  bool read_events() {
    for (;;) {
      const JsonToken token = tokens_.next();
      if (token == JsonToken::end_array) return true;
      if (token == JsonToken::begin_object) {
        if (!read_event()) return false;
        continue;
      }
      if (token == JsonToken::failure) return false;
      refuse("an event is not an object");
      return false;
    }
  }

  bool read_event() {
    event_.clear();
    event_.line = tokens_.line();
    event_.column = tokens_.column();
    event_.byte = tokens_.byte_offset();
    for (;;) {
      const JsonToken token = tokens_.next();
      if (token == JsonToken::end_object) break;
      if (token != JsonToken::key || !read_member(tokens_.text())) return false;
    }
    ++trace_.events;
    if (event_.phase != "X" || event_.category == Category::other) return true;
    return keep_event();
  }

  bool read_member(std::string_view key) {
    if (key == "ph") return read_scalar(tokens_, event_.phase);
    if (key == "ts") return read_scalar(tokens_, event_.start);
    if (key == "dur") return read_scalar(tokens_, event_.duration);
    if (key == "tid") return read_scalar(tokens_, event_.thread);
    if (key == "pid") return read_scalar(tokens_, event_.process);
    if (key == "name") return read_scalar(tokens_, event_.name);
    if (key == "cat") {
      if (!read_scalar(tokens_, value_)) return false;
      event_.category = category_of(value_);
      event_.has_category = true;
      return true;
    }
    if (key == "args") {
      if (event_.has_category && (event_.category == Category::other || event_.phase != "X"))
        return tokens_.skip_value();
      return read_arguments();
    }
    return tokens_.skip_value();
  }

  bool read_arguments() {
    const JsonToken first = tokens_.next();
    if (first == JsonToken::begin_array) return tokens_.skip_to_end_of(tokens_.depth());
    if (first != JsonToken::begin_object) return first != JsonToken::failure;
    for (;;) {
      const JsonToken token = tokens_.next();
      if (token == JsonToken::end_object) return true;
      if (token != JsonToken::key || !read_argument(tokens_.text())) return false;
    }
  }

  bool read_argument(std::string_view key) {
    switch (key.empty() ? '\0' : key.front()) {
      case 'c':
        if (key == "correlation") return read_whole(tokens_, event_.correlation, trace_.problems);
        break;
      case 'd':
        if (key == "device") return read_whole(tokens_, event_.device, trace_.problems);
        if (key == "dtype") return read_scalar(tokens_, event_.collective_type);
        break;
      case 's':
        if (key == "stream") return read_whole(tokens_, event_.stream, trace_.problems);
        if (key == "shared memory") return read_whole(tokens_, event_.shared_memory, trace_.problems);
        break;
      case 'b':
        if (key == "bytes") return read_whole(tokens_, event_.bytes, trace_.problems);
        if (key == "block") return read_triple(tokens_, event_.block);
        break;
      case 'g':
        if (key == "grid") return read_triple(tokens_, event_.grid);
        break;
      case 'r':
        if (key == "registers per thread") return read_whole(tokens_, event_.registers, trace_.problems);
        break;
      case 'I':
        if (key == "Input Dims" || key == "Input dims") return tokens_.copy_value(event_.dims);
        if (key == "Input type") return tokens_.copy_value(event_.types);
        if (key == "In msg nelems") return read_whole(tokens_, event_.in_elements, trace_.problems);
        if (key == "In msg size") return read_whole(tokens_, event_.in_elements, trace_.problems);
        break;
      case 'O':
        if (key == "Out msg nelems" || key == "Out msg size")
          return read_whole(tokens_, event_.out_elements, trace_.problems);
        break;
      case 'C':
        if (key == "Collective name") return read_scalar(tokens_, event_.collective);
        break;
      case 'G':
        if (key == "Group size") return read_whole(tokens_, event_.group_size, trace_.problems);
        break;
      case 'P':
        if (key == "Process Group Name") return read_scalar(tokens_, event_.group);
        break;
      default:
        break;
    }
    return tokens_.skip_value();
  }

  bool keep_event() {
    const std::optional<std::int64_t> start = nanoseconds(event_.start);
    const std::optional<std::int64_t> duration =
        event_.duration.empty() ? std::optional<std::int64_t>(0) : nanoseconds(event_.duration);
    if (!start) return bad_time("ts", event_.start);
    if (!duration) return bad_time("dur", event_.duration);
    if (*duration < 0) return bad_time("dur", event_.duration);
    if (*start < -kFarthest || *start > kFarthest) return bad_time("ts", event_.start);
    if (*duration > kFarthest - *start) return bad_time("dur", event_.duration);
    switch (event_.category) {
      case Category::kernel:
        keep_activity(ActivityKind::kernel, *start, *duration);
        break;
      case Category::memcpy:
        keep_activity(ActivityKind::memcpy, *start, *duration);
        break;
      case Category::memset:
        keep_activity(ActivityKind::memset, *start, *duration);
        break;
      case Category::launch:
        if (event_.correlation >= 0) trace_.launches.push_back({*start, event_.correlation, thread()});
        break;
      case Category::operation:
        keep_span(trace_.operations, *start, *duration);
        break;
      case Category::annotation:
        keep_span(trace_.annotations, *start, *duration);
        break;
      case Category::other:
        break;
    }
    return true;
  }

  bool bad_time(const char* member, const std::string& text) {
    refuse_at(event_.line, event_.column, event_.byte,
              fmt::format("the event '{}' has {} '{}', which is not a time in microseconds", event_.name.substr(0, 60),
                          member, text.substr(0, 40)));
    return false;
  }

  std::int32_t thread() {
    event_.process += '/';
    event_.process += event_.thread;
    if (event_.process != last_thread_name_ || last_thread_ < 0) {
      last_thread_name_ = event_.process;
      const auto [entry, fresh] =
          thread_ids_.emplace(last_thread_name_, static_cast<std::int32_t>(trace_.threads.size()));
      if (fresh) trace_.threads.push_back(last_thread_name_);
      last_thread_ = entry->second;
    }
    return last_thread_;
  }

  std::int32_t collective() {
    if (event_.collective.empty() && event_.in_elements < 0) return -1;
    trace_.collectives.push_back({trace_.names.id(event_.collective), trace_.names.id(event_.collective_type),
                                  trace_.names.id(event_.group), event_.in_elements, event_.out_elements,
                                  event_.group_size});
    return static_cast<std::int32_t>(trace_.collectives.size()) - 1;
  }

  static std::int32_t small(std::int64_t value) {
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, INT32_MIN, INT32_MAX));
  }

  /// A whole number of `text`, or -1.
  static std::int64_t id_of(const std::string& text) { return scaled_decimal(text, 0).value_or(-1); }

  void keep_activity(ActivityKind kind, std::int64_t start, std::int64_t duration) {
    GpuActivity activity;
    activity.start_ns = start;
    activity.duration_ns = duration;
    activity.correlation = event_.correlation;
    activity.bytes = event_.bytes;
    activity.grid = event_.grid;
    activity.block = event_.block;
    activity.registers = small(event_.registers);
    activity.shared_memory = small(event_.shared_memory);
    activity.name = trace_.names.id(event_.name);
    activity.device = small(event_.device >= 0 ? event_.device : id_of(event_.process));
    activity.stream = small(event_.stream >= 0 ? event_.stream : id_of(event_.thread));
    activity.collective = collective();
    activity.kind = kind;
    if (kind == ActivityKind::kernel && duration == 0) ++trace_.problems["kernels of no length (rounded away)"];
    if (event_.start.find('.') != std::string::npos) fractional_ = true;
    trace_.activities.push_back(activity);
  }

  void keep_span(std::vector<HostSpan>& spans, std::int64_t start, std::int64_t duration) {
    HostSpan span;
    span.start_ns = start;
    span.duration_ns = duration;
    span.name = trace_.names.id(event_.name);
    span.input_dims = trace_.names.id(event_.dims);
    span.input_types = trace_.names.id(event_.types);
    span.collective = collective();
    span.thread = thread();
    spans.push_back(span);
  }

  std::optional<Trace> finish() {
    if (trace_.activities.empty())
      return refuse_file(fmt::format("no GPU activity among {} events: nothing to calibrate from", trace_.events));
    if (!fractional_) ++trace_.problems["times are whole microseconds: a short kernel's time may be off by half"];
    return std::move(trace_);
  }

  JsonTokens tokens_;
  const std::string& file_;
  Diagnostics& problems_;
  Trace trace_;
  RawEvent event_{};
  std::string value_;
  std::map<std::string, std::int32_t> thread_ids_;
  std::string last_thread_name_;
  std::int32_t last_thread_ = -1;
  bool events_seen_ = false;
  bool fractional_ = false;
  bool stop_ = false;
};

}  // namespace

std::optional<Trace> trace_from_json(ByteSource source, const std::string& file, Diagnostics& problems) {
  return KinetoReader(std::move(source), file, problems).read();
}

}  // namespace gpuhours
