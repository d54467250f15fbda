#include "plan/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "estimate/calibration.hpp"
#include "plan/attribution.hpp"
#include "plan/column_rules.hpp"
#include "plan/explain.hpp"
#include "plan/hold.hpp"
#include "plan/parallel.hpp"
#include "plan/search.hpp"
#include "scenario/read_scenario.hpp"

namespace gpuhours {
namespace {

/// One case on its way to a column.
struct Column {
  const ComparedCase* of = nullptr;
  std::optional<Scenario> scenario;
  std::optional<Estimate> estimate;
  std::vector<std::string> notes;
  bool priced = true;
  std::optional<double> held_off;
  std::string refused;      ///< why it cannot run
  Diagnostics diagnostics;  ///< mistakes in the input
  [[nodiscard]] bool runs() const { return refused.empty() && !diagnostics.has_errors(); }
};

bool varies(const ComparedCase& one, std::string_view path) {
  return std::find(one.varied.begin(), one.varied.end(), path) != one.varied.end();
}

std::string first_error(const Diagnostics& found) {
  for (const Diagnostic& one : found.all()) {
    if (one.severity != Severity::warning) return one.message;
  }
  return {};
}

class Comparing {
 public:
  Comparing(const std::vector<ComparedCase>& cases, const DataPaths& paths, const CompareOptions& options)
      : paths_(paths), options_(options), calibration_(paths), columns_(cases.size()) {
    for (std::size_t i = 0; i < cases.size(); ++i) columns_[i].of = &cases[i];
  }

  std::optional<Comparison> run(Diagnostics& diagnostics) {
    for_each([&](Column& column) { read(column); });
    if (!readable(diagnostics)) return std::nullopt;
    if (options_.reoptimise) {
      for (Column& column : columns_) reoptimise(column);
    }
    for_each([&](Column& column) { estimate_own(column); });
    hold();
    report_mistakes(diagnostics);
    if (diagnostics.has_errors()) return std::nullopt;
    if (!columns_.front().runs()) {
      const std::string& label = columns_.front().of->label;
      diagnostics.error({}, fmt::format("the first column cannot run: {}: {}", label, columns_.front().refused),
                        "ratios are to the first; put one that runs in front");
      return std::nullopt;
    }
    return finished(diagnostics);
  }

 private:
  void for_each(const std::function<void(Column&)>& work) {
    for_each_index(static_cast<int>(columns_.size()), options_.jobs,
                   [&](int i) { work(columns_[static_cast<std::size_t>(i)]); });
  }

  /// Fills `scenario`; a rule that it breaks is a refusal, unless a search may mend it.
  void read(Column& column) {
    std::vector<std::string> overrides = column.of->overrides;
    std::optional<ResolvedScenario> found = resolved(column, overrides);
    if (found && varies(*column.of, "cluster.gpu")) {
      ColumnRules rules = hardware_that_follows(*found, paths_.root, column.diagnostics);
      column.notes = std::move(rules.notes);
      overrides.insert(overrides.end(), rules.overrides.begin(), rules.overrides.end());
      if (!rules.overrides.empty()) found = resolved(column, overrides);
    }
    if (found && options_.default_price) {
      const std::string& gpu = found->scenario.cluster.gpu.id;
      if (const auto price = latest_price(gpu, paths_.root, column.diagnostics)) {
        overrides.push_back("pricing=" + *price);
        column.notes.push_back("price: " + *price);
        found = resolved(column, overrides);
      } else {
        column.priced = false;
        column.notes.push_back(fmt::format("no on-demand price of {} in hardware/prices: dollars are left out", gpu));
      }
    }
    if (found) column.scenario = std::move(found->scenario);
  }

  std::optional<ResolvedScenario> resolved(Column& column, const std::vector<std::string>& overrides) const {
    Diagnostics refusals;
    column.refused.clear();
    auto found = readable_scenario(column.of->file, overrides, paths_.root, column.diagnostics, refusals);
    if (!options_.reoptimise) column.refused = first_error(refusals);
    return found;
  }

  /// Every mistake of every column once; false when there is one.
  bool readable(Diagnostics& diagnostics) {
    report_mistakes(diagnostics);
    for (const Column& column : columns_) {
      if (options_.hold == Hold::days && varies(*column.of, "cluster.gpus")) {
        diagnostics.error({}, "--hold days chooses the GPUs of a column: cluster.gpus cannot be varied too");
        break;
      }
      if (options_.hold == Hold::dollars && varies(*column.of, "training.tokens")) {
        diagnostics.error({}, "--hold dollars chooses the tokens of a column: training.tokens cannot be varied too");
        break;
      }
    }
    return !diagnostics.has_errors();
  }

