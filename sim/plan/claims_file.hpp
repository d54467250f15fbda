#pragma once
// A claim as its file writes it, with the places for messages.

#include <optional>
#include <string>
#include <vector>

#include "core/diagnostic.hpp"

namespace gpuhours {

struct PlacedText {
  std::string text;
  SourcePlace place;
};

struct ClaimFile {
  struct Run {
    std::string label;
    std::string scenario;  ///< file, relative to the working folder
    std::vector<std::string> overrides;
  };
  struct Published {
    std::string name, label, unit, source;
    double value = 0;
  };
  struct Computed {
    std::string name, label, unit;
    PlacedText is;
  };
  struct Check {
    PlacedText that;
    std::string says;
  };
  std::string id, claim, source, verdict, words;
  std::vector<Run> runs;
  std::vector<Published> published;
  std::vector<Computed> computed;
  std::vector<Check> checks;
};

/// Empty with every mistake of the file in `diagnostics`.
std::optional<ClaimFile> read_claim(const std::string& file, Diagnostics& diagnostics);

}  // namespace gpuhours
