#pragma once
// Where a step's time goes and which resource would help: the step with each resource 10 % better.

#include <string>
#include <vector>

#include "report/metrics.hpp"
#include "report/text_table.hpp"

namespace gpuhours {

/// One resource made better by `improvement`, everything else as it was.
struct Sensitivity {
  std::string resource;    ///< "peak FLOPs", "HBM bandwidth", ...
  std::string alteration;  ///< what was altered: "peak_dense x 1.1"
  double improvement = 0.1;
  Seconds step_time;
  double change = 0;     ///< of the step time, signed: -0.05 is 5 % faster
  double gpu_hours = 0;  ///< of the run
};

/// `result` is the unaltered estimate. Text: resources by effect, the largest first.
std::string explain_text(const Result& result, const std::vector<Sensitivity>& sensitivities, TextStyle style);
std::string explain_json(const Result& result, const std::vector<Sensitivity>& sensitivities);
std::string explain_csv(const std::vector<Sensitivity>& sensitivities);

}  // namespace gpuhours
