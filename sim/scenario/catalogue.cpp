#include "scenario/catalogue.hpp"

#include <algorithm>
#include <filesystem>

#include "scenario/complete.hpp"
#include "scenario/includes.hpp"
#include "scenario/key_tree.hpp"
#include "scenario/overrides.hpp"
#include "scenario/reader.hpp"

namespace gpuhours {

const std::vector<CatalogueFolder>& catalogue_folders() {
  static const std::vector<CatalogueFolder> kFolders = {
      {CatalogueKind::model, "model", "models", "model", "models"},
      {CatalogueKind::system, "system", "systems", "cluster", "hardware/systems"},
      {CatalogueKind::gpu, "gpu", "gpus", "cluster.gpu", "hardware/gpus"},
      {CatalogueKind::node, "node", "nodes", "cluster.node", "hardware/nodes"},
      {CatalogueKind::fabric, "fabric", "fabrics", "cluster.fabric", "hardware/fabrics"},
      {CatalogueKind::precision, "precision", "precisions", "precision", "models/precision"},
      {CatalogueKind::stack, "stack", "stacks", "stack", "calibration/stacks"},
      {CatalogueKind::pricing, "price list", "prices", "pricing", "hardware/prices"},
      {CatalogueKind::reliability, "reliability profile", "reliability", "reliability", "hardware/reliability"},
      {CatalogueKind::capital, "capital price", "capital", "pricing.capital", "hardware/capital"},
      {CatalogueKind::terms, "terms of ownership", "terms", "pricing.terms", "hardware/terms"},
      {CatalogueKind::grid, "grid", "grids", "pricing.grid", "hardware/grids"},
  };
  return kFolders;
}

const CatalogueFolder& catalogue_folder(CatalogueKind kind) {
  return catalogue_folders()[static_cast<std::size_t>(kind)];
}

const CatalogueFolder* catalogue_at(std::string_view key_path) {
  for (const CatalogueFolder& folder : catalogue_folders()) {
    if (folder.key_path == key_path) return &folder;
  }
  return nullptr;
}

std::vector<std::string> catalogue_ids(CatalogueKind kind, const std::string& root) {
  std::vector<std::string> ids;
  std::error_code failure;
  const auto folder = std::filesystem::path(root) / catalogue_folder(kind).folder;
  for (std::filesystem::directory_iterator it(folder, failure), end; !failure && it != end; it.increment(failure)) {
    if (it->path().extension() == ".yaml") ids.push_back(it->path().stem().string());
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string catalogue_file(CatalogueKind kind, const std::string& id, const std::string& root) {
  const auto folder = std::filesystem::path(root) / catalogue_folder(kind).folder;
  return (folder / (id + ".yaml")).lexically_normal().string();
}

std::string stack_fit_file(const std::string& id, const std::string& root) {
  const auto folder = std::filesystem::path(root) / catalogue_folder(CatalogueKind::stack).folder / "fits";
  return (folder / (id + ".yaml")).lexically_normal().string();
}

namespace {

/// The entry's tree; the id is one that a user typed, so that it has no place.
std::optional<YamlNode> entry_tree(CatalogueKind kind, const std::string& id, const std::string& root,
                                   Diagnostics& diagnostics, StackFits fits = StackFits::merged) {
  YamlNode reference;
  reference.kind = YamlNode::Kind::scalar;
  reference.scalar = id;
  return Resolver(root, diagnostics, fits).entry(catalogue_folder(kind), std::move(reference));
}

template <class Struct>
std::optional<Struct> read_entry(CatalogueKind kind, const std::string& id, const std::string& root,
                                 Diagnostics& diagnostics, StackFits fits = StackFits::merged) {
  Diagnostics found;
  Struct object;
  if (const std::optional<YamlNode> tree = entry_tree(kind, id, root, found, fits)) {
    read_struct(object, *tree, "", {catalogue_file(kind, id, root), 0, 0, ""}, found);
  }
  diagnostics.append(found);
  return found.has_errors() ? std::nullopt : std::optional<Struct>(std::move(object));
}

}  // namespace

std::optional<Architecture> read_architecture(const std::string& id, const std::string& root,
                                              Diagnostics& diagnostics) {
  auto model = read_entry<Architecture>(CatalogueKind::model, id, root, diagnostics);
  if (model) complete(*model);
  return model;
}

std::optional<Gpu> read_gpu(const std::string& id, const std::string& root, Diagnostics& diagnostics) {
  auto gpu = read_entry<Gpu>(CatalogueKind::gpu, id, root, diagnostics);
  if (gpu) complete(*gpu);
  return gpu;
}

std::optional<Gpu> read_gpu_with(const std::string& id_or_file, const std::vector<std::string>& overrides,
                                 const std::string& root, Diagnostics& diagnostics) {
  YamlNode reference;
  reference.kind = YamlNode::Kind::scalar;
  reference.scalar = id_or_file;
  Diagnostics found;
  Resolver resolver(root, found);
  const CatalogueFolder& folder = catalogue_folder(CatalogueKind::gpu);
  resolver.follow_files(reference, std::string(folder.key_path), "");
  std::optional<YamlNode> tree = found.has_errors() ? std::nullopt : resolver.entry(folder, std::move(reference));
  Gpu gpu;
  if (tree) {
    const KeyNode keys = catalogue_keys(CatalogueKind::gpu);
    for (const std::string& argument : overrides) apply_override(*tree, argument, keys, found);
    if (!found.has_errors()) read_struct(gpu, *tree, "", {id_or_file, 0, 0, ""}, found);
    complete(gpu);
  }
  diagnostics.append(found);
  return found.has_errors() ? std::nullopt : std::optional<Gpu>(std::move(gpu));
}

std::optional<Node> read_node(const std::string& id, const std::string& root, Diagnostics& diagnostics) {
  return read_entry<Node>(CatalogueKind::node, id, root, diagnostics);
}

std::optional<Fabric> read_fabric(const std::string& id, const std::string& root, Diagnostics& diagnostics) {
  return read_entry<Fabric>(CatalogueKind::fabric, id, root, diagnostics);
}

std::optional<PrecisionRecipe> read_precision(const std::string& id, const std::string& root,
                                              Diagnostics& diagnostics) {
  return read_entry<PrecisionRecipe>(CatalogueKind::precision, id, root, diagnostics);
}

std::optional<Stack> read_stack(const std::string& id, const std::string& root, Diagnostics& diagnostics) {
  return read_entry<Stack>(CatalogueKind::stack, id, root, diagnostics);
}

std::optional<Stack> read_stack_profile(const std::string& id, const std::string& root, Diagnostics& diagnostics) {
  return read_entry<Stack>(CatalogueKind::stack, id, root, diagnostics, StackFits::ignored);
}

std::optional<Pricing> read_pricing(const std::string& id, const std::string& root, Diagnostics& diagnostics) {
  return read_entry<Pricing>(CatalogueKind::pricing, id, root, diagnostics);
}

std::optional<Reliability> read_reliability(const std::string& id, const std::string& root, Diagnostics& diagnostics) {
  return read_entry<Reliability>(CatalogueKind::reliability, id, root, diagnostics);
}

std::optional<Capital> read_capital(const std::string& id, const std::string& root, Diagnostics& diagnostics) {
  return read_entry<Capital>(CatalogueKind::capital, id, root, diagnostics);
}

std::optional<OwnershipTerms> read_terms(const std::string& id, const std::string& root, Diagnostics& diagnostics) {
  return read_entry<OwnershipTerms>(CatalogueKind::terms, id, root, diagnostics);
}

std::optional<PowerGrid> read_grid(const std::string& id, const std::string& root, Diagnostics& diagnostics) {
  return read_entry<PowerGrid>(CatalogueKind::grid, id, root, diagnostics);
}

std::vector<std::string> unsourced_keys(CatalogueKind kind, const std::string& id, const std::string& root) {
  Diagnostics ignored;
  const std::optional<YamlNode> tree = entry_tree(kind, id, root, ignored, StackFits::ignored);
  std::vector<std::string> unsourced;
  if (!tree) return unsourced;
  std::vector<std::string> named = {"sources"};
  if (const YamlEntry* sources = tree->find("sources")) {
    for (const YamlNode& source : sources->value.items) {
      const YamlEntry* keys = source.find("keys");
      if (keys == nullptr) continue;
      for (const YamlNode& key : keys->value.items) named.push_back(key.scalar.substr(0, key.scalar.find('.')));
    }
  }
  const KeyNode keys = catalogue_keys(kind);
  for (const YamlEntry& entry : tree->entries) {
    const KeyNode* key = keys.find(entry.key);
    const bool is_figure = key != nullptr && key->catalogue == nullptr && key->type.kind != ValueType::Kind::choice &&
                           (key->shape != KeyNode::Shape::leaf || key->type.kind != ValueType::Kind::text);
    if (is_figure && std::find(named.begin(), named.end(), entry.key) == named.end()) unsourced.push_back(entry.key);
  }
  return unsourced;
}

}  // namespace gpuhours
