#pragma once
// Reading of the small YAML files that only plans use: numbers and words at keys of a map, each mistake reported.

#include <string>
#include <string_view>

#include "scenario/document.hpp"

namespace gpuhours {

/// The tree of <root>/<folder>/<id>.yaml; empty with an error that names the nearest of `known` for another id.
std::optional<YamlNode> law_document(const std::string& root, const std::string& folder, const std::string& id,
                                     std::string_view what, Diagnostics& diagnostics);

/// Ids of the files in <root>/<folder>, sorted.
std::vector<std::string> law_ids(const std::string& root, const std::string& folder);

/// The number above 0 at `key`; 0 after an error.
double positive_at(const YamlNode& map, std::string_view key, Diagnostics& diagnostics);

/// The same for a whole number.
int whole_at(const YamlNode& map, std::string_view key, Diagnostics& diagnostics);

/// The text at `key`; empty without an error when it is missing.
std::string word_at(const YamlNode& map, std::string_view key);

/// "text (ref)" of the first of `sources`.
std::string citation(const YamlNode& document);

}  // namespace gpuhours
