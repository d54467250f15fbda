#pragma once
// How much of a step's kernel and communication time rests on measured, interpolated and guessed laws.

#include <string>
#include <vector>

#include "estimate/step_model.hpp"

namespace gpuhours {

/// Shares of kernel time by provenance, and the guesses that matter most.
struct ProvenanceReport {
  double measured_share = 0, interpolated_share = 0, guessed_share = 0;
  struct Guess {
    std::string what;
    double share_of_step = 0;  ///< of the busiest rank's kernel time
  };
  std::vector<Guess> guessed;  ///< at most five, largest first
};

ProvenanceReport provenance_report(const StepModel& model, const StepResult& step);

}  // namespace gpuhours
