#include "command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/atomic_file.hpp"
#include "core/csv.hpp"
#include "core/visible.hpp"
#include "estimate/data_paths.hpp"
#include "fault.hpp"

namespace gpuhours::cli {
namespace {

// Of `list gpus`, with the stacks of its threads.
constexpr double kLeastMemory = 64e6;

ColorChoice choice(const std::string& color) {
  return color == "always" ? ColorChoice::always : color == "never" ? ColorChoice::never : ColorChoice::automatic;
}

/// One of `words`; the message names the nearest.
CLI::Validator one_of(const std::vector<std::string>& words) {
  const auto check = [words](const std::string& given) -> std::string {
    for (const std::string& word : words) {
      if (given == word) return {};
    }
    const std::string near = nearest(given, words);
    return fmt::format("'{}' is not one of {}{}", given, fmt::join(words, ", "),
                       near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  };
  return {check, fmt::format("{}", fmt::join(words, "|"))};
}

/// Bounds the memory while the command line is still being read.
void take_memory_bound(const std::string& text) {
  const ParsedNumber parsed = parse_quantity(text, Unit::data);
  std::string failure = parsed.error.message;
  if (!parsed.error.hint.empty()) failure += ": " + parsed.error.hint;
  if (parsed.value)
    failure = *parsed.value >= kLeastMemory ? bound_memory(*parsed.value)
                                            : fmt::format("'{}' is less than the {} that every command needs", text,
                                                          rounded_text(kLeastMemory, Unit::data));
  if (!failure.empty()) throw CLI::ValidationError("--max-memory: " + failure);
}

}  // namespace

std::vector<std::string> CommonOptions::overrides() const {
  std::vector<std::string> all = sets;
  if (seed) all.push_back(fmt::format("engine.seed={}", *seed));
  return all;
}

void add_common(CLI::App& command, CommonOptions& options) {
  command.add_option("--set", options.sets, "replace a value of the scenario: a.b.c=value (repeatable)")
      ->allow_extra_args(false);
  command.add_option("--format", options.format, "form of the result")->transform(one_of({"table", "json", "csv"}));
  command.add_option("-o,--output", options.output, "write the result to FILE, whole or not at all")->type_name("FILE");
  command.add_option("--jobs", options.jobs, "threads, 0: one a core")->check(CLI::Range(0, 4096));
  command.add_option("--seed", options.seed, "seed of the random streams, the same as --set engine.seed=N");
  command.add_flag("-q,--quiet", options.quiet, "no warnings");
  command.add_option("--color", options.color, "colour in tables")->transform(one_of({"auto", "always", "never"}));
  command
      .add_option_function<std::string>("--max-memory", take_memory_bound,
                                        "end, with a message, where more memory would be needed (\"4 GiB\")")
      ->type_name("SIZE");
  command.add_option("--data", options.data, "folder of the catalogue (models/, hardware/, calibration/)")
      ->type_name("DIR");
}

CLI::Validator number_from(double low, double high) {
  const auto check = [low, high](const std::string& given) -> std::string {
    const std::optional<double> number = finite_number(given);
    if (number && *number >= low && *number <= high) return {};
    return fmt::format("'{}' is not a number from {} to {}", given, low, high);
  };
  return {check, fmt::format("{} to {}", low, high)};
}

std::optional<double> option_quantity(std::string_view option, const std::string& text, Unit unit,
                                      Diagnostics& diagnostics, bool unit_optional, bool zero) {
  const ParsedNumber parsed = parse_quantity(text, unit, unit_optional);
  if (!parsed.value) {
    diagnostics.error({}, fmt::format("{}: {}", option, parsed.error.message), parsed.error.hint);
  } else if (*parsed.value < 0 || (!zero && *parsed.value == 0)) {
    diagnostics.error({}, fmt::format("{}: '{}' is {}", option, text, zero ? "below 0" : "not above 0"));
  } else {
    return parsed.value;
  }
  return std::nullopt;
}

void print(const Diagnostics& diagnostics, const CommonOptions& options) {
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (options.quiet && diagnostic.severity == Severity::warning) continue;
    say(text(diagnostic));
  }
  if (diagnostics.left_out() > 0) say(fmt::format("... and {} more\n", diagnostics.left_out()));
  if (diagnostics.has_faults()) say(fault_report() + "\n");
}

TextStyle style(const CommonOptions& options) {
  const bool terminal = options.output.empty() && ::isatty(STDOUT_FILENO) == 1;
  return {color_wanted(choice(options.color), terminal, std::getenv("NO_COLOR"), std::getenv("TERM"))};
}

int deliver(const std::string& content, const CommonOptions& options, int code) {
  if (!options.output.empty()) {
    const std::string failure = write_whole_file(options.output, content);
    if (failure.empty()) return code;
    say(fmt::format("gpuhours: error: {}\n", visible_line(failure)));
    return kBadInput;
  }
  // A table is for the eye wherever it goes; what other programs read is left as it is, but not on a terminal.
  const bool eye = options.format == "table" || ::isatty(STDOUT_FILENO) == 1;
  const std::string shown = !eye ? content : style(options).color ? visible_report(content) : visible(content);
  errno = 0;
  const bool written = std::fwrite(shown.data(), 1, shown.size(), stdout) == shown.size();
  if ((written && std::fflush(stdout) == 0) || errno == EPIPE) return code;
  say(fmt::format("gpuhours: error: cannot write the result: {}\n", std::strerror(errno)));
  return kBadInput;
}

int with_catalogue(const CommonOptions& options, const std::function<int(const DataPaths&, Diagnostics&)>& body) {
  Diagnostics diagnostics;
  const DataPaths paths = data_paths(options.data, diagnostics);
  const int code = diagnostics.has_errors() ? kBadInput : body(paths, diagnostics);
  print(diagnostics, options);
  return diagnostics.has_faults() ? kInternalFault : diagnostics.has_errors() ? kBadInput : code;
}

}  // namespace gpuhours::cli
