#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "catalogue_entries.hpp"
#include "command.hpp"

namespace gpuhours::cli {
namespace {

struct ShowCommand {
  CommonOptions common;
  std::string id;
};

int run(const ShowCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    std::vector<std::string> all;
    std::string out;
    for (const CatalogueFolder& folder : catalogue_folders()) {
      const std::vector<std::string> ids = catalogue_ids(folder.kind, paths.root);
      all.insert(all.end(), ids.begin(), ids.end());
      if (std::find(ids.begin(), ids.end(), command.id) == ids.end()) continue;
      const auto entry = catalogue_entry(folder.kind, command.id, paths.root, diagnostics);
      if (!entry) return kBadInput;
      if (command.common.format == "json") return deliver(show_json(*entry), command.common);
      if (command.common.format == "csv") return deliver(list_csv({*entry}), command.common);
      if (!out.empty()) out += "\n";
      out += fmt::format("{} {}", folder.word, show_text(*entry, style(command.common)));
    }
    if (!out.empty()) return deliver(out, command.common);
    const std::string near = nearest(command.id, all);
    diagnostics.error({}, fmt::format("the catalogue has no '{}'", command.id),
                      near.empty() ? "see gpuhours list" : fmt::format("did you mean '{}'?", near));
    return kBadInput;
  });
}

}  // namespace

void add_show(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<ShowCommand>();
  CLI::App* sub = app.add_subcommand("show", "one entry of the catalogue with its sources");
  sub->add_option("ID", command->id, "id, as `gpuhours list` prints it")->required();
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
