#include "calibrate/trace_owners.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace gpuhours {

namespace {

/// Order of nesting: by thread, start, and the longest of those that start together first.
bool outer_first(const HostSpan& a, const HostSpan& b) {
  return std::tuple(a.thread, a.start_ns, -a.duration_ns) < std::tuple(b.thread, b.start_ns, -b.duration_ns);
}

/// Finds, for moments that come in rising order, the innermost span open at each.
class OpenSpans {
 public:
  explicit OpenSpans(const std::vector<HostSpan>& spans) : spans_(spans) {}

  void begin(std::size_t first, std::size_t last) {
    next_ = first;
    last_ = last;
    open_.clear();
  }

  std::int32_t innermost(std::int64_t moment) {
    while (next_ < last_ && spans_[next_].start_ns <= moment) open_.push_back(static_cast<std::int32_t>(next_++));
    while (!open_.empty() && spans_[static_cast<std::size_t>(open_.back())].end_ns() < moment) open_.pop_back();
    for (auto at = open_.rbegin(); at != open_.rend(); ++at)
      if (spans_[static_cast<std::size_t>(*at)].end_ns() >= moment) return *at;
    return -1;
  }

 private:
  const std::vector<HostSpan>& spans_;
  std::vector<std::int32_t> open_;
  std::size_t next_ = 0;
  std::size_t last_ = 0;
};

void assign_parents(std::vector<HostSpan>& spans) {
  std::vector<std::int32_t> open;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (i > 0 && spans[i].thread != spans[i - 1].thread) open.clear();
    const auto holds = [&](std::int32_t outer) {
      return spans[static_cast<std::size_t>(outer)].end_ns() >= spans[i].end_ns();
    };
    while (!open.empty() && !holds(open.back())) open.pop_back();
    spans[i].parent = open.empty() ? -1 : open.back();
    open.push_back(static_cast<std::int32_t>(i));
  }
}

using Order = std::vector<std::int32_t>;

/// Launch numbers by thread and start.
Order launches_by_thread(const Trace& trace) {
  Order order(trace.launches.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    const Launch& left = trace.launches[static_cast<std::size_t>(a)];
    const Launch& right = trace.launches[static_cast<std::size_t>(b)];
    return std::tuple(left.thread, left.start_ns) < std::tuple(right.thread, right.start_ns);
  });
  return order;
}

/// For every launch the innermost span of its own thread, or -1.
Order innermost_of_thread(const Trace& trace, const Order& by_thread, const std::vector<HostSpan>& spans) {
  Order owner(trace.launches.size(), -1);
  OpenSpans open(spans);
  std::size_t first = 0;
  std::int32_t thread = -1;
  for (const std::int32_t launch : by_thread) {
    const Launch& call = trace.launches[static_cast<std::size_t>(launch)];
    if (call.thread != thread) {
      thread = call.thread;
      while (first < spans.size() && spans[first].thread < thread) ++first;
      std::size_t last = first;
      while (last < spans.size() && spans[last].thread == thread) ++last;
      open.begin(first, last);
      first = last;
    }
    owner[static_cast<std::size_t>(launch)] = open.innermost(call.start_ns);
  }
  return owner;
}

std::string_view process_of(const std::string& thread) { return std::string_view(thread).substr(0, thread.find('/')); }

/// For launches without an annotation of their own thread: the innermost of the same process on whichever thread.
void adopt_from_other_threads(const Trace& trace, Order& owner) {
  Order spans(trace.annotations.size());
  std::iota(spans.begin(), spans.end(), 0);
  std::stable_sort(spans.begin(), spans.end(), [&](std::int32_t a, std::int32_t b) {
    return trace.annotations[static_cast<std::size_t>(a)].start_ns <
           trace.annotations[static_cast<std::size_t>(b)].start_ns;
  });
  Order orphans;
  for (std::size_t i = 0; i < owner.size(); ++i)
    if (owner[i] < 0) orphans.push_back(static_cast<std::int32_t>(i));
  std::stable_sort(orphans.begin(), orphans.end(), [&](std::int32_t a, std::int32_t b) {
    return trace.launches[static_cast<std::size_t>(a)].start_ns < trace.launches[static_cast<std::size_t>(b)].start_ns;
  });
  Order open;  // spans that have begun; ended ones are dropped as they are met
  std::size_t next = 0;
  for (const std::int32_t orphan : orphans) {
    const Launch& call = trace.launches[static_cast<std::size_t>(orphan)];
    const auto span = [&](std::int32_t i) -> const HostSpan& { return trace.annotations[static_cast<std::size_t>(i)]; };
    while (next < spans.size() && span(spans[next]).start_ns <= call.start_ns) open.push_back(spans[next++]);
    std::erase_if(open, [&](std::int32_t i) { return span(i).end_ns() < call.start_ns; });
    const std::string_view process = process_of(trace.threads[static_cast<std::size_t>(call.thread)]);
    const auto found = std::find_if(open.rbegin(), open.rend(), [&](std::int32_t i) {
      return process_of(trace.threads[static_cast<std::size_t>(span(i).thread)]) == process;
    });
    if (found != open.rend()) owner[static_cast<std::size_t>(orphan)] = *found;
  }
}

/// Launch of each correlation id; of several with one id, the first.
std::vector<std::pair<std::int64_t, std::int32_t>> launches_by_correlation(const Trace& trace) {
  std::vector<std::pair<std::int64_t, std::int32_t>> index;
  index.reserve(trace.launches.size());
  for (std::size_t i = 0; i < trace.launches.size(); ++i)
    index.emplace_back(trace.launches[i].correlation, static_cast<std::int32_t>(i));
  std::sort(index.begin(), index.end());
  return index;
}

/// The collective noted by the span or one around it, or -1.
std::int32_t collective_around(const std::vector<HostSpan>& spans, std::int32_t span) {
  for (; span >= 0; span = spans[static_cast<std::size_t>(span)].parent)
    if (spans[static_cast<std::size_t>(span)].collective >= 0) return spans[static_cast<std::size_t>(span)].collective;
  return -1;
}

}  // namespace

void assign_owners(Trace& trace) {
  std::stable_sort(trace.activities.begin(), trace.activities.end(),
                   [](const GpuActivity& a, const GpuActivity& b) { return a.start_ns < b.start_ns; });
  std::stable_sort(trace.operations.begin(), trace.operations.end(), outer_first);
  std::stable_sort(trace.annotations.begin(), trace.annotations.end(), outer_first);
  assign_parents(trace.operations);
  assign_parents(trace.annotations);

  const Order by_thread = launches_by_thread(trace);
  const Order operation = innermost_of_thread(trace, by_thread, trace.operations);
  Order annotation = innermost_of_thread(trace, by_thread, trace.annotations);
  adopt_from_other_threads(trace, annotation);

  const auto index = launches_by_correlation(trace);
  std::int64_t orphans = 0;
  for (GpuActivity& activity : trace.activities) {
    const auto found = std::lower_bound(index.begin(), index.end(), std::pair(activity.correlation, std::int32_t{-1}));
    if (activity.correlation < 0 || found == index.end() || found->first != activity.correlation) {
      ++orphans;
      continue;
    }
    const auto launch = static_cast<std::size_t>(found->second);
    activity.launch = found->second;
    activity.operation = operation[launch];
    activity.annotation = annotation[launch];
    if (activity.collective < 0) activity.collective = collective_around(trace.operations, activity.operation);
  }
  if (orphans > 0) trace.problems["GPU activities whose launch call was not recorded"] = orphans;
}

}  // namespace gpuhours
