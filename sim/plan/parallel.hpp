#pragma once
// Independent work on threads. Results stand by index, so they do not depend on the number of threads.

#include <functional>

namespace gpuhours {

/// Calls `work(i)` for i in [0, count), on `jobs` threads (0: one a core).
void for_each_index(int count, int jobs, const std::function<void(int)>& work);

}  // namespace gpuhours
