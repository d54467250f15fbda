#pragma once
// --print-config: the resolved scenario as YAML that reads back to the same scenario, each line with where it came
// from.

#include <string>

#include "scenario/document.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

/// Lines "key: value  # from FILE:LINE:COLUMN", "# default" or "# --set ARGUMENT". `document` is the tree that
/// `scenario` was read from. The `sources` of catalogue entries are left out.
std::string resolved_config(const Scenario& scenario, const YamlNode& document);

}  // namespace gpuhours
