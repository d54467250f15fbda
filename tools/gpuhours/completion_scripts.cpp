#include <fmt/format.h>
#include <fmt/ranges.h>

#include "completion_words.hpp"

namespace gpuhours::cli {
namespace {

/// `text` with `from` replaced by `to`.
std::string replaced(const std::string& text, std::string_view from, std::string_view to) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text.compare(at, from.size(), from) == 0) {
      out += to;
      at += from.size();
    } else {
      out += text[at++];
    }
  }
  return out;
}

std::string shell_quoted(const std::string& text) { return "'" + replaced(text, "'", "'\\''") + "'"; }

std::vector<std::string> names(const std::vector<CommandWords>& commands) {
  std::vector<std::string> all;
  for (const CommandWords& command : commands) all.push_back(command.name);
  return all;
}

// --- bash

/// What fills COMPREPLY for an argument.
std::string bash_action(const OptionWords& option) {
  switch (option.kind) {
    case ArgumentKind::choice:
      return fmt::format("_gpuhours_words \"{}\"", fmt::join(option.choices, " "));
    case ArgumentKind::key_path:
      return "_gpuhours_paths";
    case ArgumentKind::catalogue_id:
      return fmt::format("_gpuhours_words \"$(\"$program\" completions ids {} 2>/dev/null)\"", option.ids);
    case ArgumentKind::catalogue_kind:
      return "_gpuhours_words \"$(\"$program\" completions kinds 2>/dev/null)\"";
    case ArgumentKind::file:
      return "_gpuhours_files -f";
    case ArgumentKind::folder:
      return "_gpuhours_files -d";
    case ArgumentKind::any:
    case ArgumentKind::none:
      return ":";
  }
  return ":";
}

constexpr const char* kBashHead = R"sh(# Completion of gpuhours for bash, made by `gpuhours completions bash`.

_gpuhours_words() { COMPREPLY=($(compgen -W "$1" -- "$cur")); }

_gpuhours_files() {
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "$1" -- "$cur"))
}

# A scenario's key, and behind its '=' what may stand there; behind a comma the next value.
_gpuhours_paths() {
  if [[ -n $path ]]; then
    local before=
    [[ $cur == *,* ]] && before=${cur%,*},
    COMPREPLY=($(compgen -P "$before" -W "$("$program" completions values "$path" 2>/dev/null)" -- "${cur##*,}"))
    [[ $option == --vary ]] && compopt -o nospace 2>/dev/null
  else
    COMPREPLY=($(compgen -S = -W "$("$program" completions paths 2>/dev/null)" -- "$cur"))
    compopt -o nospace 2>/dev/null
  fi
}

_gpuhours() {
  local program=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD-1]} path= command= i
  COMPREPLY=()
  # readline takes a=b for three words
  if [[ $cur == = ]]; then
    path=$option cur= option=${COMP_WORDS[COMP_CWORD-2]}
  elif [[ $option == = ]]; then
    path=${COMP_WORDS[COMP_CWORD-2]} option=${COMP_WORDS[COMP_CWORD-3]}
  fi
  [[ $path == --* ]] && option=$path path=
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
)sh";

}  // namespace

std::string bash_completion(const std::vector<CommandWords>& commands) {
  std::string out = kBashHead;
  out += fmt::format("      {}) command=${{COMP_WORDS[i]}}; break ;;\n    esac\n  done\n",
                     fmt::join(names(commands), "|"));
  out += fmt::format("  if [[ -z $command ]]; then\n    _gpuhours_words \"{} --help --version\"\n    return\n  fi\n",
                     fmt::join(names(commands), " "));
  out += "  case $command:$option in\n";
  for (const CommandWords& command : commands) {
    for (const OptionWords& option : command.options) {
      if (option.kind == ArgumentKind::none) continue;
      std::vector<std::string> patterns;
      for (const std::string& spelling : option.spellings) {
        patterns.push_back(fmt::format("{}:{}", command.name, spelling));
      }
      out += fmt::format("    {}) {}; return ;;\n", fmt::join(patterns, "|"), bash_action(option));
    }
  }
  out += "  esac\n  case $command in\n";
  for (const CommandWords& command : commands) {
    std::vector<std::string> spellings;
    for (const OptionWords& option : command.options) spellings.push_back(option.spellings.back());
    const std::string positional = command.positionals.empty() ? ":" : bash_action(command.positionals.front());
    out += fmt::format(
        "    {})\n      if [[ $cur == -* ]]; then\n        _gpuhours_words \"{}\"\n      else\n"
        "        {}\n      fi ;;\n",
        command.name, fmt::join(spellings, " "), positional);
  }
  return out + "  esac\n}\n\ncomplete -F _gpuhours gpuhours\n";
}

// --- zsh

