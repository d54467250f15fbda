// gpuhours: what a training run will cost, from measured kernels. Commands and exit codes: DESIGN 3.1.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "command.hpp"
#include "core/diagnostic.hpp"
#include "core/visible.hpp"
#include "fault.hpp"

namespace {

using namespace gpuhours;

/// Every option that may be written where `app` stands, and its commands.
std::vector<std::string> spellings(const CLI::App& app) {
  std::vector<std::string> all;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) all.push_back("--" + name);
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    all.push_back(command->get_name());
  }
  return all;
}

int usage_error(const CLI::App& app, const std::string& message, const std::string& hint) {
  Diagnostics diagnostics;
  const CLI::App* command = app.get_subcommands().empty() ? nullptr : app.get_subcommands().front();
  const std::string help =
      command == nullptr ? "gpuhours --help" : fmt::format("gpuhours {} --help", command->get_name());
  diagnostics.error({"gpuhours", 0, 0, {}}, message, hint.empty() ? fmt::format("see {}", help) : hint);
  cli::say(text(diagnostics));
  return cli::kBadInput;
}

/// What was not understood, with the nearest spelling.
int unknown_argument(const CLI::App& app) {
  const std::vector<std::string> extras = app.remaining(true);
  const std::string word = extras.empty() ? "" : extras.front().substr(0, extras.front().find('='));
  const CLI::App* command = app.get_subcommands().empty() ? nullptr : app.get_subcommands().front();
  const std::string near = nearest(word, spellings(command == nullptr ? app : *command));
  const bool option = word.starts_with("-");
  const char* kind = option ? "option" : command == nullptr ? "command" : "argument";
  return usage_error(app, fmt::format("unknown {} '{}'", kind, word),
                     near.empty() ? "" : fmt::format("did you mean '{}'?", near));
}

int parse_error(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    app.exit(error);  // --help, --version
    return std::cout.flush().good() ? cli::kGood : cli::kBadInput;
  }
  if (!app.remaining(true).empty()) return unknown_argument(app);
  if (app.get_subcommands().empty()) return usage_error(app, "a command is missing", "");
  return usage_error(app, error.what(), "");
}

int run(int argc, char** argv) {
  CLI::App app("gpuhours: what a training run will cost, from measured kernels", "gpuhours");
  app.set_version_flag("--version", "gpuhours " GPUHOURS_VERSION);
  app.require_subcommand(1);
  int exit_code = cli::kGood;
  for (const auto add :
       {cli::add_estimate, cli::add_compare, cli::add_search, cli::add_sweep, cli::add_plan, cli::add_explain,
        cli::add_validate, cli::add_list, cli::add_show, cli::add_schema, cli::add_collective, cli::add_trace,
        cli::add_calibrate, cli::add_claims, cli::add_completions, cli::add_man}) {
    add(app, exit_code);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return parse_error(app, error);
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  cli::prepare_for_faults(argc, argv);
  std::string what = "an exception of an unknown kind";
  try {
    return run(argc, argv);
  } catch (const std::exception& fault) {
    what = fault.what();
  } catch (...) {  // said below
  }
  cli::say(fmt::format("gpuhours: internal fault: {}\n{}\n", visible_line(what), cli::fault_report()));
  return cli::kInternalFault;
}
