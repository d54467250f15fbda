#include <fmt/format.h>

#include <memory>

#include "command.hpp"
#include "completion_words.hpp"
#include "scenario/catalogue.hpp"
#include "scenario/key_tree.hpp"

namespace gpuhours::cli {
namespace {

struct CompletionsCommand {
  CommonOptions common;
  std::string what;
  std::string of;
};

/// "cluster.gpu", "cluster.gpus", ...: every path that --set takes.
void add_paths(const KeyNode& node, const std::string& prefix, std::vector<std::string>& paths) {
  for (const KeyNode& child : node.children) {
    const std::string path = prefix + child.name;
    if (child.name == "sources") continue;  // citations are nothing to vary
    if (child.shape != KeyNode::Shape::map || child.catalogue != nullptr) paths.push_back(path);
    if (child.shape == KeyNode::Shape::map) add_paths(child, path + ".", paths);
  }
}

/// What may stand behind "path=": ids, the words of a choice, true and false.
std::vector<std::string> values_at(const std::string& path, const std::string& root) {
  if (const CatalogueFolder* folder = catalogue_at(path)) return catalogue_ids(folder->kind, root);
  KeyNode key = scenario_keys();
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('.', start), path.size());
    const KeyNode* child = key.find(path.substr(start, end - start));
    if (child == nullptr) return {};
    KeyNode next = *child;
    key = std::move(next);
    start = end + 1;
  }
  if (key.type.kind == ValueType::Kind::flag) return {"true", "false"};
  return key.type.kind == ValueType::Kind::choice ? key.type.names : std::vector<std::string>{};
}

/// Ids of a kind by its plural, of every kind when that is empty.
std::vector<std::string> ids_of(const std::string& plural, const std::string& root) {
  std::vector<std::string> all;
  for (const CatalogueFolder& folder : catalogue_folders()) {
    if (!plural.empty() && folder.plural != plural) continue;
    const std::vector<std::string> ids = catalogue_ids(folder.kind, root);
    all.insert(all.end(), ids.begin(), ids.end());
  }
  return all;
}

std::vector<std::string> asked_words(const CompletionsCommand& command, const std::string& root) {
  std::vector<std::string> words;
  if (command.what == "paths") add_paths(scenario_keys(), "", words);
  if (command.what == "values") words = values_at(command.of, root);
  if (command.what == "ids") words = ids_of(command.of, root);
  if (command.what == "kinds") {
    for (const CatalogueFolder& folder : catalogue_folders()) words.emplace_back(folder.plural);
  }
  return words;
}

int run(const CLI::App& app, const CompletionsCommand& command) {
  const std::vector<CommandWords> commands = command_words(app);
  if (command.what == "bash") return deliver(bash_completion(commands), command.common);
  if (command.what == "zsh") return deliver(zsh_completion(commands), command.common);
  if (command.what == "fish") return deliver(fish_completion(commands), command.common);
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics&) {
    std::string out;
    for (const std::string& word : asked_words(command, paths.root)) out += word + "\n";
    return deliver(out, command.common);
  });
}

}  // namespace

void add_completions(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<CompletionsCommand>();
  CLI::App* sub = app.add_subcommand("completions", "the completion script of a shell, or words it asks for");
  sub->group("");
  sub->add_option("WHAT", command->what, "bash, zsh, fish; paths, values, ids, kinds")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish", "paths", "values", "ids", "kinds"}));
  sub->add_option("OF", command->of, "the path whose values, the kind whose ids");
  add_common(*sub, command->common);
  sub->callback([command, &app, &exit_code] { exit_code = run(app, *command); });
}

void add_man(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<CommonOptions>();
  CLI::App* sub = app.add_subcommand("man", "the manual page");
  sub->group("");
  add_common(*sub, *options);
  sub->callback([options, &app, &exit_code] { exit_code = deliver(manual_page(command_words(app)), *options); });
}

}  // namespace gpuhours::cli
