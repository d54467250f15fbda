#pragma once
// What the catalogue holds: entries of one kind as a list, one entry in full with its sources. The tables of metrics
// here are read by every writer.

#include <string>
#include <variant>
#include <vector>

#include "report/metrics.hpp"
#include "report/text_table.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

/// A named system: the GPU, node and fabric that it puts together, by id.
struct SystemEntry {
  std::string id;
  std::string name;
  std::string gpu;
  std::string node;
  std::string fabric;
  std::vector<Source> sources;
};

using CatalogueEntry = std::variant<Architecture, SystemEntry, Gpu, Node, Fabric, PrecisionRecipe, Stack, Pricing,
                                    Reliability, Capital, OwnershipTerms, PowerGrid>;

/// Tokens a sequence at which FLOPs a token are given: causal attention grows with it.
inline constexpr int kListedSequenceLength = 4096;

/// `entries` are of one kind. The text shows the kind's main figures, JSON and CSV all of them.
std::string list_text(const std::vector<CatalogueEntry>& entries, TextStyle style);
std::string list_json(const std::string& plural, const std::vector<CatalogueEntry>& entries);
std::string list_csv(const std::vector<CatalogueEntry>& entries);

std::string show_text(const CatalogueEntry& entry, TextStyle style);
std::string show_json(const CatalogueEntry& entry);

}  // namespace gpuhours
