#pragma once
// The commands and options as plain data, read off the declarations: what completions and the manual page are made of.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace gpuhours::cli {

/// What stands behind an option, or is a positional argument.
enum class ArgumentKind { none, any, file, folder, choice, key_path, catalogue_id, catalogue_kind };

struct OptionWords {
  std::vector<std::string> spellings;  ///< "-o", "--output"; the name of a positional
  std::string help;
  std::string value;  ///< "FILE", empty for a flag
  ArgumentKind kind = ArgumentKind::none;
  std::vector<std::string> choices;
  std::string ids;  ///< of catalogue_id: plural of the kind, empty for every kind
  bool required = false;
  bool repeatable = false;
};

struct CommandWords {
  std::string name;
  std::string help;
  std::vector<OptionWords> options;
  std::vector<OptionWords> positionals;
};

/// Every command that `gpuhours --help` shows, in that order.
std::vector<CommandWords> command_words(const CLI::App& app);

}  // namespace gpuhours::cli
