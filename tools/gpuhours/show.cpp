#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "catalogue_entries.hpp"
#include "cluster/graph.hpp"
#include "command.hpp"
#include "core/atomic_file.hpp"
#include "report/rules_report.hpp"

namespace gpuhours::cli {
namespace {

/// Two nodes, or one that is a rack.
int nodes_drawn(const Node& node) { return node.gpus > 16 ? 1 : 2; }

struct ShowCommand {
  CommonOptions common;
  std::string id;
  std::string svg;
  std::string dot;
  bool rules = false;
  std::string date;
};

/// A GPU with --set laid over it, or one of a file; under export rules when asked.
int show_gpu(const ShowCommand& command, const std::string& root, Diagnostics& diagnostics) {
  const auto gpu = read_gpu_with(command.id, command.common.sets, root, diagnostics);
  if (!gpu) return kBadInput;
  const std::string& format = command.common.format;
  if (!command.rules) {
    if (format == "json") return deliver(show_json(*gpu), command.common);
    if (format == "csv") return deliver(list_csv({*gpu}), command.common);
    return deliver("gpu " + show_text(*gpu, style(command.common)), command.common);
  }
  const auto rules = export_rules(root, diagnostics);
  if (diagnostics.has_errors()) return kBadInput;
  const RulesReport report = rules_report(*gpu, rules, command.date);
  if (format == "json") return deliver(rules_json(report), command.common);
  if (format == "csv") return deliver(rules_csv(report), command.common);
  return deliver(rules_text(report, style(command.common)), command.common);
}

/// False after an error.
bool flags_fit(const ShowCommand& command, Diagnostics& diagnostics) {
  if (!command.date.empty() && !command.rules) {
    diagnostics.error({}, "--date needs --rules", "gpuhours show GPU --rules --date 2023-03");
  } else if (!command.date.empty() && !is_date(command.date)) {
    diagnostics.error({}, fmt::format("--date '{}' is not a date", command.date),
                      "write it like 2023-03 or 2023-03-21");
  }
  return !diagnostics.has_errors();
}

/// A GPU, node and fabric around the entry: a system as it is; a fabric or node with the first system that has it.
std::optional<SystemEntry> system_around(const std::string& id, const std::string& root, Diagnostics& diagnostics) {
  std::optional<SystemEntry> fallback;
  bool fabric = false;
  for (const std::string& other : catalogue_ids(CatalogueKind::fabric, root)) fabric = fabric || other == id;
  for (const std::string& name : catalogue_ids(CatalogueKind::system, root)) {
    auto system = read_system(name, root, diagnostics);
    if (!system) return std::nullopt;
    if (system->id == id || system->node == id || system->fabric == id) return system;
    if (fabric && system->id == "hgx_h100") fallback = system;
  }
  if (fallback) fallback->fabric = id;
  return fallback;
}

std::optional<Cluster> drawn_cluster(const ShowCommand& command, const std::string& root, Diagnostics& diagnostics) {
  const auto system = system_around(command.id, root, diagnostics);
  if (!system) {
    diagnostics.error({}, fmt::format("'{}' cannot be drawn", command.id), "a fabric, a node or a system can");
    return std::nullopt;
  }
  auto cluster = cluster_of(*system, root, diagnostics);
  // One node more than a rack, so that its NICs and switches are there.
  if (cluster) cluster->gpus = cluster->fabric.kind == FabricKind::none ? cluster->node.gpus : 2 * cluster->node.gpus;
  return cluster;
}

/// False after a diagnostic.
bool draw(const ShowCommand& command, const std::string& root, Diagnostics& diagnostics) {
  if (command.svg.empty() && command.dot.empty()) return true;
  const auto cluster = drawn_cluster(command, root, diagnostics);
  const auto graph = cluster ? cluster_graph(*cluster, {}, diagnostics) : nullptr;
  if (!graph) return false;
  const auto write = [&](const std::string& file, const std::string& picture) {
    const std::string failure = file.empty() ? "" : write_whole_file(file, picture);
    if (!failure.empty()) diagnostics.error({}, failure);
  };
  write(command.svg, svg(*graph, nodes_drawn(cluster->node)));
  write(command.dot, dot(*graph, nodes_drawn(cluster->node)));
  return !diagnostics.has_errors();
}

int run(const ShowCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    if (!flags_fit(command, diagnostics)) return kBadInput;
    const std::vector<std::string> gpus = catalogue_ids(CatalogueKind::gpu, paths.root);
    const bool hypothetical = command.id.ends_with(".yaml") || command.id.ends_with(".yml");
    const bool gpu = hypothetical || std::find(gpus.begin(), gpus.end(), command.id) != gpus.end();
    if (gpu && (hypothetical || command.rules || !command.common.sets.empty())) {
      return show_gpu(command, paths.root, diagnostics);
    }
    std::vector<std::string> all;
    std::vector<std::pair<std::string, CatalogueEntry>> found;
    for (const CatalogueFolder& folder : catalogue_folders()) {
      const std::vector<std::string> ids = catalogue_ids(folder.kind, paths.root);
      all.insert(all.end(), ids.begin(), ids.end());
      if (std::find(ids.begin(), ids.end(), command.id) == ids.end()) continue;
      const auto entry = catalogue_entry(folder.kind, command.id, paths.root, diagnostics);
      if (!entry) return kBadInput;
      found.emplace_back(folder.word, *entry);
    }
    if (found.empty()) {
      const std::string near = nearest(command.id, all);
      diagnostics.error({}, fmt::format("the catalogue has no '{}'", command.id),
                        near.empty() ? "see gpuhours list" : fmt::format("did you mean '{}'?", near));
      return kBadInput;
    }
    if (command.rules || !command.common.sets.empty()) {
      diagnostics.error({}, fmt::format("{} takes a GPU, '{}' is a {}", command.rules ? "--rules" : "--set here",
                                        command.id, found.front().first));
      return kBadInput;
    }
    if (!draw(command, paths.root, diagnostics)) return kBadInput;
    if (command.common.format == "json") return deliver(show_json(found.front().second), command.common);
    if (command.common.format == "csv") return deliver(list_csv({found.front().second}), command.common);
    std::string out;
    for (const auto& [word, entry] : found) {
      if (!out.empty()) out += "\n";
      out += fmt::format("{} {}", word, show_text(entry, style(command.common)));
    }
    return deliver(out, command.common);
  });
}

}  // namespace

void add_show(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<ShowCommand>();
  CLI::App* sub = app.add_subcommand("show", "one entry of the catalogue with its sources");
  sub->add_option("ID", command->id, "id, as `gpuhours list` prints it")->required();
  sub->add_flag("--rules", command->rules, "a GPU's class under each export rule; ID may be a YAML file of a GPU");
  sub->add_option("--date", command->date, "with --rules: what had begun by then, and what was in force")
      ->type_name("DATE");
  sub->add_option("--svg", command->svg, "draw a fabric, node or system: two nodes and their switches")
      ->type_name("FILE");
  sub->add_option("--dot", command->dot, "the same for Graphviz")->type_name("FILE");
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
