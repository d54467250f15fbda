#include "engine/simulation.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <vector>

#include "core/random.hpp"
#include "engine/event_queue.hpp"

using namespace gpuhours;

namespace {

Task task(std::int64_t alone, std::int64_t beside, Stream stream, int device = 0) {
  return {.alone = {alone}, .beside = {beside}, .device = device, .stream = stream};
}

/// A slow, obvious simulator: one picosecond at a time. Progress is exact when all lengths divide `kUnit`.
constexpr std::int64_t kUnit = 720720;

struct Oracle {
  const TaskGraph& graph;
  std::vector<std::int64_t> start, end;

  explicit Oracle(const TaskGraph& g) : graph(g), start(g.tasks.size(), -1), end(g.tasks.size(), -1) {
    std::vector<std::int64_t> left(g.tasks.size(), kUnit);
    for (std::int64_t now = 0; std::count(end.begin(), end.end(), -1) > 0; ++now) {
      REQUIRE(now < 100'000);
      begin_all(now, left);
      std::vector<std::int64_t> rate(g.tasks.size(), 0);
      for (std::size_t i = 0; i < g.tasks.size(); ++i)
        if (running(i)) rate[i] = kUnit / (beside_another(i) ? g.tasks[i].beside.ps : g.tasks[i].alone.ps);
      for (std::size_t i = 0; i < g.tasks.size(); ++i)
        if (running(i) && (left[i] -= rate[i]) <= 0) end[i] = now + 1;
    }
  }

  bool running(std::size_t i) const { return start[i] >= 0 && end[i] < 0; }

  bool beside_another(std::size_t i) const {
    for (std::size_t j = 0; j < graph.tasks.size(); ++j) {
      const bool other_kind = (graph.tasks[j].stream == Stream::compute) != (graph.tasks[i].stream == Stream::compute);
      if (running(j) && other_kind && graph.tasks[j].intrudes && graph.tasks[j].device == graph.tasks[i].device)
        return true;
    }
    return false;
  }

  bool ready(std::size_t i, std::int64_t now) const {
    for (std::size_t j = 0; j < i; ++j)
      if (graph.tasks[j].device == graph.tasks[i].device && graph.tasks[j].stream == graph.tasks[i].stream &&
          end[j] < 0)
        return false;
    for (const Dependency& d : graph.dependencies) {
      if (d.to != i) continue;
      const std::int64_t since = d.after_start ? start[d.from] : end[d.from];
      if (since < 0 || since + d.lag.ps > now) return false;
    }
    return true;
  }

  void begin_all(std::int64_t now, const std::vector<std::int64_t>&) {
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = 0; i < graph.tasks.size(); ++i) {
        if (start[i] >= 0 || !ready(i, now)) continue;
        const int meeting = graph.tasks[i].meeting;
        if (meeting >= 0) {
          bool all = true;
          for (std::size_t j = 0; j < graph.tasks.size(); ++j)
            if (graph.tasks[j].meeting == meeting) all = all && start[j] < 0 && ready(j, now);
          if (!all) continue;
          for (std::size_t j = 0; j < graph.tasks.size(); ++j)
            if (graph.tasks[j].meeting == meeting) start[j] = now;
        } else {
          start[i] = now;
        }
        changed = true;
      }
    }
  }
};

TaskGraph random_graph(std::uint64_t seed) {
  RandomStream random = random_stream(seed, "engine oracle");
  const auto pick = [&](int low, int high) { return boost::random::uniform_int_distribution<int>(low, high)(random); };
  TaskGraph graph;
  graph.devices = pick(1, 3);
  const int n = pick(2, 14);
  const std::vector<std::int64_t> lengths{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};  // all divide kUnit
  for (int i = 0; i < n; ++i) {
    const std::int64_t alone = lengths[static_cast<std::size_t>(pick(0, 12))];
    // `beside` a multiple of `alone` that divides kUnit: a picosecond's progress is then exact in both.
    const std::int64_t beside = pick(0, 2) == 0 ? alone * 2 : alone;
    Task t =
        task(alone, kUnit % beside == 0 ? beside : alone, static_cast<Stream>(pick(0, 2)), pick(0, graph.devices - 1));
    t.intrudes = pick(0, 3) > 0;
    const TaskId id = graph.add(t);
    for (int k = pick(0, 2); k > 0 && id > 0; --k)
      graph.depend(id, static_cast<TaskId>(pick(0, static_cast<int>(id) - 1)), SimTime{pick(0, 5)}, pick(0, 2) == 0);
  }
  return graph;
}

}  // namespace

TEST_CASE("events come out by time, equal times first in first out") {
  EventQueue queue;
  queue.push({5}, 1);
  queue.push({3}, 2);
  queue.push({5}, 3);
  queue.push({3}, 4);
  std::vector<std::uint32_t> order;
  while (!queue.empty()) order.push_back(queue.pop().payload);
  CHECK(order == std::vector<std::uint32_t>{2, 4, 1, 3});
}

