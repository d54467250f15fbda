// The event loop: queue alone in the hold model, and task graphs with dispatch.
#include <benchmark/benchmark.h>

#include "core/random.hpp"
#include "engine/event_queue.hpp"
#include "engine/simulation.hpp"

using namespace gpuhours;

namespace {

/// Pop the earliest, push one later: cost of one event at a constant number pending.
void hold(benchmark::State& state) {
  RandomStream random = random_stream(1, "hold");
  EventQueue queue;
  for (std::uint32_t i = 0; i < state.range(0); ++i) queue.push({static_cast<std::int64_t>(random() % 1'000'000)}, i);
  for (auto _ : state) {
    const EventQueue::Event event = queue.pop();
    queue.push({event.time.ps + 1 + static_cast<std::int64_t>(random() % 1'000'000)}, event.payload);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(hold)->Arg(1000)->Arg(10'000)->Arg(100'000);

/// As many devices as events pending, each with a chain of compute tasks beside communications that slow them.
void task_graph(benchmark::State& state) {
  TaskGraph graph;
  graph.devices = static_cast<std::int32_t>(state.range(0));
  for (std::int32_t device = 0; device < graph.devices; ++device) {
    TaskId previous = 0;
    for (int i = 0; i < 40; ++i) {
      const std::int64_t length = 1'000'000 + 1'000 * ((device * 7919 + i * 104'729) % 997);
      const TaskId compute =
          graph.add({.alone = {length}, .beside = {length}, .device = device, .stream = Stream::compute});
      if (i > 0) graph.depend(compute, previous);
      previous = compute;
    }
  }
  std::size_t events = 0;
  for (auto _ : state) events += simulate(graph).events;
  state.SetItemsProcessed(static_cast<std::int64_t>(events));
}
BENCHMARK(task_graph)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
