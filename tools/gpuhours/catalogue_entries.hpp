#pragma once
// Entries of the catalogue by id, for `list` and `show`.

#include <optional>
#include <string>

#include "report/catalogue_report.hpp"
#include "scenario/catalogue.hpp"

namespace gpuhours::cli {

/// A named system: the ids of its GPU, node and fabric.
std::optional<SystemEntry> read_system(const std::string& id, const std::string& root, Diagnostics& diagnostics);

std::optional<CatalogueEntry> catalogue_entry(CatalogueKind kind, const std::string& id, const std::string& root,
                                              Diagnostics& diagnostics);

}  // namespace gpuhours::cli
