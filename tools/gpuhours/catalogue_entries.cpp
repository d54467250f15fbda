#include "catalogue_entries.hpp"

namespace gpuhours::cli {

std::optional<CatalogueEntry> catalogue_entry(CatalogueKind kind, const std::string& id, const std::string& root,
                                              Diagnostics& diagnostics) {
  const auto entry = [](auto&& read) -> std::optional<CatalogueEntry> {
    if (!read) return std::nullopt;
    return CatalogueEntry(std::move(*read));
  };
  switch (kind) {
    case CatalogueKind::model:
      return entry(read_architecture(id, root, diagnostics));
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
  }
  return std::nullopt;
}

}  // namespace gpuhours::cli
