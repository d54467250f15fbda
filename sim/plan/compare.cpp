#include "plan/compare.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "plan/parallel.hpp"
#include "scenario/read_scenario.hpp"

namespace gpuhours {
namespace {

std::vector<std::string> split_outside_brackets(std::string_view text) {
  std::vector<std::string> parts{""};
  int depth = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (c == ',' && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// The texts of `label` and one more part.
std::string joined(const std::string& label, const std::string& part) {
  return label.empty() ? part : fmt::format("{} {}", label, part);
}

/// "cluster.gpu" -> "gpu".
std::string last_part(const std::string& path) { return path.substr(path.rfind('.') + 1); }

/// One case's outcome, filled by its own thread.
struct Outcome {
  std::optional<LabelledResult> result;
  Diagnostics diagnostics;
};

void estimate_case(const ComparedCase& one, const DataPaths& paths, const Calibration& calibration,
                   Outcome& outcome) {
  const std::optional<Scenario> scenario = read_scenario(one.file, one.overrides, paths.root, outcome.diagnostics);
  if (!scenario) return;
  std::optional<Estimate> found = estimate(*scenario, calibration, {}, outcome.diagnostics);
  if (found) outcome.result = LabelledResult{one.label, *scenario, std::move(*found)};
}

}  // namespace

std::optional<Variation> variation(std::string_view text, Diagnostics& diagnostics) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size()) {
    diagnostics.error({}, fmt::format("--vary '{}' is not of the form path=value,value", text),
                      "for example --vary cluster.gpu=h800_sxm,h100_sxm");
    return std::nullopt;
  }
  return Variation{std::string(text.substr(0, equals)), split_outside_brackets(text.substr(equals + 1))};
}

std::vector<ComparedCase> compared_cases(const std::vector<std::string>& files,
                                         const std::vector<std::string>& overrides,
                                         const std::vector<Variation>& variations) {
  std::vector<ComparedCase> cases;
  for (const std::string& file : files) {
    const bool named = files.size() > 1 || variations.empty();
    cases.push_back({named ? std::filesystem::path(file).stem().string() : "", file, overrides});
  }
  for (const Variation& varied : variations) {
    std::vector<ComparedCase> more;
    for (const ComparedCase& base : cases) {
      for (const std::string& value : varied.values) {
        ComparedCase one = base;
        one.label = joined(base.label, fmt::format("{}={}", last_part(varied.path), value));
        one.overrides.push_back(fmt::format("{}={}", varied.path, value));
        more.push_back(std::move(one));
      }
    }
    cases = std::move(more);
  }
  return cases;
}

std::optional<std::vector<LabelledResult>> comparison(const std::vector<ComparedCase>& cases, const DataPaths& paths,
                                                      int jobs, Diagnostics& diagnostics) {
  std::vector<Outcome> outcomes(cases.size());
  const Calibration calibration(paths);
  for_each_index(static_cast<int>(cases.size()), jobs, [&](int i) {
    const auto at = static_cast<std::size_t>(i);
    estimate_case(cases[at], paths, calibration, outcomes[at]);
  });
  std::vector<LabelledResult> results;
  std::set<std::string> said;
  for (Outcome& outcome : outcomes) {
    for (const Diagnostic& diagnostic : outcome.diagnostics.all()) {
      if (!said.insert(text(diagnostic)).second) continue;
      Diagnostics one;
      if (diagnostic.severity == Severity::error) {
        one.error(diagnostic.place, diagnostic.message, diagnostic.hint);
      } else {
        one.warning(diagnostic.place, diagnostic.message, diagnostic.hint);
      }
      diagnostics.append(one);
    }
    if (outcome.result) results.push_back(std::move(*outcome.result));
  }
  if (results.size() != cases.size()) return std::nullopt;
  return results;
}

}  // namespace gpuhours
