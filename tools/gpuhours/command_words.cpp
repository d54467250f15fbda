#include "command_words.hpp"

#include <algorithm>

namespace gpuhours::cli {
namespace {

/// The words of "a|b|c" or "{a,b,c}", what a validator says of itself; empty for another text.
std::vector<std::string> words_of(std::string text) {
  const bool braces = text.size() > 2 && text.front() == '{' && text.back() == '}';
  if (braces) text = text.substr(1, text.size() - 2);
  const char separator = braces ? ',' : '|';
  if (text.find(separator) == std::string::npos) return {};
  std::vector<std::string> words{""};
  for (const char c : text) {
    if (c == separator) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

/// Options whose value is an id of the catalogue, with the kind's plural.
std::string catalogue_plural(const std::string& option) {
  if (option == "gpu") return "gpus";
  if (option == "system") return "systems";
  if (option == "stack") return "stacks";
  if (option == "pricing") return "prices";
  if (option == "precision") return "precisions";
  return "";
}

bool is_key_path(const std::string& option) { return option == "set" || option == "vary" || option == "range"; }

void set_kind(OptionWords& words, const std::string& name, const std::string& type) {
  if (!words.choices.empty()) {
    words.kind = ArgumentKind::choice;
  } else if (is_key_path(name)) {
    words.kind = ArgumentKind::key_path;
  } else if (type == "DIR") {
    words.kind = ArgumentKind::folder;
  } else if (!catalogue_plural(name).empty()) {
    words.kind = ArgumentKind::catalogue_id;
    words.ids = catalogue_plural(name);
  } else if (type == "FILE") {
    words.kind = ArgumentKind::file;
  } else {
    words.kind = ArgumentKind::any;
  }
}

OptionWords option_words(const CLI::Option& option) {
  OptionWords words;
  for (const std::string& name : option.get_snames()) words.spellings.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) words.spellings.push_back("--" + name);
  words.help = option.get_description();
  words.required = option.get_required();
  words.repeatable = option.get_items_expected_max() > 1;
  if (option.get_items_expected_max() == 0) return words;
  const std::string type = option.get_type_name();  // "TEXT:table|json|csv", "INT:INT in [0 - 4096]", "FILE"
  const std::size_t colon = type.find(':');
  if (colon != std::string::npos) words.choices = words_of(type.substr(colon + 1));
  words.value = type.substr(0, colon);
  set_kind(words, option.get_lnames().empty() ? "" : option.get_lnames().front(), words.value);
  return words;
}

OptionWords positional_words(const CLI::Option& option) {
  OptionWords words;
  words.spellings = {option.get_name(true)};
  words.help = option.get_description();
  words.required = option.get_required();
  words.repeatable = option.get_items_expected_max() > 1;
  words.value = words.spellings.front();
  words.kind = words.value == "ID"     ? ArgumentKind::catalogue_id
               : words.value == "KIND" ? ArgumentKind::catalogue_kind
                                       : ArgumentKind::file;
  return words;
}

}  // namespace

std::vector<CommandWords> command_words(const CLI::App& app) {
  std::vector<CommandWords> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_group().empty()) continue;  // hidden
    CommandWords words{command->get_name(), command->get_description(), {}, {}};
    for (const CLI::Option* option : command->get_options()) {
      if (option->get_positional()) {
        words.positionals.push_back(positional_words(*option));
      } else {
        words.options.push_back(option_words(*option));
      }
    }
    commands.push_back(std::move(words));
  }
  return commands;
}

}  // namespace gpuhours::cli
