#include "plan/claims.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "plan/claims_file.hpp"
#include "plan/compare.hpp"
#include "plan/expression.hpp"
#include "report/estimate_report.hpp"

namespace gpuhours {

namespace {

/// A metric as a number: yes is 1.
std::optional<double> number_of(const MetricValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1.0 : 0.0;
  return std::nullopt;
}

/// Figures of the claim and metrics of its runs, by name.
class Values {
 public:
  Values(const ClaimOutcome& outcome, const std::vector<LabelledResult>& results)
      : outcome_(outcome), results_(results) {}

  std::optional<double> at(const std::string& name) const {
    for (const auto* list : {&outcome_.published, &outcome_.computed}) {
      for (const ClaimFigure& figure : *list) {
        if (figure.name == name) return figure.value;
      }
    }
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos) return std::nullopt;
    for (const LabelledResult& result : results_) {
      const Metric<Result>* known = metric(name.substr(dot + 1));
      if (result.label == name.substr(0, dot) && known != nullptr) return number_of(known->value(result.result()));
    }
    return std::nullopt;
  }

 private:
  const ClaimOutcome& outcome_;
  const std::vector<LabelledResult>& results_;
};

ClaimOutcome outcome_of(const ClaimFile& claim, const std::vector<LabelledResult>& results, Diagnostics& diagnostics) {
  ClaimOutcome out{claim.id, claim.claim, claim.source, claim.verdict, "", {}, {}, {}, {}};
  for (const LabelledResult& result : results) {
    out.runs.push_back({result.label, summary_line(result.result()), result.estimate.memory.fits()});
  }
  for (const ClaimFile::Published& p : claim.published)
    out.published.push_back({p.name, p.label, p.unit, p.value, p.source});
  const Values values(out, results);
  const NamedValues lookup = [&](const std::string& name) { return values.at(name); };
  for (const ClaimFile::Computed& c : claim.computed) {
    const EvaluatedExpression found = evaluated(c.is.text, lookup);
    if (!found.error.empty()) diagnostics.error(c.is.place, found.error);
    out.computed.push_back({c.name, c.label, c.unit, found.value, c.is.text});
  }
  for (const ClaimFile::Check& c : claim.checks) {
    const EvaluatedComparison found = compared(c.that.text, lookup);
    if (!found.error.empty()) diagnostics.error(c.that.place, found.error);
    out.checks.push_back({c.that.text, c.says, found.left, found.right, found.holds});
  }
  out.words = filled_in(claim.words, out);
  return out;
}

}  // namespace

std::vector<std::string> claim_files(const std::string& root) {
  std::vector<std::string> files;
  std::error_code failure;
  const std::filesystem::path folder = std::filesystem::path(root) / "scenarios/claims";
  for (std::filesystem::directory_iterator it(folder, failure), end; !failure && it != end; it.increment(failure)) {
    if (it->path().extension() == ".yaml") files.push_back(it->path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::optional<std::vector<ClaimOutcome>> claim_outcomes(const std::vector<std::string>& files,
                                                        const std::vector<std::string>& overrides,
                                                        const DataPaths& paths, int jobs, Diagnostics& diagnostics) {
  const int before = diagnostics.errors();
  std::vector<ClaimOutcome> outcomes;
  for (const std::string& file : files) {
    const std::optional<ClaimFile> claim = read_claim(file, diagnostics);
    if (!claim) continue;
    std::vector<ComparedCase> cases;
    for (const ClaimFile::Run& run : claim->runs) {
      ComparedCase one{run.label, run.scenario, run.overrides, {}};
      one.overrides.insert(one.overrides.end(), overrides.begin(), overrides.end());
      cases.push_back(std::move(one));
    }
    CompareOptions options;
    options.jobs = jobs;
    options.bindings = false;
    options.attribute = false;
    const auto found = comparison(cases, paths, options, diagnostics);
    if (!found) continue;
    for (const RefusedColumn& one : found->refused) {
      diagnostics.error({file, 0, 0, ""}, fmt::format("run '{}' cannot run: {}", one.label, one.reason));
    }
    if (found->refused.empty()) outcomes.push_back(outcome_of(*claim, found->results, diagnostics));
  }
  if (diagnostics.errors() > before) return std::nullopt;
  return outcomes;
}

}  // namespace gpuhours
