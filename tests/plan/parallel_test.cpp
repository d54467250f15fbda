#include "plan/parallel.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <vector>

using namespace gpuhours;

TEST_CASE("every index once, whatever the number of threads") {
  for (const int jobs : {0, 1, 3}) {
    std::vector<std::atomic<int>> visits(100);
    for_each_index(100, jobs, [&](int i) { ++visits[static_cast<std::size_t>(i)]; });
    for (const auto& count : visits) CHECK(count == 1);
  }
  for_each_index(0, 2, [](int) { FAIL("no index to visit"); });
}
