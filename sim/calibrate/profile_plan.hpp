#pragma once
// The work list of gpuhours-profile for one scenario: `gpuhours calibrate --plan SCENARIO`.
// Input: a scenario. Output: CSV with the columns of tools/profile/README.md, each shape once, in the order in which a
// step first needs it; then remark lines that name what the profiler has no operator for. One GPU: no collectives.

#include <string>
#include <vector>

#include "scenario/scenario.hpp"

namespace gpuhours {

struct ProfilePlan {
  std::string csv;  ///< header, rows and remarks
  int rows = 0;
  std::vector<std::string> left_out;  ///< "cast_both_128: norm input": law or reason, and the first operator of it
};

/// The scenario has passed check_layout(). Phases are not in it: they repeat the shapes or name their own scenario.
ProfilePlan profile_plan(const Scenario& scenario);

}  // namespace gpuhours
