#pragma once
// The catalogue: one YAML file per id below the data root. A file's name is its id.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostic.hpp"
#include "scenario/scenario.hpp"

namespace gpuhours {

enum class CatalogueKind { model, system, gpu, node, fabric, precision, stack, pricing, reliability, capital, terms, grid };

struct CatalogueFolder {
  CatalogueKind kind;
  std::string_view word;      ///< "gpu", for messages
  std::string_view plural;    ///< "gpus", the name that `gpuhours list` takes
  std::string_view key_path;  ///< where a scenario refers to it: "cluster.gpu"
  std::string_view folder;    ///< below the root: "hardware/gpus"
};

/// Every kind, in the order of the enum.
const std::vector<CatalogueFolder>& catalogue_folders();
const CatalogueFolder& catalogue_folder(CatalogueKind kind);
/// The kind whose ids stand at `key_path` of a scenario, or null.
const CatalogueFolder* catalogue_at(std::string_view key_path);

/// Ids of `kind`, sorted; empty when the folder is missing.
std::vector<std::string> catalogue_ids(CatalogueKind kind, const std::string& root);
/// "<root>/hardware/gpus/h800_sxm.yaml"; the file need not exist.
std::string catalogue_file(CatalogueKind kind, const std::string& id, const std::string& root);
/// "<root>/calibration/stacks/fits/nemo.yaml"; the file need not exist.
std::string stack_fit_file(const std::string& id, const std::string& root);

/// One entry by id, with its `extends` followed; empty with errors (unknown id, mistakes in the file) in `diagnostics`.
std::optional<Architecture> read_architecture(const std::string& id, const std::string& root, Diagnostics& diagnostics);
std::optional<Gpu> read_gpu(const std::string& id, const std::string& root, Diagnostics& diagnostics);
std::optional<Node> read_node(const std::string& id, const std::string& root, Diagnostics& diagnostics);
std::optional<Fabric> read_fabric(const std::string& id, const std::string& root, Diagnostics& diagnostics);
std::optional<PrecisionRecipe> read_precision(const std::string& id, const std::string& root, Diagnostics& diagnostics);
std::optional<Stack> read_stack(const std::string& id, const std::string& root, Diagnostics& diagnostics);
/// The stack as its profile says, without what was fitted.
std::optional<Stack> read_stack_profile(const std::string& id, const std::string& root, Diagnostics& diagnostics);
std::optional<Pricing> read_pricing(const std::string& id, const std::string& root, Diagnostics& diagnostics);
std::optional<Reliability> read_reliability(const std::string& id, const std::string& root, Diagnostics& diagnostics);
std::optional<Capital> read_capital(const std::string& id, const std::string& root, Diagnostics& diagnostics);
std::optional<OwnershipTerms> read_terms(const std::string& id, const std::string& root, Diagnostics& diagnostics);
std::optional<PowerGrid> read_grid(const std::string& id, const std::string& root, Diagnostics& diagnostics);

/// A GPU from the catalogue (an id) or a file (YAML of the same keys, which may extend an id), with `overrides`
/// ("nvlink_per_direction=200 GB/s") laid over it and its caps applied.
std::optional<Gpu> read_gpu_with(const std::string& id_or_file, const std::vector<std::string>& overrides,
                                 const std::string& root, Diagnostics& diagnostics);

/// Keys of a catalogue file that no `sources` entry names ("memory_bandwidth"; `peak_dense` stands for its formats).
/// Text, choices and references to other entries need none. Empty when all are named or the file cannot be read.
std::vector<std::string> unsourced_keys(CatalogueKind kind, const std::string& id, const std::string& root);

}  // namespace gpuhours
