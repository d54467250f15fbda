#pragma once
// A sensible layout for a dense model, where a plan needs one. Input: a scenario whose layout does not matter; output:
// the fastest of a small set that fits: tp to 8 inside a node, pp to 16 with 1F1B or interleaved, data parallelism with
// ZeRO-1 over the rest, recompute only where nothing fits without. `search` may stand behind this function one day.

#include <optional>

#include "estimate/estimate.hpp"

namespace gpuhours {

/// What the user has fixed with --set stays as it is.
struct FixedParts {
  bool parallelism = false;
  bool global_batch = false;
  bool recompute = false;
};

struct ChosenLayout {
  Scenario scenario;
  Estimate estimate;
};

/// `batch_tokens`: wanted tokens a step; the batch becomes the nearest that the layout divides. When nothing fits in
/// memory, the layout that needs the least. Empty with errors when no layout can be estimated.
std::optional<ChosenLayout> chosen_layout(const Scenario& base, const FixedParts& fixed, double batch_tokens,
                                          const DataPaths& paths, int jobs, Diagnostics& diagnostics);

}  // namespace gpuhours
