#pragma once
// What schedule hands to engine: tasks on in-order streams of devices, what each waits for, and who meets whom. Flat
// arrays, so that the step of every rank of a large cluster (1e7 tasks) fits in memory.

#include <cstdint>
#include <vector>

#include "core/sim_time.hpp"

namespace gpuhours {

using TaskId = std::uint32_t;

/// Streams of a device. Tasks of one stream run in the order in which they were added.
/// `tensor`: collectives of the ranks that share a layer (tensor, context); what is sent to experts does not queue with
/// them.
enum class Stream : std::uint8_t { compute, communication, pipeline, data_parallel, tensor };
inline constexpr int kStreams = 5;

/// A kernel, a run of kernels, or one rank's part of a communication.
struct Task {
  SimTime alone;   ///< length with nothing beside it on the device
  SimTime beside;  ///< length when a task of the other kind (compute or communication) runs beside it all the time
  std::int32_t device = 0;
  std::int32_t meeting = -1;  ///< tasks of one meeting start together, when the last of them is ready; -1: none
  std::int32_t label = 0;     ///< the adder's: names a span, attributes exposed time
  Stream stream = Stream::compute;
  bool intrudes = true;  ///< slows tasks of the other kind on its device while it runs
};

/// `to` may start once `from` has ended (or started) and `lag` has passed.
struct Dependency {
  TaskId from = 0;
  TaskId to = 0;
  SimTime lag;
  bool after_start = false;
};

struct TaskGraph {
  std::vector<Task> tasks;
  std::vector<Dependency> dependencies;
  std::vector<std::int32_t> meeting_sizes;
  std::int32_t devices = 0;

  TaskId add(const Task& task) {
    tasks.push_back(task);
    return static_cast<TaskId>(tasks.size() - 1);
  }
  void depend(TaskId to, TaskId from) { dependencies.push_back({from, to, {}, false}); }
  void depend(TaskId to, TaskId from, SimTime lag, bool after_start) {
    dependencies.push_back({from, to, lag, after_start});
  }
};

}  // namespace gpuhours
