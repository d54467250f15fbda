#include <fmt/format.h>

#include <memory>

#include "catalogue_entries.hpp"
#include "command.hpp"

namespace gpuhours::cli {
namespace {

struct ListCommand {
  CommonOptions common;
  std::string kind;
};

std::vector<std::string> plurals() {
  std::vector<std::string> names;
  for (const CatalogueFolder& folder : catalogue_folders()) names.emplace_back(folder.plural);
  return names;
}

/// Every kind with its ids.
std::string overview(const std::string& root, TextStyle style) {
  std::string out;
  for (const CatalogueFolder& folder : catalogue_folders()) {
    out += fmt::format("{}\n  {}\n", bold(folder.plural, style), fmt::join(catalogue_ids(folder.kind, root), " "));
  }
  return out + "\n`gpuhours list KIND` gives figures, `gpuhours show ID` everything about one.\n";
}

int list_kind(const ListCommand& command, const CatalogueFolder& folder, const std::string& root,
              Diagnostics& diagnostics) {
  std::vector<CatalogueEntry> entries;
  for (const std::string& id : catalogue_ids(folder.kind, root)) {
    if (auto entry = catalogue_entry(folder.kind, id, root, diagnostics)) entries.push_back(std::move(*entry));
  }
  if (diagnostics.has_errors()) return kBadInput;
  const CommonOptions& options = command.common;
  if (options.format == "json") return deliver(list_json(std::string(folder.plural), entries), options);
  if (options.format == "csv") return deliver(list_csv(entries), options);
  return deliver(list_text(entries, style(options)), options);
}

int run(const ListCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    if (command.kind.empty() && command.common.format == "table") {
      return deliver(overview(paths.root, style(command.common)), command.common);
    }
    for (const CatalogueFolder& folder : catalogue_folders()) {
      if (folder.plural == command.kind) return list_kind(command, folder, paths.root, diagnostics);
    }
    const std::string near = nearest(command.kind, plurals());
    diagnostics.error(
        {},
        command.kind.empty() ? "--format json and csv list one kind" : fmt::format("unknown kind '{}'", command.kind),
        near.empty() ? fmt::format("the kinds are {}", fmt::join(plurals(), ", "))
                     : fmt::format("did you mean '{}'?", near));
    return kBadInput;
  });
}

}  // namespace

void add_list(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<ListCommand>();
  CLI::App* sub = app.add_subcommand("list", "what the catalogue holds");
  sub->add_option("KIND", command->kind, fmt::format("{}", fmt::join(plurals(), ", ")));
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
