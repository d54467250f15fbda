#include "report/claims_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "report/estimate_report.hpp"
#include "report/json_values.hpp"
#include "report/number_text.hpp"

namespace gpuhours {
namespace {

using Json = nlohmann::ordered_json;

std::string value_of(const ClaimFigure& figure) { return value_text(figure.value, figure.unit); }

const ClaimFigure* find_figure(const ClaimOutcome& outcome, std::string_view name) {
  for (const auto* list : {&outcome.published, &outcome.computed}) {
    for (const ClaimFigure& figure : *list) {
      if (figure.name == name) return &figure;
    }
  }
  return nullptr;
}

std::string outcome_text(const ClaimOutcome& claim, TextStyle style) {
  std::string out =
      fmt::format("{}\n  {} ({})\n", bold(fmt::format("\"{}\"", claim.claim), style), claim.source, claim.id);
  out += fmt::format("  {}: {}\n\n", bold(claim.verdict, style), claim.words);
  for (const ClaimRun& run : claim.runs) {
    out += fmt::format("  {}: {}{}\n", run.label, run.summary, run.fits ? "" : " (does not fit in memory)");
  }
  TextTable table({"", "", "from"});
  table.align_left(2);
  for (const auto* list : {&claim.published, &claim.computed}) {
    for (const ClaimFigure& figure : *list) table.row({figure.label, value_of(figure), figure.origin});
  }
  out += "\n" + table.text(style) + "\n";
  for (const ClaimCheck& check : claim.checks) {
    const std::string mark = check.holds ? "holds " : red("BROKEN", style);
    out += fmt::format("  {} {} ({}: {} against {})\n", mark, check.says, check.that, number_text(check.left),
                       number_text(check.right));
  }
  return out;
}

Json figures_json(const std::vector<ClaimFigure>& figures) {
  Json out = Json::object();
  for (const ClaimFigure& figure : figures) {
    out[figure.name] = {
        {"value", figure.value}, {"unit", figure.unit}, {"label", figure.label}, {"origin", figure.origin}};
  }
  return out;
}

}  // namespace

bool ClaimOutcome::holds() const {
  return std::all_of(checks.begin(), checks.end(), [](const ClaimCheck& check) { return check.holds; });
}

std::string filled_in(const std::string& text, const ClaimOutcome& outcome) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t close = text[at] == '{' ? text.find('}', at) : std::string::npos;
    const ClaimFigure* figure =
        close == std::string::npos ? nullptr : find_figure(outcome, text.substr(at + 1, close - at - 1));
    if (figure == nullptr) {
      out += text[at++];
    } else {
      out += value_of(*figure);
      at = close + 1;
    }
  }
  return out;
}

std::string claims_text(const std::vector<ClaimOutcome>& claims, TextStyle style) {
  std::string out;
  for (const ClaimOutcome& claim : claims) out += (out.empty() ? "" : "\n") + outcome_text(claim, style);
  return out;
}

std::string claims_json(const std::vector<ClaimOutcome>& claims) {
  Json out;
  out["schema_version"] = kSchemaVersion;
  out["claims"] = Json::array();
  for (const ClaimOutcome& claim : claims) {
    Json one = {{"id", claim.id},           {"claim", claim.claim}, {"source", claim.source},
                {"verdict", claim.verdict}, {"words", claim.words}, {"holds", claim.holds()}};
    one["runs"] = Json::array();
    for (const ClaimRun& run : claim.runs) {
      one["runs"].push_back({{"label", run.label}, {"summary", run.summary}, {"fits", run.fits}});
    }
    one["published"] = figures_json(claim.published);
    one["computed"] = figures_json(claim.computed);
    one["checks"] = Json::array();
    for (const ClaimCheck& check : claim.checks) {
      one["checks"].push_back({{"that", check.that},
                               {"says", check.says},
                               {"left", check.left},
                               {"right", check.right},
                               {"holds", check.holds}});
    }
    out["claims"].push_back(std::move(one));
  }
  return json_text(out);
}

std::string claims_csv(const std::vector<ClaimOutcome>& claims) {
  std::string out = csv_line({"claim", "kind", "name", "value", "unit", "holds"});
  for (const ClaimOutcome& claim : claims) {
    const std::string holds = claim.holds() ? "true" : "false";
    for (const ClaimFigure& f : claim.published) {
      out += csv_line({claim.id, "published", f.name, csv_cell(f.value), f.unit, holds});
    }
    for (const ClaimFigure& f : claim.computed) {
      out += csv_line({claim.id, "computed", f.name, csv_cell(f.value), f.unit, holds});
    }
  }
  return out;
}

}  // namespace gpuhours
