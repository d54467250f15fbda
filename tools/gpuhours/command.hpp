#pragma once
// What the commands share: flags, exit codes, where results and messages go.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "estimate/estimate.hpp"
#include "report/text_table.hpp"
#include "scenario/unit_text.hpp"

namespace gpuhours::cli {

enum ExitCode { kGood = 0, kInfeasible = 1, kBadInput = 2, kInternalFault = 3 };

/// Flags that every command takes.
struct CommonOptions {
  std::vector<std::string> sets;
  std::string format = "table";
  std::string output;
  int jobs = 0;  ///< 0: one thread a core
  std::optional<std::uint64_t> seed;
  bool quiet = false;
  std::string color = "auto";
  std::string data;

  /// `sets`, and the seed as one more.
  [[nodiscard]] std::vector<std::string> overrides() const;
};

void add_common(CLI::App& command, CommonOptions& options);

/// A whole or decimal number from `low` to `high`; CLI::Range lets "nan" pass.
CLI::Validator number_from(double low, double high);

/// `text`, the value of `option`, as a quantity above 0 (or from 0 on, with `zero`); empty after an error. The one
/// reader of quantities on the command line.
std::optional<double> option_quantity(std::string_view option, const std::string& text, Unit unit,
                                      Diagnostics& diagnostics, bool unit_optional = false, bool zero = false);

/// Prints errors, and warnings unless --quiet, on stderr, and after a fault what to report.
void print(const Diagnostics& diagnostics, const CommonOptions& options);

/// Colour for what goes to stdout: none into a file.
TextStyle style(const CommonOptions& options);

/// Writes a result to stdout or whole to -o; returns `code`, or kBadInput after saying that it cannot be written. A
/// reader that has gone away is no failure.
int deliver(const std::string& content, const CommonOptions& options, int code = kGood);

/// Runs `body(paths, diagnostics)`, which returns an exit code, with the catalogue found; prints the diagnostics.
/// Errors in them win over the code, faults over errors.
int with_catalogue(const CommonOptions& options, const std::function<int(const DataPaths&, Diagnostics&)>& body);

/// Each registers one command, which leaves its exit code in `exit_code` when it is the one that was called.
void add_estimate(CLI::App& app, int& exit_code);
void add_compare(CLI::App& app, int& exit_code);
void add_explain(CLI::App& app, int& exit_code);
void add_validate(CLI::App& app, int& exit_code);
void add_list(CLI::App& app, int& exit_code);
void add_show(CLI::App& app, int& exit_code);
void add_schema(CLI::App& app, int& exit_code);
void add_collective(CLI::App& app, int& exit_code);
void add_trace(CLI::App& app, int& exit_code);
void add_calibrate(CLI::App& app, int& exit_code);
void add_search(CLI::App& app, int& exit_code);
void add_sweep(CLI::App& app, int& exit_code);
void add_plan(CLI::App& app, int& exit_code);
/// Hidden: what the build makes shell completions and the manual page with, and what completions ask for words.
void add_completions(CLI::App& app, int& exit_code);
void add_man(CLI::App& app, int& exit_code);
void add_claims(CLI::App& app, int& exit_code);

}  // namespace gpuhours::cli
