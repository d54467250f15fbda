#pragma once
// The points of a sweep. Input: a scenario and, as texts, what varies: a grid (`--vary path=a,b`), or a random design
// (`--random N`, `--range path=low:high[:log]`, with `--vary` as choices). Output: checked axes, and the values of
// point i as a pure function of the design and i. Latin hypercube: N strata a range, one point in each, in an order
// drawn for each path; choices come equally often. Plain: every value is drawn on its own.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "core/limits.hpp"
#include "plan/compare.hpp"
#include "scenario/document.hpp"
#include "scenario/value.hpp"

namespace gpuhours {

enum class Sampling { latin_hypercube, plain };

/// What was asked for, not checked yet.
struct SweepRequest {
  std::string file;
  std::vector<std::string> overrides;
  std::vector<std::string> vary;    ///< "path=a,b"
  std::vector<std::string> ranges;  ///< "path=low:high" or "path=low:high:log"
  int random = 0;                   ///< points of a random design, 0: a grid
  Sampling sampling = Sampling::latin_hypercube;
  std::uint64_t seed = 1;
};

/// Numbers from `low` to `high`, both included for whole numbers.
struct SweepRange {
  std::string path;
  ValueType type;
  double low = 0, high = 0;
  bool logarithmic = false;
};

struct SweepDesign {
  SweepRequest request;
  std::vector<Variation> choices;
  std::vector<SweepRange> ranges;
  int points = 0;
  YamlNode document;  ///< the scenario with the common overrides, catalogue ids not followed
};

/// Empty with every mistake in `diagnostics`: an unknown path, a value of the wrong type, an empty range or grid.
std::optional<SweepDesign> sweep_design(const SweepRequest& request, const std::string& root, Diagnostics& diagnostics);

/// Hash of all that decides the rows: what varies, the scenario as read, every file of the catalogue, the version.
/// Sixteen hexadecimal digits.
std::string design_hash(const SweepDesign& design, const std::string& root);

class SweepPoints {
 public:
  explicit SweepPoints(const SweepDesign& design);

  /// Varied paths, in the order of their values: choices, then ranges.
  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }
  /// Values of point `point` as `--set` takes them.
  [[nodiscard]] std::vector<std::string> values(int point) const;

 private:
  [[nodiscard]] std::string choice(std::size_t axis, int point) const;
  [[nodiscard]] std::string number(std::size_t axis, int point) const;
  /// In [0, 1): where point `point` lies on axis `path`.
  [[nodiscard]] double position(std::size_t axis, int point) const;

  const SweepDesign& design_;
  std::vector<std::string> paths_;
  std::vector<std::vector<int>> strata_;  ///< Latin hypercube: stratum of a point, by axis
};

}  // namespace gpuhours
