#include "plan/claims_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "scenario/document.hpp"
#include "scenario/unit_text.hpp"

namespace gpuhours {

namespace {

using Names = std::vector<std::string>;

class ClaimReader {
 public:
  ClaimReader(std::string file, Diagnostics& diagnostics) : file_(std::move(file)), diagnostics_(diagnostics) {}

  ClaimFile read(const YamlNode& root) {
    const SourcePlace whole{file_, 0, 0, ""};
    check_keys(root, {"id", "claim", "source", "verdict", "words", "runs", "published", "computed", "checks"});
    ClaimFile claim;
    claim.id = text(root, "id", whole);
    claim.claim = text(root, "claim", whole);
    claim.source = text(root, "source", whole);
    claim.verdict = text(root, "verdict", whole);
    claim.words = text(root, "words", whole);
    for (const YamlNode& item : items(root, "runs")) claim.runs.push_back(run(item));
    for (const YamlNode& item : items(root, "published")) claim.published.push_back(published(item));
    for (const YamlNode& item : items(root, "computed")) claim.computed.push_back(computed(item));
    for (const YamlNode& item : items(root, "checks")) claim.checks.push_back(check(item));
    if (claim.checks.empty())
      diagnostics_.error(whole, "a claim needs checks: a verdict that nothing tests is an opinion");
    return claim;
  }

 private:
  void check_keys(const YamlNode& map, const Names& known) {
    for (const YamlEntry& entry : map.entries) {
      if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
      const std::string near = nearest(entry.key, known);
      diagnostics_.error(entry.place, fmt::format("unknown key '{}'", entry.key),
                         near.empty() ? "" : fmt::format("did you mean '{}'?", near));
    }
  }

  std::string text(const YamlNode& map, std::string_view key, const SourcePlace& place) {
    const YamlEntry* entry = map.find(key);
    if (entry != nullptr && entry->value.is_scalar()) return entry->value.scalar;
    diagnostics_.error(place, fmt::format("'{}' is missing", key));
    return {};
  }

  PlacedText placed(const YamlNode& map, std::string_view key) {
    const YamlEntry* entry = map.find(key);
    return {text(map, key, map.place), entry == nullptr ? map.place : entry->value.place};
  }

  static std::string optional_text(const YamlNode& map, std::string_view key) {
    const YamlEntry* entry = map.find(key);
    return entry == nullptr ? "" : entry->value.scalar;
  }

  static const std::vector<YamlNode>& items(const YamlNode& map, std::string_view key) {
    static const std::vector<YamlNode> kNone;
    const YamlEntry* entry = map.find(key);
    return entry == nullptr ? kNone : entry->value.items;
  }

  ClaimFile::Run run(const YamlNode& map) {
    check_keys(map, {"label", "scenario", "set"});
    const auto folder = std::filesystem::path(file_).parent_path();
    ClaimFile::Run out{
        text(map, "label", map.place), (folder / text(map, "scenario", map.place)).lexically_normal().string(), {}};
    for (const YamlNode& item : items(map, "set")) out.overrides.push_back(item.scalar);
    return out;
  }

  ClaimFile::Published published(const YamlNode& map) {
    check_keys(map, {"name", "value", "unit", "label", "source"});
    ClaimFile::Published out{text(map, "name", map.place), text(map, "label", map.place), optional_text(map, "unit"),
                             text(map, "source", map.place), 0};
    const PlacedText value = placed(map, "value");
    const ParsedNumber number = parse_quantity(value.text, Unit::parameters, true);  // the family that takes K, M, B, T
    if (!number.value) diagnostics_.error(value.place, number.error.message, number.error.hint);
    out.value = number.value.value_or(0);
    return out;
  }

  ClaimFile::Computed computed(const YamlNode& map) {
    check_keys(map, {"name", "is", "unit", "label"});
    return {text(map, "name", map.place), text(map, "label", map.place), optional_text(map, "unit"), placed(map, "is")};
  }

  ClaimFile::Check check(const YamlNode& map) {
    check_keys(map, {"that", "says"});
    return {placed(map, "that"), text(map, "says", map.place)};
  }

  std::string file_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::optional<ClaimFile> read_claim(const std::string& file, Diagnostics& diagnostics) {
  Diagnostics found;
  std::optional<ClaimFile> claim;
  const auto content = file_text(file, {}, found);
  const auto document = content ? parse_document(*content, file, found) : std::nullopt;
  if (document) claim = ClaimReader(file, found).read(*document);
  diagnostics.append(found);
  return found.has_errors() ? std::nullopt : claim;
}

}  // namespace gpuhours
