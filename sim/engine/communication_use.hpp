#pragma once
// How long the communications of one device ran, beside its kernels and in the open. Input: kernels in order of start,
// communications in any, and when each ran; output: added to a TimeUse.

#include <algorithm>
#include <vector>

#include "engine/chunk_profile.hpp"

namespace gpuhours {

/// Sorts `communications` by start. Of two that are exposed at once the first counts. `start`, `end`: TaskId ->
/// SimTime; `kind`: TaskId -> Exposed.
template <class Start, class End, class Kind>
void add_communications(const std::vector<TaskId>& kernels, std::vector<TaskId>& communications, Start start, End end,
                        Kind kind, TimeUse& use) {
  std::stable_sort(communications.begin(), communications.end(),
                   [&](TaskId a, TaskId b) { return start(a) < start(b); });
  const auto overlap = [&](SimTime from, SimTime to, TaskId kernel) {
    return std::max(SimTime{}, std::min(to, end(kernel)) - std::max(from, start(kernel)));
  };
  std::size_t window = 0;
  SimTime counted;
  for (const TaskId id : communications) {
    const SimTime begun = start(id);
    const SimTime ended = end(id);
    const SimTime from = std::min(std::max(begun, counted), ended);
    SimTime beside;
    SimTime uncounted_beside;
    while (window < kernels.size() && end(kernels[window]) <= begun) ++window;
    for (std::size_t i = window; i < kernels.size() && start(kernels[i]) < ended; ++i) {
      beside += overlap(begun, ended, kernels[i]);
      uncounted_beside += overlap(from, ended, kernels[i]);
    }
    use.communication += ended - begun;
    use.hidden += beside;
    use.exposed[static_cast<std::size_t>(kind(id))] += ended - from - uncounted_beside;
    counted = std::max(counted, ended);
  }
}

}  // namespace gpuhours
