#include "command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/atomic_file.hpp"
#include "estimate/data_paths.hpp"

namespace gpuhours::cli {
namespace {

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
  command.add_option("--data", options.data, "folder of the catalogue (models/, hardware/, calibration/)")
      ->type_name("DIR");
}

void print(const Diagnostics& diagnostics, const CommonOptions& options) {
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (options.quiet && diagnostic.severity == Severity::warning) continue;
    std::fputs(text(diagnostic).c_str(), stderr);
  }
}

TextStyle style(const CommonOptions& options) {
  const bool terminal = options.output.empty() && ::isatty(STDOUT_FILENO) == 1;
  return {color_wanted(choice(options.color), terminal, std::getenv("NO_COLOR"), std::getenv("TERM"))};
}

int deliver(const std::string& content, const CommonOptions& options, int code) {
  if (!options.output.empty()) {
    const std::string failure = write_whole_file(options.output, content);
    if (failure.empty()) return code;
    fmt::print(stderr, "gpuhours: error: {}\n", failure);
    return kBadInput;
  }
  errno = 0;
  const bool written = std::fwrite(content.data(), 1, content.size(), stdout) == content.size();
  if ((written && std::fflush(stdout) == 0) || errno == EPIPE) return code;
  fmt::print(stderr, "gpuhours: error: cannot write the result: {}\n", std::strerror(errno));
  return kBadInput;
}

int with_catalogue(const CommonOptions& options, const std::function<int(const DataPaths&, Diagnostics&)>& body) {
  Diagnostics diagnostics;
  const DataPaths paths = data_paths(options.data, diagnostics);
  const int code = diagnostics.has_errors() ? kBadInput : body(paths, diagnostics);
  print(diagnostics, options);
  return diagnostics.has_errors() ? kBadInput : code;
}

}  // namespace gpuhours::cli
