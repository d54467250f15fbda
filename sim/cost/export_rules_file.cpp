// Files of hardware/rules -> ExportRule. The form is that of the comment at the head of each file.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "cost/export_rules.hpp"
#include "scenario/document.hpp"
#include "scenario/unit_text.hpp"

namespace gpuhours {

namespace {

constexpr std::array<std::string_view, 5> kMeasures = {"tpp", "performance_density", "io_bidirectional",
                                                       "memory_bandwidth", "memory_bandwidth_plus_io"};
const std::vector<std::string> kKeys = {
    "id",     "name",     "date",    "date_effective", "date_rescinded", "exempt_unless_data_centre_below_tpp",
    "base",   "combines", "classes", "duty_share",     "duty",           "tier_2_quota_tpp",
    "sources"};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

class RuleFile {
 public:
  RuleFile(std::string file, Diagnostics& diagnostics) : file_(std::move(file)), diagnostics_(diagnostics) {}

  ExportRule read(const YamlNode& root) {
    ExportRule rule;
    for (const YamlEntry& entry : root.entries) {
      if (std::find(kKeys.begin(), kKeys.end(), entry.key) == kKeys.end()) unknown(entry, kKeys);
    }
    rule.id = text_at(root, "id");
    rule.name = text_at(root, "name");
    rule.date = text_at(root, "date");
    rule.date_rescinded = text_at(root, "date_rescinded");
    rule.base = text_at(root, "base");
    rule.exempt_below_tpp = number_at(root, "exempt_unless_data_centre_below_tpp");
    rule.duty_share = number_at(root, "duty_share");
    if (!is_date(rule.date)) error(place_of(root, "date"), "a rule needs a date", "write it like 2023-10-17");
    if (text_at(root, "combines") == "replaces") {
      rule.combines = RuleCombination::replaces;
    } else if (!text_at(root, "combines").empty() && text_at(root, "combines") != "strictest") {
      error(place_of(root, "combines"), "'combines' is strictest or replaces");
    }
    for (const YamlNode& item : items_at(root, "classes")) rule.classes.push_back(rule_class(item));
    for (const YamlNode& item : items_at(root, "duty")) rule.duty.push_back(limits(item));
    return rule;
  }

 private:
  void error(const SourcePlace& place, std::string message, std::string hint = {}) {
    diagnostics_.error(place, std::move(message), std::move(hint));
  }

  template <class Names>
  void unknown(const YamlEntry& entry, const Names& known) {
    const std::string near = nearest(entry.key, {known.begin(), known.end()});
    error(entry.place, fmt::format("unknown key '{}'", entry.key),
          near.empty() ? "" : fmt::format("did you mean '{}'?", near));
  }

  [[nodiscard]] SourcePlace place_of(const YamlNode& map, std::string_view key) const {
    const YamlEntry* entry = map.find(key);
    return entry == nullptr ? SourcePlace{file_, 0, 0, ""} : entry->value.place;
  }

  static std::string text_at(const YamlNode& map, std::string_view key) {
    const YamlEntry* entry = map.find(key);
    return entry == nullptr ? "" : entry->value.scalar;
  }

  double number_at(const YamlNode& map, std::string_view key) {
    const YamlEntry* entry = map.find(key);
    return entry == nullptr ? 0 : number(entry->value, entry->value.scalar, Unit::ratio);
  }

  static std::vector<YamlNode> items_at(const YamlNode& map, std::string_view key) {
    const YamlEntry* entry = map.find(key);
    return entry == nullptr ? std::vector<YamlNode>{} : entry->value.items;
  }

  double number(const YamlNode& node, std::string_view text, Unit unit) {
    const ParsedNumber parsed = parse_quantity(text, unit);
    if (!parsed.value) error(node.place, parsed.error.message, parsed.error.hint);
    return parsed.value.value_or(0);
  }

  RuleClass rule_class(const YamlNode& map) {
    RuleClass out;
    out.name = text_at(map, "class");
    const std::string treatment = text_at(map, "treatment");
    bool known = false;
    for (std::size_t i = 0; i <= static_cast<std::size_t>(Treatment::denial); ++i) {
      if (treatment_name(static_cast<Treatment>(i)) != treatment) continue;
      out.treatment = static_cast<Treatment>(i);
      known = true;
    }
    if (!known) error(place_of(map, "treatment"), "'treatment' is notice, case_by_case, licence or denial");
    for (const YamlNode& item : items_at(map, "any")) out.any.push_back(limits(item));
    if (out.any.empty()) error(map.place, fmt::format("class '{}' has no limits", out.name), "list them under 'any'");
    return out;
  }

  RuleLimits limits(const YamlNode& map) {
    RuleLimits out;
    for (const YamlEntry& entry : map.entries) {
      const auto* it = std::find(kMeasures.begin(), kMeasures.end(), entry.key);
      if (it == kMeasures.end()) {
        unknown(entry, std::vector<std::string>(kMeasures.begin(), kMeasures.end()));
        continue;
      }
      const auto measure = static_cast<Measure>(it - kMeasures.begin());
      std::string_view rest = entry.value.scalar;
      while (!rest.empty()) {
        const std::size_t comma = rest.find(',');
        out.push_back(limit(entry.value, measure, trimmed(rest.substr(0, comma))));
        rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
      }
    }
    return out;
  }

  RuleLimit limit(const YamlNode& node, Measure measure, std::string_view text) {
    RuleLimit out{measure, "", 0, std::string(text)};
    for (const std::string_view comparison : {">=", "<=", ">", "<"}) {
      if (!text.starts_with(comparison)) continue;
      out.comparison = comparison;
      const bool rate = measure != Measure::tpp && measure != Measure::performance_density;
      out.bound = number(node, trimmed(text.substr(comparison.size())), rate ? Unit::data_rate : Unit::ratio);
      return out;
    }
    error(node.place, fmt::format("'{}' is no limit", text), "write it like \">= 600 GB/s\"");
    return out;
  }

  std::string file_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::vector<ExportRule> export_rules(const std::string& root, Diagnostics& diagnostics) {
  std::vector<std::string> files;
  std::error_code failure;
  const std::filesystem::path folder = std::filesystem::path(root) / "hardware/rules";
  for (std::filesystem::directory_iterator it(folder, failure), end; !failure && it != end; it.increment(failure)) {
    if (it->path().extension() == ".yaml") files.push_back(it->path().string());
  }
  std::sort(files.begin(), files.end());
  Diagnostics found;
  std::vector<ExportRule> rules;
  for (const std::string& file : files) {
    const auto content = file_text(file, {}, found);
    const auto document = content ? parse_document(*content, file, found) : std::nullopt;
    if (document) rules.push_back(RuleFile(file, found).read(*document));
  }
  std::sort(rules.begin(), rules.end(), [](const ExportRule& a, const ExportRule& b) { return a.date < b.date; });
  for (const ExportRule& rule : rules) {
    const ExportRule* base = find_rule(rules, rule.base);
    if (rule.base.empty() || (base != nullptr && base->date < rule.date)) continue;
    found.error({}, fmt::format("rule '{}' builds on '{}', which is no earlier rule", rule.id, rule.base));
  }
  diagnostics.append(found);
  return found.has_errors() ? std::vector<ExportRule>{} : rules;
}

}  // namespace gpuhours
