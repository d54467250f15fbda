#include "plan/column_rules.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "scenario/blame.hpp"
#include "scenario/catalogue.hpp"

namespace gpuhours {
namespace {

/// The file that a value was written in lies in the catalogue's folder of `kind`.
bool written_in(const SourcePlace& place, CatalogueKind kind) {
  const std::filesystem::path folder = std::filesystem::path(place.file).parent_path();
  return folder.filename() == std::filesystem::path(catalogue_folder(kind).folder).filename();
}

}  // namespace

ColumnRules hardware_that_follows(const ResolvedScenario& resolved, const std::string& root, Diagnostics& diagnostics) {
  ColumnRules out;
  const Cluster& cluster = resolved.scenario.cluster;
  const YamlEntry* entry = find_path(resolved.document, "cluster.node");
  const YamlEntry* gpu = find_path(resolved.document, "cluster.gpu");
  if (entry == nullptr || gpu == nullptr) return out;
  const std::string& own = cluster.gpu.default_node;
  const bool by_system = written_in(entry->place, CatalogueKind::system);
  Node node = cluster.node;
  if (by_system && !own.empty() && own != node.id) {
    const std::optional<Node> follows = read_node(own, root, diagnostics);
    if (!follows) return out;
    node = *follows;
    out.overrides.push_back("cluster.node=" + own);
  }
  if (!by_system && !same_place(entry->place, gpu->place)) {
    if (!own.empty() && own != node.id) {
      out.notes.push_back(fmt::format("the scenario names its node, which stays: {}", node.id));
    }
    return out;
  }
  if (cluster.gpus <= node.gpus || cluster.gpus % node.gpus == 0) return out;
  int used = node.gpus;
  while (cluster.gpus % used != 0) --used;
  out.overrides.push_back(fmt::format("cluster.node.gpus={}", used));
  if (node.nvlink_domain == node.gpus) out.overrides.push_back(fmt::format("cluster.node.nvlink_domain={}", used));
  if (node.nics == node.gpus) out.overrides.push_back(fmt::format("cluster.node.nics={}", used));
  out.notes.push_back(fmt::format("{} of the {} GPUs of a node are used; its power counts whole", used, node.gpus));
  return out;
}

std::optional<std::string> latest_price(const std::string& gpu, const std::string& root, Diagnostics& diagnostics) {
  std::optional<Pricing> best;
  for (const std::string& id : catalogue_ids(CatalogueKind::pricing, root)) {
    std::optional<Pricing> one = read_pricing(id, root, diagnostics);
    if (!one || one->gpu != gpu || one->commitment != "on_demand") continue;
    const bool better =
        !best || one->date > best->date || (one->date == best->date && one->rent_per_gpu < best->rent_per_gpu);
    if (!better) continue;
    best = std::move(one);
    best->id = id;
  }
  return best ? std::optional(best->id) : std::nullopt;
}

}  // namespace gpuhours
