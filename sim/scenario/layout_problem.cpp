#include "scenario/layout_problem.hpp"

#include "scenario/check_layout.hpp"
#include "scenario/refused_features.hpp"

namespace gpuhours {

std::optional<std::string> layout_problem(const Scenario& scenario) {
  const YamlNode nowhere;
  Diagnostics found;
  refused_features(scenario, nowhere, found);
  if (!found.has_errors()) check_layout(scenario, nowhere, found);
  for (const Diagnostic& diagnostic : found.all()) {
    if (diagnostic.severity != Severity::warning) return diagnostic.message;
  }
  return std::nullopt;
}

}  // namespace gpuhours
