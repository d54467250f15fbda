#include "report/catalogue_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "report/catalogue_tables.hpp"
#include "report/estimate_report.hpp"
#include "report/json_values.hpp"

namespace gpuhours {
namespace {

using Json = nlohmann::ordered_json;

template <class Subject>
Json entry_json(const Subject& subject) {
  Json out = Json::object();
  for (const auto& metric : table_of(subject).metrics) json_at(out, metric.name) = json_of(metric.value(subject));
  out["sources"] = Json::array();
  for (const Source& source : subject.sources) {
    out["sources"].push_back({{"keys", source.keys},
                              {"confidence", source.confidence},
                              {"text", source.text},
                              {"ref", source.ref},
                              {"date", source.date}});
  }
  return out;
}

template <class Subject>
std::vector<std::string> listed_cells(const Subject& subject) {
  std::vector<std::string> cells;
  const auto table = table_of(subject);
  for (const auto& metric : table.metrics.first(table.listed)) {
    cells.push_back(value_text(metric.value(subject), metric.unit));
  }
  return cells;
}

template <class Subject>
std::vector<std::string> header_of(const Subject& subject, bool all) {
  std::vector<std::string> cells;
  const auto table = table_of(subject);
  for (const auto& metric : table.metrics.first(all ? table.metrics.size() : table.listed)) {
    cells.emplace_back(all ? metric.name : metric.label);
  }
  return cells;
}

template <class Subject>
std::string entry_text(const Subject& subject, TextStyle style) {
  std::string out = bold(subject.id, style) + "\n";
  TextTable figures({});
  figures.align_left(1);
  for (const auto& metric : table_of(subject).metrics) {
    const MetricValue value = metric.value(subject);
    if (metric.name == "id" || std::holds_alternative<std::monostate>(value)) continue;
    figures.row({std::string(metric.label), value_text(value, metric.unit)});
  }
  out += figures.text(style);
  if (!subject.sources.empty()) out += fmt::format("\n{}\n", bold("Sources", style));
  for (const Source& source : subject.sources) {
    out += fmt::format("  {}: {}", fmt::join(source.keys, ", "), source.text);
    if (!source.ref.empty()) out += fmt::format("; {}", source.ref);
    if (!source.date.empty()) out += fmt::format(" ({})", source.date);
    out += fmt::format(" [{}]\n", source.confidence);
  }
  return out;
}

}  // namespace

std::string list_text(const std::vector<CatalogueEntry>& entries, TextStyle style) {
  if (entries.empty()) return {};
  TextTable table(std::visit([](const auto& first) { return header_of(first, false); }, entries.front()), "");
  for (const CatalogueEntry& entry : entries) {
    table.row(std::visit([](const auto& one) { return listed_cells(one); }, entry));
  }
  return table.text(style);
}

std::string list_json(const std::string& plural, const std::vector<CatalogueEntry>& entries) {
  Json out = Json::object();
  out["schema_version"] = kSchemaVersion;
  out[plural] = Json::array();
  for (const CatalogueEntry& entry : entries) {
    out[plural].push_back(std::visit([](const auto& one) { return entry_json(one); }, entry));
  }
  return json_text(out);
}

std::string list_csv(const std::vector<CatalogueEntry>& entries) {
  if (entries.empty()) return {};
  std::string out = csv_line(std::visit([](const auto& first) { return header_of(first, true); }, entries.front()));
  for (const CatalogueEntry& entry : entries) {
    out += std::visit(
        [](const auto& one) {
          std::vector<std::string> cells;
          for (const auto& metric : table_of(one).metrics) cells.push_back(csv_cell(metric.value(one)));
          return csv_line(cells);
        },
        entry);
  }
  return out;
}

std::string show_text(const CatalogueEntry& entry, TextStyle style) {
  return std::visit([&](const auto& one) { return entry_text(one, style); }, entry);
}

std::string show_json(const CatalogueEntry& entry) {
  return json_text(std::visit([](const auto& one) { return entry_json(one); }, entry));
}

}  // namespace gpuhours
