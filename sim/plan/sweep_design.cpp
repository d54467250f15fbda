#include "plan/sweep_design.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "plan/sweep_values.hpp"
#include "scenario/includes.hpp"
#include "scenario/key_tree.hpp"
#include "scenario/overrides.hpp"

namespace gpuhours {
namespace {

/// The scenario with its files and the common overrides followed; what does not parse is reported.
std::optional<YamlNode> base_document(const SweepRequest& request, const KeyNode& keys, const std::string& root,
                                      Diagnostics& diagnostics) {
  std::optional<YamlNode> document = Resolver(root, diagnostics).scenario(request.file);
  if (!document) return std::nullopt;
  for (const std::string& text : request.overrides) apply_override(*document, text, keys, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  return document;
}

void check_form(const SweepRequest& request, Diagnostics& diagnostics) {
  if (request.random == 0 && !request.ranges.empty()) {
    diagnostics.error({}, "--range belongs to a random design", "say how many points with --random N");
  } else if (request.vary.empty() && request.ranges.empty()) {
    diagnostics.error({}, "nothing varies: the grid is empty",
                      "for example --vary cluster.gpus=512,1024, or --random 100 --range cluster.gpus=512:2048");
  }
}

/// A path that is given twice would be written twice.
void check_paths(const SweepDesign& design, Diagnostics& diagnostics) {
  std::set<std::string> seen;
  const auto once = [&](const std::string& path) {
    if (!seen.insert(path).second) diagnostics.error({}, fmt::format("'{}' varies twice", path));
  };
  for (const Variation& axis : design.choices) once(axis.path);
  for (const SweepRange& axis : design.ranges) once(axis.path);
}

/// Product of the numbers of values, or the points asked for; 0 after an error.
int number_of_points(const SweepDesign& design, Diagnostics& diagnostics) {
  std::int64_t points = 1;
  for (const Variation& axis : design.choices) {
    points = std::min(points * static_cast<std::int64_t>(axis.values.size()), 2 * kMaxSweepPoints);
  }
  if (design.request.random > 0) points = design.request.random;
  if (points <= kMaxSweepPoints) return static_cast<int>(points);
  diagnostics.error({}, fmt::format("the sweep has more than {} points", kMaxSweepPoints), "draw some with --random N");
  return 0;
}

}  // namespace

std::optional<SweepDesign> sweep_design(const SweepRequest& request, const std::string& root,
                                        Diagnostics& diagnostics) {
  Diagnostics found;
  SweepDesign design;
  design.request = request;
  check_form(request, found);
  const KeyNode keys = scenario_keys();
  if (auto document = base_document(request, keys, root, found)) {
    design.document = std::move(*document);
    const AxisReader reader(design.document, keys, root);
    for (const std::string& text : request.vary) {
      if (auto axis = reader.choices(text, found)) design.choices.push_back(std::move(*axis));
    }
    for (const std::string& text : request.ranges) {
      if (auto axis = reader.range(text, found)) design.ranges.push_back(std::move(*axis));
    }
  }
  check_paths(design, found);
  if (!found.has_errors()) design.points = number_of_points(design, found);
  const bool good = !found.has_errors();
  diagnostics.append(found);
  if (!good) return std::nullopt;
  return design;
}

}  // namespace gpuhours