namespace {

std::string zsh_action(const OptionWords& option) {
  switch (option.kind) {
    case ArgumentKind::choice:
      return fmt::format("({})", fmt::join(option.choices, " "));
    case ArgumentKind::key_path:
      return "_gpuhours_paths";
    case ArgumentKind::catalogue_id:
      return fmt::format("_gpuhours_ids {}", option.ids);
    case ArgumentKind::catalogue_kind:
      return "_gpuhours_kinds";
    case ArgumentKind::file:
      return "_files";
    case ArgumentKind::folder:
      return "_files -/";
    case ArgumentKind::any:
    case ArgumentKind::none:
      return " ";
  }
  return " ";
}

/// Text inside [...] of an _arguments specification.
std::string zsh_help(const std::string& help) {
  std::string out;
  for (const char c : help) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

void add_zsh_options(const CommandWords& command, std::string& out) {
  for (const OptionWords& option : command.options) {
    for (const std::string& spelling : option.spellings) {
      std::string one = fmt::format("{}{}[{}]", option.repeatable ? "*" : "", spelling, zsh_help(option.help));
      if (option.kind != ArgumentKind::none) one += fmt::format(":{}:{}", option.value, zsh_action(option));
      out += fmt::format("        {} \\\n", shell_quoted(one));
    }
  }
  for (const OptionWords& positional : command.positionals) {
    const std::string place = positional.repeatable ? "*" : "1";
    out += fmt::format("        {} \\\n",
                       shell_quoted(fmt::format("{}:{}:{}", place, positional.value, zsh_action(positional))));
  }
}

constexpr const char* kZshHead = R"sh(#compdef gpuhours
# Completion of gpuhours for zsh, made by `gpuhours completions zsh`.

_gpuhours_ids() { local -a ids=(${(f)"$(gpuhours completions ids $1 2>/dev/null)"}); compadd -a ids }
_gpuhours_kinds() { local -a kinds=(${(f)"$(gpuhours completions kinds 2>/dev/null)"}); compadd -a kinds }

# A scenario's key, and behind its '=' what may stand there.
_gpuhours_paths() {
  local -a found
  if compset -P 1 '*='; then
    local key=${IPREFIX%=}
    key=${key##*=}
    compset -P '*,'
    found=(${(f)"$(gpuhours completions values $key 2>/dev/null)"})
    compadd -a found
  else
    found=(${(f)"$(gpuhours completions paths 2>/dev/null)"})
    compadd -S = -a found
  fi
}

_gpuhours() {
  local state line
  local -a commands=(
)sh";

}  // namespace

std::string zsh_completion(const std::vector<CommandWords>& commands) {
  std::string out = kZshHead;
  for (const CommandWords& command : commands) {
    out += fmt::format("    {}\n", shell_quoted(command.name + ":" + replaced(command.help, ":", "\\:")));
  }
  out +=
      "  )\n  _arguments -C '--help[help]' '--version[version]' '1:command:->command' '*::argument:->argument'\n"
      "  case $state in\n    command) _describe command commands ;;\n    argument)\n      case $words[1] in\n";
  for (const CommandWords& command : commands) {
    out += fmt::format("      {}) _arguments \\\n", command.name);
    add_zsh_options(command, out);
    out += "        ;;\n";
  }
  return out + "      esac ;;\n  esac\n}\n\n_gpuhours \"$@\"\n";
}

// --- fish

namespace {

std::string fish_quoted(const std::string& text) {
  return "'" + replaced(replaced(text, "\\", "\\\\"), "'", "\\'") + "'";
}

/// The part behind the option that says what its value may be.
std::string fish_action(const OptionWords& option) {
  switch (option.kind) {
    case ArgumentKind::none:
      return "";
    case ArgumentKind::any:
      return " -x";
    case ArgumentKind::file:
      return " -r -F";
    case ArgumentKind::folder:
      return " -x -a '(__fish_complete_directories)'";
    case ArgumentKind::choice:
      return fmt::format(" -x -a '{}'", fmt::join(option.choices, " "));
    case ArgumentKind::key_path:
      return " -x -a '(__gpuhours_paths)'";
    case ArgumentKind::catalogue_id:
      return fmt::format(" -x -a '(gpuhours completions ids {} 2>/dev/null)'", option.ids);
    case ArgumentKind::catalogue_kind:
      return " -x -a '(gpuhours completions kinds 2>/dev/null)'";
  }
  return "";
}

constexpr const char* kFishHead = R"sh(# Completion of gpuhours for fish, made by `gpuhours completions fish`.

# A scenario's key, and behind its '=' what may stand there.
function __gpuhours_paths
    set -l token (commandline -ct)
    if string match -q '*=*' -- $token
        set -l key (string split -m 1 = -- $token)[1]
        for value in (gpuhours completions values $key 2>/dev/null)
            echo $key=$value
        end
    else
        for key in (gpuhours completions paths 2>/dev/null)
            echo $key=
        end
    end
end

complete -c gpuhours -f
)sh";

}  // namespace

std::string fish_completion(const std::vector<CommandWords>& commands) {
  std::string out = kFishHead;
  for (const CommandWords& command : commands) {
    out += fmt::format("complete -c gpuhours -n __fish_use_subcommand -a {} -d {}\n", command.name,
                       fish_quoted(command.help));
  }
  for (const CommandWords& command : commands) {
    const std::string when = fmt::format("-n '__fish_seen_subcommand_from {}'", command.name);
    for (const OptionWords& option : command.options) {
      std::string spellings;
      for (const std::string& spelling : option.spellings) {
        spellings += spelling.starts_with("--") ? " -l " + spelling.substr(2) : " -s " + spelling.substr(1);
      }
      out += fmt::format("complete -c gpuhours {}{}{} -d {}\n", when, spellings, fish_action(option),
                         fish_quoted(option.help));
    }
    if (command.positionals.empty()) continue;
    const std::string action = fish_action(command.positionals.front());
    const std::string files = replaced(action, " -r -F", " -F");
    out += fmt::format("complete -c gpuhours {}{}\n", when, replaced(files, " -x -a", " -a"));
  }
  return out;
}

}  // namespace gpuhours::cli
