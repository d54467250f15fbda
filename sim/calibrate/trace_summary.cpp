#include "calibrate/trace_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "calibrate/intervals.hpp"

namespace gpuhours {

namespace {

double microseconds(std::int64_t ns) { return static_cast<double>(ns) * 1e-3; }

Interval interval_of(const GpuActivity& activity) { return {activity.start_ns, activity.end_ns()}; }

using Rules = std::vector<const KernelRule*>;

const KernelRule& rule_of(const Rules& rules, const GpuActivity& activity) {
  return *rules[static_cast<std::size_t>(activity.name)];
}

std::string device_names(const Trace& trace) {
  std::vector<int> used;
  for (const GpuActivity& activity : trace.activities)
    if (std::find(used.begin(), used.end(), activity.device) == used.end()) used.push_back(activity.device);
  std::sort(used.begin(), used.end());
  std::vector<std::string> names;
  const auto add = [&](const TraceDevice& device) {
    if (std::find(names.begin(), names.end(), device.name) == names.end()) names.push_back(device.name);
  };
  for (const int id : used)
    for (const TraceDevice& device : trace.devices)
      if (device.id == id) add(device);
  if (names.empty()) std::for_each(trace.devices.begin(), trace.devices.end(), add);  // ids of another count
  if (names.empty()) return "unknown";
  std::string joined = names.front();
  for (std::size_t i = 1; i < names.size(); ++i) joined += ", " + names[i];
  return joined;
}

void add_streams(TraceSummary& summary, const Trace& trace) {
  std::map<std::pair<int, int>, std::vector<Interval>> by_stream;
  for (const GpuActivity& activity : trace.activities)
    by_stream[{activity.device, activity.stream}].push_back(interval_of(activity));
  for (auto& [key, intervals] : by_stream) {
    const auto count = static_cast<std::int64_t>(intervals.size());
    summary.streams.push_back(
        {key.first, key.second, microseconds(length(interval_union(std::move(intervals)))), count});
  }
}

void add_sides(TraceSummary& summary, const Trace& trace, const Rules& rules) {
  std::vector<Interval> all, compute, communication;
  for (const GpuActivity& activity : trace.activities) {
    all.push_back(interval_of(activity));
    (rule_of(rules, activity).communication ? communication : compute).push_back(interval_of(activity));
  }
  std::int64_t first = trace.activities.front().start_ns;
  std::int64_t last = first;
  for (const Interval& interval : all) {
    first = std::min(first, interval.begin);
    last = std::max(last, interval.end);
  }
  const std::vector<Interval> computing = interval_union(std::move(compute));
  const std::vector<Interval> communicating = interval_union(std::move(communication));
  const std::int64_t both = length(intersection(computing, communicating));
  summary.span_us = microseconds(last - first);
  summary.both_us = microseconds(both);
  summary.compute_us = microseconds(length(computing) - both);
  summary.communication_us = microseconds(length(communicating) - both);
  summary.idle_us = microseconds(last - first - length(interval_union(std::move(all))));
}

void add_classes(TraceSummary& summary, const Trace& trace, const Rules& rules) {
  std::map<std::pair<std::string, bool>, ClassUse> by_class;
  for (const GpuActivity& activity : trace.activities) {
    const KernelRule& rule = rule_of(rules, activity);
    ClassUse& use = by_class[{rule.kernel_class, rule.communication}];
    use.kernel_class = rule.kernel_class;
    use.side = rule.communication ? "communication" : "compute";
    ++use.count;
    use.time_us += microseconds(activity.duration_ns);
  }
  for (auto& [key, use] : by_class) summary.classes.push_back(std::move(use));
  std::stable_sort(summary.classes.begin(), summary.classes.end(),
                   [](const ClassUse& a, const ClassUse& b) { return a.time_us > b.time_us; });
}

/// Bytes of an element type as frameworks spell it; 0: unknown.
int element_bytes(std::string_view type) {
  static constexpr std::pair<std::string_view, int> kSizes[] = {
      {"Float", 4},  {"float", 4},         {"BFloat16", 2},    {"c10::BFloat16", 2}, {"Half", 2}, {"c10::Half", 2},
      {"Double", 8}, {"double", 8},        {"Int", 4},         {"int", 4},           {"Long", 8}, {"long int", 8},
      {"Byte", 1},   {"unsigned char", 1}, {"Char", 1},        {"signed char", 1},   {"Bool", 1}, {"bool", 1},
      {"Short", 2},  {"Float8_e4m3fn", 1}, {"Float8_e5m2", 1},
  };
  for (const auto& [name, bytes] : kSizes)
    if (name == type) return bytes;
  return 0;
}

/// Elements of the first tensor of "[[8,1024],[...]]"; -1 when there is none.
double first_tensor_elements(std::string_view dims) {
  if (dims.substr(0, 2) != "[[") return -1;
  double elements = 1;
  double number = 0;
  for (const char c : dims.substr(2)) {
    if (c >= '0' && c <= '9') {
      number = number * 10 + (c - '0');
    } else {
      elements *= number;
      number = 0;
      if (c == ']') return elements;
      if (c != ',') return -1;
    }
  }
  return -1;
}

/// First text of the list "["float","int"]".
std::string first_text(std::string_view list) {
  const std::size_t begin = list.find('"');
  const std::size_t end = begin == std::string_view::npos ? begin : list.find('"', begin + 1);
  return end == std::string_view::npos ? std::string() : std::string(list.substr(begin + 1, end - begin - 1));
}

/// What is known of the call behind a communication kernel.
CollectiveUse collective_of(const Trace& trace, const GpuActivity& activity, const KernelRule& rule) {
  CollectiveUse use;
  use.name = rule.kernel_class;
  if (activity.collective >= 0) {
    const CollectiveNote& note = trace.collectives[static_cast<std::size_t>(activity.collective)];
    if (note.name != 0) use.name = trace.names[note.name];
    use.type = trace.names[note.type];
    use.group_size = note.group_size;
    const int bytes = element_bytes(use.type);
    if (bytes > 0 && note.in_elements >= 0) use.in_bytes = static_cast<double>(note.in_elements) * bytes;
    if (bytes > 0 && note.out_elements >= 0) use.out_bytes = static_cast<double>(note.out_elements) * bytes;
    return use;
  }
  if (activity.annotation < 0) return use;
  const HostSpan& call = trace.annotations[static_cast<std::size_t>(activity.annotation)];
  const std::string& name = trace.names[call.name];
  if (name.rfind("nccl:", 0) != 0) return use;
  use.name = name.substr(5);
  use.type = first_text(trace.names[call.input_types]);
  const double elements = first_tensor_elements(trace.names[call.input_dims]);
  if (elements >= 0 && element_bytes(use.type) > 0) use.in_bytes = elements * element_bytes(use.type);
  return use;
}

void add_collectives(TraceSummary& summary, const Trace& trace, const Rules& rules) {
  std::map<std::tuple<std::string, std::string, double, double, std::int64_t>, CollectiveUse> by_call;
  for (const GpuActivity& activity : trace.activities) {
    const KernelRule& rule = rule_of(rules, activity);
    if (!rule.communication) continue;
    CollectiveUse use = collective_of(trace, activity, rule);
    const double time = microseconds(activity.duration_ns);
    use.shortest_us = time;
    CollectiveUse& sum =
        by_call.try_emplace({use.name, use.type, use.in_bytes, use.out_bytes, use.group_size}, use).first->second;
    ++sum.count;
    sum.time_us += time;
    sum.shortest_us = std::min(sum.shortest_us, time);
  }
  for (auto& [key, use] : by_call) summary.collectives.push_back(std::move(use));
  std::stable_sort(summary.collectives.begin(), summary.collectives.end(),
                   [](const CollectiveUse& a, const CollectiveUse& b) { return a.time_us > b.time_us; });
}

void add_annotations(TraceSummary& summary, const Trace& trace) {
  struct Work {
    std::int64_t first = 0;
    std::int64_t count = 0;
    std::int64_t host_ns = 0;
    std::vector<Interval> busy;
  };
  std::map<std::int32_t, Work> by_name;
  for (const HostSpan& span : trace.annotations) {
    Work& work = by_name.try_emplace(span.name, Work{span.start_ns, 0, 0, {}}).first->second;
    work.first = std::min(work.first, span.start_ns);
    ++work.count;
    work.host_ns += span.duration_ns;
  }
  for (const GpuActivity& activity : trace.activities) {
    if (activity.annotation < 0) continue;
    ++summary.owned;
    by_name[trace.annotations[static_cast<std::size_t>(activity.annotation)].name].busy.push_back(
        interval_of(activity));
  }
  std::vector<std::pair<std::int64_t, std::int32_t>> order;
  for (const auto& [name, work] : by_name) order.emplace_back(work.first, name);
  std::sort(order.begin(), order.end());
  for (const auto& [first, name] : order) {
    Work& work = by_name[name];
    const auto activities = static_cast<std::int64_t>(work.busy.size());
    summary.annotations.push_back({trace.names[name], work.count, activities, microseconds(work.host_ns),
                                   microseconds(length(interval_union(std::move(work.busy))))});
  }
}

void add_problems(TraceSummary& summary, const Trace& trace) {
  for (const auto& [problem, count] : trace.problems)
    summary.problems.push_back(count > 1 ? fmt::format("{}: {}", problem, count) : problem);
  const auto other = std::find_if(summary.classes.begin(), summary.classes.end(),
                                  [](const ClassUse& use) { return use.kernel_class == "other"; });
  if (other != summary.classes.end())
    summary.problems.push_back(
        fmt::format("{} activities ({:.0f} us) of no known class", other->count, other->time_us));
}

}  // namespace

TraceSummary trace_summary(const Trace& trace, const KernelClasses& classes) {
  TraceSummary summary;
  summary.file = trace.file;
  summary.format = trace.format;
  summary.title = trace.title;
  summary.device = device_names(trace);
  summary.distributed = trace.distributed;
  summary.events = trace.events;
  summary.activities = static_cast<std::int64_t>(trace.activities.size());
  if (!trace.devices.empty()) summary.multiprocessors = trace.devices.front().multiprocessors;
  if (trace.activities.empty()) return summary;
  const Rules rules = classes.rules_of(trace);
  add_streams(summary, trace);
  add_sides(summary, trace, rules);
  add_classes(summary, trace, rules);
  add_collectives(summary, trace, rules);
  add_annotations(summary, trace);
  add_problems(summary, trace);
  return summary;
}

}  // namespace gpuhours
