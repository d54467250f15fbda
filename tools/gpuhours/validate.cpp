#include "calibrate/validate.hpp"

#include <memory>
#include <set>

#include "calibrate/compact_runs.hpp"
#include "calibrate/run_explanation.hpp"
#include "command.hpp"
#include "report/validation_pairs.hpp"

namespace gpuhours::cli {
namespace {

struct ValidateCommand {
  CommonOptions common;
  std::string runs;
  std::vector<int> tiers{1, 2};
  std::string explain;
  std::string svg;
  std::string compact;
  bool markdown = false;
  bool pairs = false;
  bool leave_one_group_out = false;
};

std::string formatted(const ValidationReport& report, const ValidateCommand& command) {
  const CommonOptions& options = command.common;
  if (command.pairs) {
    const RunPairs pairs = run_pairs(report);
    const LayoutOrders orders = layout_orders(report);
    return options.format == "json"  ? pairs_json(pairs, orders)
           : options.format == "csv" ? pairs_csv(pairs, orders)
                                     : pairs_text(pairs, orders, style(options));
  }
  if (command.markdown) return accuracy_markdown(report);
  if (options.format == "json") return validation_json(report);
  if (options.format == "csv") return validation_csv(report);
  return validation_text(report, style(options));
}

/// The rows that were predicted, in short form.
int write_compact(const ValidateCommand& command, const ValidationReport& report, Diagnostics& diagnostics) {
  const CsvTable table = CsvTable::from_file(command.runs, diagnostics);
  std::set<std::string> refused;
  for (const RefusedRow& row : report.refused) refused.insert(row.id);
  CommonOptions options = command.common;
  options.output = command.compact;
  return deliver(compact_runs(table, refused), options);
}

int run(const ValidateCommand& command) {
  return with_catalogue(command.common, [&](const DataPaths& paths, Diagnostics& diagnostics) -> int {
    if (!command.common.overrides().empty()) {
      diagnostics.error({}, "validate simulates every row from its own columns: --set and --seed have no use here");
      return kBadInput;
    }
    if (!command.explain.empty()) {
      const auto text = run_explanation(command.runs, command.explain, paths, style(command.common), diagnostics);
      return text ? deliver(*text, command.common) : kBadInput;
    }
    const ValidationOptions options{command.tiers, command.common.jobs, command.leave_one_group_out};
    const auto report = validation(command.runs, options, paths, diagnostics);
    if (!report) return kBadInput;
    if (!command.svg.empty()) {
      CommonOptions picture = command.common;
      picture.output = command.svg;
      const int code = deliver(validation_svg(*report), picture);
      if (code != kGood) return code;
    }
    if (!command.compact.empty()) return write_compact(command, *report, diagnostics);
    return deliver(formatted(*report, command), command.common);
  });
}

}  // namespace

void add_validate(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<ValidateCommand>();
  CLI::App* sub = app.add_subcommand("validate", "predicted against published step times");
  sub->add_option("RUNS", command->runs, "CSV table of published runs")->required();
  sub->add_option("--tiers", command->tiers,
                  "rows of these tiers, 1,2 unless given; those of 3 stand in tables of their own")
      ->delimiter(',')
      ->allow_extra_args(false);
  sub->add_option("--explain", command->explain, "where the time of one run goes")->type_name("ID");
  sub->add_flag("--leave-one-group-out", command->leave_one_group_out,
                "predict each stack|model|gpu|precision with stack constants fitted without it");
  sub->add_flag("--pairs", command->pairs,
                "runs that differ in precision, size or layout only: ratios of their times, order of the layouts");
  sub->add_option("--svg", command->svg, "write a picture of predicted against measured")->type_name("FILE");
  sub->add_flag("--markdown", command->markdown, "the README's table of accuracy");
  sub->add_option("--compact", command->compact, "write the runs that were predicted with the columns needed only")
      ->type_name("FILE");
  add_common(*sub, command->common);
  sub->callback([command, &exit_code] { exit_code = run(*command); });
}

}  // namespace gpuhours::cli
