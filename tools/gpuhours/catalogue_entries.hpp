#pragma once
// Entries of the catalogue by id, for `list` and `show`.

#include <optional>
#include <string>

#include "report/catalogue_report.hpp"
#include "scenario/catalogue.hpp"

namespace gpuhours::cli {

std::optional<CatalogueEntry> catalogue_entry(CatalogueKind kind, const std::string& id, const std::string& root,
                                              Diagnostics& diagnostics);

}  // namespace gpuhours::cli
