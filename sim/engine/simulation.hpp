#pragma once
// Runs a task graph in simulated time. Input: tasks on in-order streams, dependencies, meetings; output: start and end
// of each task.
//
// A task starts when it is at the head of its stream, all it depends on has happened, and (in a meeting) every other
// member is at that point too; a member that waits holds its stream but runs nothing. While it runs, a task advances by
// dt / alone, or by dt / beside when a task of the other kind that intrudes runs on the same device: compute and
// communication slow each other only while both run.

#include <vector>

#include "schedule/task_graph.hpp"

namespace gpuhours {

struct TaskTimes {
  std::vector<SimTime> start;
  std::vector<SimTime> end;
  SimTime last_end;
  std::size_t events = 0;
};

/// The graph has no cycle (asserted: every task ends). Same input, same bits.
TaskTimes simulate(const TaskGraph& graph);

}  // namespace gpuhours
