#include "plan/law_document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/checked.hpp"
#include "core/csv.hpp"

namespace gpuhours {

std::vector<std::string> law_ids(const std::string& root, const std::string& folder) {
  std::vector<std::string> ids;
  std::error_code failure;
  for (std::filesystem::directory_iterator it(std::filesystem::path(root) / folder, failure), end;
       !failure && it != end; it.increment(failure)) {
    if (it->path().extension() == ".yaml") ids.push_back(it->path().stem().string());
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::optional<YamlNode> law_document(const std::string& root, const std::string& folder, const std::string& id,
                                     std::string_view what, Diagnostics& diagnostics) {
  const std::vector<std::string> ids = law_ids(root, folder);
  if (std::find(ids.begin(), ids.end(), id) == ids.end()) {
    const std::string near = nearest(id, ids);
    diagnostics.error(
        {}, fmt::format("unknown {} '{}'", what, id),
        near.empty() ? fmt::format("there are {}", fmt::join(ids, ", ")) : fmt::format("did you mean '{}'?", near));
    return std::nullopt;
  }
  const std::string file = fmt::format("{}/{}/{}.yaml", root, folder, id);
  const auto text = file_text(file, {}, diagnostics);
  return text ? parse_document(*text, file, diagnostics) : std::nullopt;
}

double positive_at(const YamlNode& map, std::string_view key, Diagnostics& diagnostics) {
  const YamlEntry* entry = map.find(key);
  if (entry == nullptr) {
    diagnostics.error(map.place, fmt::format("'{}' is missing", key));
    return 0;
  }
  const auto number = finite_number(entry->value.scalar);
  if (number && *number > 0) return *number;
  diagnostics.error(entry->value.place, fmt::format("'{}' is not a number above 0", entry->value.scalar));
  return 0;
}

int whole_at(const YamlNode& map, std::string_view key, Diagnostics& diagnostics) {
  const double number = positive_at(map, key, diagnostics);
  const auto whole = exact_whole<int>(number);
  if (whole) return *whole;
  const YamlNode& value = map.find(key)->value;
  diagnostics.error(value.place, fmt::format("'{}' is not a whole number", value.scalar));
  return 0;
}

std::string word_at(const YamlNode& map, std::string_view key) {
  const YamlEntry* entry = map.find(key);
  return entry == nullptr ? "" : entry->value.scalar;
}

std::string citation(const YamlNode& document) {
  const YamlEntry* sources = document.find("sources");
  if (sources == nullptr || sources->value.items.empty()) return {};
  const YamlNode& first = sources->value.items.front();
  return fmt::format("{} ({})", word_at(first, "text"), word_at(first, "ref"));
}

}  // namespace gpuhours