  void report_mistakes(Diagnostics& diagnostics) {
    for (Column& column : columns_) {
      for (Diagnostic one : column.diagnostics.all()) {
        const std::vector<std::string>& own = column.of->overrides;
        const bool varied = std::find(own.end() - static_cast<std::ptrdiff_t>(column.of->varied.size()), own.end(),
                                      one.place.source_line) != own.end();
        if (varied && one.place.file == "--set") one.place.file = "--vary";
        if (!said_.insert(text(one)).second) continue;
        if (one.severity == Severity::fault) {
          diagnostics.fault(one.message);
        } else if (one.severity == Severity::error) {
          diagnostics.error(one.place, one.message, one.hint);
        } else {
          diagnostics.warning(one.place, one.message, one.hint);
        }
      }
    }
  }

  void reoptimise(Column& column) {
    const bool stopped = options_.stop != nullptr && options_.stop->load();
    if (stopped) column.refused = "not searched: interrupted";
    if (!column.runs() || !column.scenario) return;
    if (options_.progress) options_.progress(column.of->label);
    SearchSpace space = default_space(*column.scenario);
    for (const std::string& text : options_.over) restrict_space(text, paths_.root, space, column.diagnostics);
    if (column.diagnostics.has_errors()) return;
    SearchOptions options;
    options.top = 1;
    options.jobs = options_.jobs;
    options.stop = options_.stop;
    SearchReport found = search(*column.scenario, space, calibration_, options, column.diagnostics);
    if (column.diagnostics.has_errors()) return;
    if (found.best.empty()) {
      column.refused = "no layout of those searched is allowed and fits into memory";
      return;
    }
    column.scenario = std::move(found.best.front().scenario);
    column.estimate = std::move(found.best.front().estimate);
    column.notes.push_back(fmt::format("best of {} layouts, {} of them allowed and within memory{}", found.visited,
                                       found.feasible, found.interrupted ? "; interrupted" : ""));
  }

  void estimate_own(Column& column) const {
    if (!column.runs() || !column.scenario || column.estimate) return;
    Diagnostics found;
    column.estimate = estimate(*column.scenario, calibration_, {}, found);
    if (column.estimate) return;
    column.refused = first_error(found);
    if (found.has_faults()) column.diagnostics.append(found);  // no property of the column
  }

  void hold() {
    if (options_.hold == Hold::gpus || !columns_.front().runs()) return;
    const Estimate first = *columns_.front().estimate;
    columns_.front().held_off = 0;
    for (std::size_t i = 1; i < columns_.size(); ++i) {
      Column& column = columns_[i];
      if (!column.runs()) continue;
      if (options_.hold == Hold::dollars && !column.priced) {
        column.refused = "no price is known, so that dollars cannot be held";
        continue;
      }
      std::optional<HeldColumn> held =
          options_.hold == Hold::days
              ? with_days(*column.scenario, *column.estimate, first.run.wall_time, calibration_, options_.jobs,
                          column.refused)
              : with_dollars(*column.scenario, *column.estimate, first.cost.usd, calibration_, column.refused);
      if (!held) continue;
      column.scenario = std::move(held->scenario);
      column.estimate = std::move(held->estimate);
      column.held_off = held->off;
    }
  }

  std::optional<Comparison> finished(Diagnostics& diagnostics) {
    Comparison out;
    out.hold = options_.hold;
    out.reoptimised = options_.reoptimise;
    for (Column& column : columns_) {
      if (!column.runs()) {
        out.refused.push_back({column.of->label, column.refused});
        continue;
      }
      LabelledResult result{column.of->label, std::move(*column.scenario), std::move(*column.estimate)};
      result.notes = std::move(column.notes);
      result.priced = column.priced;
      result.held_off = column.held_off;
      out.results.push_back(std::move(result));
    }
    const std::uint64_t seed = out.results.front().scenario.engine.seed;
    for (LabelledResult& result : out.results) {
      const LabelledResult& first = out.results.front();
      result.intervals = ratio_intervals(result.estimate, first.estimate, seed);
      if (options_.bindings) add_bindings(result, diagnostics);
      if (options_.attribute && &result != &first) {
        result.attribution =
            attribution(first.scenario, first.estimate, result.scenario, result.estimate, calibration_, options_.jobs);
      }
    }
    if (diagnostics.has_errors()) return std::nullopt;
    return out;
  }

  void add_bindings(LabelledResult& result, Diagnostics& diagnostics) const {
    result.sensitivities = sensitivities(result.scenario, result.estimate, calibration_, options_.jobs, diagnostics);
    std::stable_sort(result.sensitivities.begin(), result.sensitivities.end(),
                     [](const Sensitivity& a, const Sensitivity& b) { return a.change < b.change; });
  }

  const DataPaths& paths_;
  const CompareOptions& options_;
  Calibration calibration_;
  std::vector<Column> columns_;
  std::set<std::string> said_;
};

}  // namespace

std::optional<Comparison> comparison(const std::vector<ComparedCase>& cases, const DataPaths& paths,
                                     const CompareOptions& options, Diagnostics& diagnostics) {
  if (cases.empty()) return Comparison{};
  return Comparing(cases, paths, options).run(diagnostics);
}

}  // namespace gpuhours
