#pragma once
// What a simulation leaves behind for people to look at: spans on streams.

#include <string>
#include <vector>

#include "core/sim_time.hpp"

namespace gpuhours {

/// One task on one stream of one device.
struct Span {
  int device = 0;
  int stream = 0;  ///< 0 compute, 1 expert / tensor communication, 2 pipeline sends, 3 data-parallel
  SimTime start;
  SimTime end;
  std::string name;
};

struct Timeline {
  std::vector<std::string> devices;
  std::vector<std::string> streams;
  std::vector<Span> spans;
};

}  // namespace gpuhours
