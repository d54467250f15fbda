#pragma once
// Entries of the catalogue by id, for `list` and `show`.

#include <optional>
#include <string>

#include "report/catalogue_report.hpp"
#include "scenario/catalogue.hpp"

namespace gpuhours::cli {

/// A named system: the ids of its GPU, node and fabric.
std::optional<SystemEntry> read_system(const std::string& id, const std::string& root, Diagnostics& diagnostics);

/// The GPU, node and fabric that a system names; its number of GPUs is left open.
std::optional<Cluster> cluster_of(const SystemEntry& system, const std::string& root, Diagnostics& diagnostics);

std::optional<CatalogueEntry> catalogue_entry(CatalogueKind kind, const std::string& id, const std::string& root,
                                              Diagnostics& diagnostics);

}  // namespace gpuhours::cli
