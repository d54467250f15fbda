#pragma once
// Claims made in public and what the simulation says of them: figures, checks, a verdict in words.

#include <string>
#include <vector>

#include "report/text_table.hpp"

namespace gpuhours {

/// A published figure, or one computed from others and from runs.
struct ClaimFigure {
  std::string name;
  std::string label;
  std::string unit;
  double value = 0;
  std::string origin;  ///< source of a published figure, expression of a computed one
};

/// What the verdict rests on.
struct ClaimCheck {
  std::string that;  ///< "ratio <= 0.12"
  std::string says;  ///< in words
  double left = 0;
  double right = 0;
  bool holds = false;
};

struct ClaimRun {
  std::string label;
  std::string summary;  ///< summary_line of the estimate
  bool fits = true;
};

struct ClaimOutcome {
  std::string id;
  std::string claim;
  std::string source;
  std::string verdict;  ///< "true", "false", "true but ..."
  std::string words;    ///< with figures filled in
  std::vector<ClaimRun> runs;
  std::vector<ClaimFigure> published, computed;
  std::vector<ClaimCheck> checks;
  [[nodiscard]] bool holds() const;
};

/// `text` with each {name} replaced by that figure as people read it; a name that is unknown stays.
std::string filled_in(const std::string& text, const ClaimOutcome& outcome);

std::string claims_text(const std::vector<ClaimOutcome>& claims, TextStyle style);
std::string claims_json(const std::vector<ClaimOutcome>& claims);
/// A row a figure: claim, name, value, unit.
std::string claims_csv(const std::vector<ClaimOutcome>& claims);

}  // namespace gpuhours
