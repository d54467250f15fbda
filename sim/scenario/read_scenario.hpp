#pragma once
// Input: a scenario file, `--set` overrides, the folder of the catalogue. Output: a Scenario that is complete and
// consistent, and the tree it was read from. Order: file and its includes; overrides; the price looked up; catalogue entries; phases over
// the scenario's parallelism; keys read; layout checked; features that are not modelled refused.

#include <optional>
#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "scenario/document.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

/// A scenario and where each of its values was written.
struct ResolvedScenario {
  Scenario scenario;
  YamlNode document;
};

/// Empty with every mistake in `diagnostics`. `root` holds models/, hardware/ and calibration/.
std::optional<ResolvedScenario> resolved_scenario(const std::string& path, const std::vector<std::string>& overrides,
                                                  const std::string& root, Diagnostics& diagnostics);

/// The same, but the rules that a scenario breaks which reads well (check_layout(), refused_features()) stand in
/// `refusals`: it is returned, and cannot run as it is.
std::optional<ResolvedScenario> readable_scenario(const std::string& path, const std::vector<std::string>& overrides,
                                                  const std::string& root, Diagnostics& diagnostics,
                                                  Diagnostics& refusals);

/// The first without the tree.
std::optional<Scenario> read_scenario(const std::string& path, const std::vector<std::string>& overrides,
                                      const std::string& root, Diagnostics& diagnostics);

/// The same from YAML text; `file` names it in messages, its includes are relative to the folder of that name.
std::optional<ResolvedScenario> scenario_from_text(const std::string& text, const std::string& file,
                                                   const std::vector<std::string>& overrides, const std::string& root,
                                                   Diagnostics& diagnostics);

}  // namespace gpuhours
