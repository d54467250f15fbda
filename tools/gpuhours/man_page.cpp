#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "completion_words.hpp"

namespace gpuhours::cli {
namespace {

/// Text that troff prints as it is.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'' || c == '`') {
      out += c == '\'' ? "\\(aq" : "\\(ga";
    } else {
      out += c;
    }
  }
  return out.starts_with(".") ? "\\&" + out : out;
}

std::string sentence(std::string text) {
  if (!text.empty() && text.back() != '.') text += '.';
  return plain(text);
}

std::string option_entry(const OptionWords& option) {
  std::vector<std::string> spellings;
  for (const std::string& spelling : option.spellings) spellings.push_back("\\fB" + plain(spelling) + "\\fR");
  std::string entry = fmt::format(".TP\n{}", fmt::join(spellings, ", "));
  if (!option.choices.empty()) {
    entry += fmt::format(" {}", plain(fmt::format("{}", fmt::join(option.choices, "|"))));
  } else if (!option.value.empty()) {
    entry += fmt::format(" \\fI{}\\fR", plain(option.value));
  }
  return entry + "\n" + sentence(option.help) + "\n";
}

bool same(const OptionWords& a, const OptionWords& b) { return a.spellings == b.spellings && a.help == b.help; }

bool has(const CommandWords& command, const OptionWords& option) {
  return std::any_of(command.options.begin(), command.options.end(),
                     [&](const OptionWords& other) { return same(other, option); });
}

/// Options that all or all but one command share: described once.
std::vector<OptionWords> common_options(const std::vector<CommandWords>& commands) {
  std::vector<OptionWords> common;
  if (commands.empty()) return common;
  for (const OptionWords& option : commands.front().options) {
    const auto holders = std::count_if(commands.begin(), commands.end(),
                                       [&](const CommandWords& command) { return has(command, option); });
    if (holders + 1 >= static_cast<std::ptrdiff_t>(commands.size())) common.push_back(option);
  }
  return common;
}

std::string synopsis(const CommandWords& command) {
  std::string line = fmt::format("\\fBgpuhours {}\\fR", plain(command.name));
  for (const OptionWords& positional : command.positionals) {
    const std::string name = fmt::format("\\fI{}\\fR{}", plain(positional.value), positional.repeatable ? "..." : "");
    line += positional.required ? " " + name : " [" + name + "]";
  }
  return line + " [\\fIoptions\\fR]";
}

constexpr const char* kTail = R"(.SH EXIT STATUS
.TP
0
Good.
.TP
1
Infeasible: it does not fit in memory or meets no budget; the result is printed in full all the same.
.TP
2
Bad usage or input.
.TP
3
Internal fault.
.SH ENVIRONMENT
.TP
.B GPUHOURS_DATA
Folder of the catalogue (models, hardware, calibration); \-\-data comes first.
.TP
.B NO_COLOR
No colour in tables.
)";

}  // namespace

std::string manual_page(const std::vector<CommandWords>& commands) {
  std::string out = fmt::format(
      ".TH GPUHOURS 1 \"\" \"gpuhours {}\" \"User Commands\"\n.SH NAME\ngpuhours \\- what a training run will cost, "
      "from measured kernels\n.SH SYNOPSIS\n",
      GPUHOURS_VERSION);
  for (const CommandWords& command : commands) out += synopsis(command) + "\n.br\n";
  out +=
      ".SH DESCRIPTION\nFrom one scenario file gpuhours predicts step time, memory, GPU hours, dollars and energy of "
      "the training of a large language model, and says how sure it is and why.\nResults go to standard output, all "
      "else to standard error.\n.SH COMMANDS\n";
  const std::vector<OptionWords> common = common_options(commands);
  const auto is_common = [&](const OptionWords& option) {
    return std::any_of(common.begin(), common.end(), [&](const OptionWords& other) { return same(other, option); });
  };
  for (const CommandWords& command : commands) {
    out += fmt::format(".SS {}\n{}\n", plain(command.name), sentence(command.help));
    for (const OptionWords& positional : command.positionals) {
      out += fmt::format(".TP\n\\fI{}\\fR\n{}\n", plain(positional.value), sentence(positional.help));
    }
    for (const OptionWords& option : command.options) {
      if (!is_common(option)) out += option_entry(option);
    }
  }
  out += ".SH OPTIONS OF EVERY COMMAND\n";
  for (const OptionWords& option : common) out += option_entry(option);
  return out + kTail;
}

}  // namespace gpuhours::cli
