#include "catalogue_entries.hpp"

#include "scenario/document.hpp"

namespace gpuhours::cli {
namespace {

/// The text at `key` of a map, empty when there is none.
std::string text_at(const YamlNode& map, std::string_view key) {
  const YamlEntry* entry = map.find(key);
  return entry == nullptr ? "" : entry->value.scalar;
}

Source source_of(const YamlNode& item) {
  Source source;
  if (const YamlEntry* keys = item.find("keys")) {
    for (const YamlNode& key : keys->value.items) source.keys.push_back(key.scalar);
  }
  source.confidence = text_at(item, "confidence");
  source.text = text_at(item, "text");
  source.ref = text_at(item, "ref");
  source.date = text_at(item, "date");
  return source;
}

}  // namespace

std::optional<SystemEntry> read_system(const std::string& id, const std::string& root, Diagnostics& diagnostics) {
  const std::string file = catalogue_file(CatalogueKind::system, id, root);
  const auto content = file_text(file, {}, diagnostics);
  const auto document = content ? parse_document(*content, file, diagnostics) : std::nullopt;
  if (!document) return std::nullopt;
  SystemEntry system{id,
                     text_at(*document, "name"),
                     text_at(*document, "gpu"),
                     text_at(*document, "node"),
                     text_at(*document, "fabric"),
                     {}};
  if (const YamlEntry* sources = document->find("sources")) {
    for (const YamlNode& item : sources->value.items) system.sources.push_back(source_of(item));
  }
  return system;
}

std::optional<Cluster> cluster_of(const SystemEntry& system, const std::string& root, Diagnostics& diagnostics) {
  const auto gpu = read_gpu(system.gpu, root, diagnostics);
  const auto node = read_node(system.node, root, diagnostics);
  const auto fabric = read_fabric(system.fabric, root, diagnostics);
  if (!gpu || !node || !fabric) return std::nullopt;
  Cluster cluster;
  cluster.gpu = *gpu;
  cluster.node = *node;
  cluster.fabric = *fabric;
  return cluster;
}

std::optional<CatalogueEntry> catalogue_entry(CatalogueKind kind, const std::string& id, const std::string& root,
                                              Diagnostics& diagnostics) {
  const auto entry = [](auto&& read) -> std::optional<CatalogueEntry> {
    if (!read) return std::nullopt;
    return CatalogueEntry(std::move(*read));
  };
  switch (kind) {
    case CatalogueKind::model:
      return entry(read_architecture(id, root, diagnostics));
    case CatalogueKind::system:
      return entry(read_system(id, root, diagnostics));
    case CatalogueKind::gpu:
      return entry(read_gpu(id, root, diagnostics));
    case CatalogueKind::node:
      return entry(read_node(id, root, diagnostics));
    case CatalogueKind::fabric:
      return entry(read_fabric(id, root, diagnostics));
    case CatalogueKind::precision:
      return entry(read_precision(id, root, diagnostics));
    case CatalogueKind::stack:
      return entry(read_stack(id, root, diagnostics));
    case CatalogueKind::pricing:
      return entry(read_pricing(id, root, diagnostics));
    case CatalogueKind::reliability:
      return entry(read_reliability(id, root, diagnostics));
    case CatalogueKind::capital:
      return entry(read_capital(id, root, diagnostics));
    case CatalogueKind::terms:
      return entry(read_terms(id, root, diagnostics));
    case CatalogueKind::grid:
      return entry(read_grid(id, root, diagnostics));
  }
  return std::nullopt;
}

}  // namespace gpuhours::cli
