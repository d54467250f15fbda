#include "scenario/read_scenario.hpp"

#include "scenario/check_layout.hpp"
#include "scenario/check_pricing.hpp"
#include "scenario/complete.hpp"
#include "scenario/includes.hpp"
#include "scenario/overrides.hpp"
#include "scenario/price_lookup.hpp"
#include "scenario/reader.hpp"
#include "scenario/refused_features.hpp"

namespace gpuhours {

namespace {

/// A phase's `parallelism` names only what differs: the scenario's is laid under it.
void complete_phases(YamlNode& document) {
  const YamlEntry* base = document.find("parallelism");
  YamlEntry* training = document.find("training");
  YamlEntry* phases = training == nullptr ? nullptr : training->value.find("phases");
  if (base == nullptr || phases == nullptr) return;
  for (YamlNode& phase : phases->value.items) {
    YamlEntry* own = phase.find("parallelism");
    if (own != nullptr && own->value.is_map()) own->value = merged(base->value, std::move(own->value), "");
  }
}

/// Broken rules go to `refusals` when nothing else is wrong, and to `found` else.
std::optional<ResolvedScenario> finished(YamlNode document, const std::string& file,
                                         const std::vector<std::string>& overrides, const std::string& root,
                                         Diagnostics& found, Diagnostics& refusals) {
  Resolver resolver(root, found);
  const KeyNode keys = scenario_keys();
  for (const std::string& argument : overrides) apply_override(document, argument, keys, found);
  resolver.follow_files(document, "", "");
  look_up_price(document, root, found);
  resolver.follow_ids(document);
  complete_phases(document);

  ResolvedScenario resolved;
  read_struct(resolved.scenario, document, "", {file, 0, 0, ""}, found);
  complete(resolved.scenario.model);
  complete(resolved.scenario.cluster.gpu);
  complete(resolved.scenario.pricing);
  Diagnostics& broken = found.has_errors() ? found : refusals;
  check_layout(resolved.scenario, document, broken);
  check_pricing(resolved.scenario, document, broken);
  refused_features(resolved.scenario, document, broken);
  if (found.has_errors()) return std::nullopt;
  resolved.document = std::move(document);
  return resolved;
}

}  // namespace

std::optional<ResolvedScenario> resolved_scenario(const std::string& path, const std::vector<std::string>& overrides,
                                                  const std::string& root, Diagnostics& diagnostics) {
  Diagnostics found;
  std::optional<ResolvedScenario> resolved;
  if (std::optional<YamlNode> document = Resolver(root, found).scenario(path)) {
    resolved = finished(std::move(*document), path, overrides, root, found, found);
  }
  diagnostics.append(found);
  return resolved;
}

std::optional<ResolvedScenario> readable_scenario(const std::string& path, const std::vector<std::string>& overrides,
                                                  const std::string& root, Diagnostics& diagnostics,
                                                  Diagnostics& refusals) {
  Diagnostics found;
  std::optional<ResolvedScenario> resolved;
  if (std::optional<YamlNode> document = Resolver(root, found).scenario(path)) {
    resolved = finished(std::move(*document), path, overrides, root, found, refusals);
  }
  diagnostics.append(found);
  return resolved;
}

std::optional<Scenario> read_scenario(const std::string& path, const std::vector<std::string>& overrides,
                                      const std::string& root, Diagnostics& diagnostics) {
  std::optional<ResolvedScenario> resolved = resolved_scenario(path, overrides, root, diagnostics);
  if (!resolved) return std::nullopt;
  return std::move(resolved->scenario);
}

std::optional<ResolvedScenario> scenario_from_text(const std::string& text, const std::string& file,
                                                   const std::vector<std::string>& overrides, const std::string& root,
                                                   Diagnostics& diagnostics) {
  Diagnostics found;
  std::optional<ResolvedScenario> resolved;
  if (std::optional<YamlNode> document = Resolver(root, found).scenario_text(text, file)) {
    resolved = finished(std::move(*document), file, overrides, root, found, found);
  }
  diagnostics.append(found);
  return resolved;
}

}  // namespace gpuhours
