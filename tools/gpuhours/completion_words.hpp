#pragma once
// Words that depend on the catalogue and the keys, asked for while a line is being completed, and the scripts that ask.

#include <string>
#include <vector>

#include "command_words.hpp"

namespace gpuhours::cli {

/// Scripts of the three shells.
std::string bash_completion(const std::vector<CommandWords>& commands);
std::string zsh_completion(const std::vector<CommandWords>& commands);
std::string fish_completion(const std::vector<CommandWords>& commands);

/// gpuhours(1) in man's macros.
std::string manual_page(const std::vector<CommandWords>& commands);

}  // namespace gpuhours::cli
