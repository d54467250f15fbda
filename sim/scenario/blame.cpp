#include "scenario/blame.hpp"

#include <algorithm>

#include "scenario/catalogue.hpp"

namespace gpuhours {

namespace {

std::string parent(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

}  // namespace

bool same_place(const SourcePlace& a, const SourcePlace& b) {
  return a.file == b.file && a.line == b.line && a.column == b.column && a.source_line == b.source_line;
}

bool Blame::clean(const std::vector<std::string>& key_paths) const {
  if (!read_.has_errors()) return true;
  const auto reported = [&](const SourcePlace& place) {
    return std::any_of(read_.all().begin(), read_.all().end(), [&](const Diagnostic& diagnostic) {
      return diagnostic.severity == Severity::error && same_place(diagnostic.place, place);
    });
  };
  const auto spoilt = [&](const std::string& path) {
    const std::string top = path.substr(0, path.find('.'));
    const bool required = top == "model" || top == "cluster" || top == "training";
    if (required && document_.is_map() && document_.find(top) == nullptr) return true;
    for (std::string prefix = path; !prefix.empty(); prefix = parent(prefix)) {
      const YamlEntry* entry = find_path(document_, prefix);
      if (entry == nullptr) continue;
      if (reported(entry->value.place) || reported(entry->place)) return true;
      if (std::any_of(entry->value.items.begin(), entry->value.items.end(),
                      [&](const YamlNode& item) { return reported(item.place); })) {
        return true;
      }
      if (catalogue_at(prefix) != nullptr && !entry->value.is_map()) return true;
    }
    return false;
  };
  return std::none_of(key_paths.begin(), key_paths.end(), spoilt);
}

SourcePlace Blame::place(const std::vector<std::string>& key_paths) const {
  const YamlEntry* first = nullptr;
  for (const std::string& path : key_paths) {
    for (std::string prefix = path; !prefix.empty(); prefix = parent(prefix)) {
      const YamlEntry* entry = find_path(document_, prefix);
      if (entry != nullptr && entry->value.place.file == "--set") return entry->value.place;
    }
    if (first == nullptr) first = find_path(document_, path);
  }
  if (first != nullptr) return first->value.place;
  for (std::string path = parent(key_paths.front()); !path.empty(); path = parent(path)) {
    if (const YamlEntry* around = find_path(document_, path)) return around->place;
  }
  return {};
}

}  // namespace gpuhours