TEST_CASE("the event queue sorts ten thousand random times stably") {
  RandomStream random = random_stream(3, "queue");
  std::vector<std::pair<std::int64_t, std::uint32_t>> expected;
  EventQueue queue;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    const auto time = static_cast<std::int64_t>(random() % 997);
    expected.push_back({time, i});
    queue.push({time}, i);
  }
  std::stable_sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [time, payload] : expected) {
    const EventQueue::Event event = queue.pop();
    CHECK(event.time.ps == time);
    CHECK(event.payload == payload);
  }
}

TEST_CASE("a stream runs in order, streams run side by side") {
  TaskGraph graph{.devices = 1};
  graph.add(task(10, 10, Stream::compute));
  graph.add(task(5, 5, Stream::compute));
  graph.add(task(7, 7, Stream::communication));
  const TaskTimes times = simulate(graph);
  CHECK(times.end[0].ps == 10);
  CHECK(times.end[1].ps == 15);
  CHECK(times.end[2].ps == 7);
}

TEST_CASE("compute slows only while communication runs") {
  // Compute 100 alone, 200 beside; communication 50 in both. In the first 50 ps a quarter of the compute gets done (50
  // / 200); the other three quarters take 75: it ends at 125.
  TaskGraph graph{.devices = 1};
  graph.add(task(100, 200, Stream::compute));
  graph.add(task(50, 50, Stream::communication));
  CHECK(simulate(graph).end[0].ps == 125);
  graph.tasks[1].intrudes = false;
  CHECK(simulate(graph).end[0].ps == 100);
}

TEST_CASE("both kinds slow each other") {
  // Compute 60 / 120, communication 60 / 90 from 0. Until 90 both run slow: compute then has 1 - 90/120 = 1/4 left, 15
  // alone.
  TaskGraph graph{.devices = 1};
  graph.add(task(60, 120, Stream::compute));
  graph.add(task(60, 90, Stream::communication));
  const TaskTimes times = simulate(graph);
  CHECK(times.end[1].ps == 90);
  CHECK(times.end[0].ps == 105);
}

TEST_CASE("a meeting starts when its last member is ready, and a waiting member slows nobody") {
  TaskGraph graph{.devices = 2};
  graph.add(task(30, 30, Stream::compute, 0));
  Task first = task(10, 10, Stream::communication, 0);
  Task second = task(10, 10, Stream::communication, 1);
  first.meeting = second.meeting = 0;
  graph.meeting_sizes = {2};
  const TaskId a = graph.add(first);
  const TaskId b = graph.add(second);
  const TaskId slowable = graph.add(task(20, 40, Stream::compute, 1));
  graph.depend(a, 0);
  const TaskTimes times = simulate(graph);
  CHECK(times.start[a].ps == 30);
  CHECK(times.start[b].ps == 30);
  CHECK(times.end[b].ps == 40);
  CHECK(times.end[slowable].ps == 20);
}

TEST_CASE("a dependency may count from a start, with a lag") {
  TaskGraph graph{.devices = 1};
  const TaskId a = graph.add(task(100, 100, Stream::compute));
  const TaskId b = graph.add(task(5, 5, Stream::communication));
  graph.depend(b, a, SimTime{60}, true);
  CHECK(simulate(graph).start[b].ps == 60);
}

TEST_CASE("a thousand random graphs agree with a picosecond-by-picosecond oracle") {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const TaskGraph graph = random_graph(seed);
    const TaskTimes got = simulate(graph);
    const Oracle oracle(graph);
    for (std::size_t i = 0; i < graph.tasks.size(); ++i) {
      CAPTURE(seed);
      CAPTURE(i);
      // A task slowed for part of its time can end within a picosecond: the oracle counts whole ones, and errors add
      // along a chain.
      CHECK(std::abs(got.end[i].ps - oracle.end[i]) <= static_cast<std::int64_t>(graph.tasks.size()));
    }
  }
}

TEST_CASE("lengthening a task never makes an independent chain end earlier") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    TaskGraph graph = random_graph(seed);
    for (Task& t : graph.tasks) t.beside = t.alone;  // without interference the end times are monotone
    const SimTime before = simulate(graph).last_end;
    graph.tasks[seed % graph.tasks.size()].alone.ps += 7;
    graph.tasks[seed % graph.tasks.size()].beside.ps += 7;
    CHECK(simulate(graph).last_end >= before);
  }
}

TEST_CASE("a task that waits for its meeting holds its stream") {
  // Device 0's communication is ready at 0, device 1's after 1000 of compute: both start then. What is behind it on
  // device 0's stream waits for nothing and starts at its end all the same.
  TaskGraph graph;
  graph.devices = 2;
  graph.meeting_sizes = {2};
  Task met = task(500, 500, Stream::communication);
  met.meeting = 0;
  const TaskId first = graph.add(met);
  const TaskId behind = graph.add(task(300, 300, Stream::communication));
  const TaskId late = graph.add(task(1000, 1000, Stream::compute, 1));
  met.device = 1;
  const TaskId other = graph.add(met);
  graph.depend(other, late);
  const TaskTimes times = simulate(graph);
  CHECK(times.start[first].ps == 1000);
  CHECK(times.start[other].ps == 1000);
  CHECK(times.start[behind].ps == 1500);
  CHECK(times.last_end.ps == 1800);
}
