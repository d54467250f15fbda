#include "plan/scaling_law.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plan/law_document.hpp"
#include "workload/workload.hpp"

namespace gpuhours {
namespace {

constexpr const char* kFolder = "models/scaling_laws";
constexpr const char* kBatchLaw = "batch_size";

/// y at x on the straight lines through the logarithms of `rows`; the outer lines go on beyond the ends.
double on_lines(const std::vector<std::pair<double, double>>& rows, double x) {
  std::size_t upper = 1;
  while (upper + 1 < rows.size() && rows[upper].first < x) ++upper;
  const auto& [x0, y0] = rows[upper - 1];
  const auto& [x1, y1] = rows[upper];
  return y0 * std::pow(x / x0, std::log(y1 / y0) / std::log(x1 / x0));
}

void read_rows(const YamlNode& document, ScalingLaw& law, Diagnostics& diagnostics) {
  const YamlEntry* rows = document.find("rows");
  if (rows == nullptr || rows->value.items.size() < 2) {
    diagnostics.error(document.place, "'rows' needs two rows or more");
    return;
  }
  for (const YamlNode& row : rows->value.items) {
    const double flops = positive_at(row, "flops", diagnostics);
    law.rows.emplace_back(flops, positive_at(row, "parameters", diagnostics));
    const std::size_t n = law.rows.size();
    if (n > 1 && (law.rows[n - 2].first >= flops || law.rows[n - 2].second >= law.rows[n - 1].second)) {
      diagnostics.error(row.place, "rows ascend in both columns");
    }
  }
}

void read_figures(const YamlNode& document, const std::string& form, ScalingLaw& law, Diagnostics& diagnostics) {
  if (form == "table") {
    law.form = ScalingLaw::Form::table;
    read_rows(document, law, diagnostics);
  } else if (form == "loss") {
    law.form = ScalingLaw::Form::loss;
    law.a = positive_at(document, "A", diagnostics);
    law.b = positive_at(document, "B", diagnostics);
    law.alpha = positive_at(document, "alpha", diagnostics);
    law.beta = positive_at(document, "beta", diagnostics);
  } else if (form == "power" || form == "batch") {
    law.form = form == "power" ? ScalingLaw::Form::power : ScalingLaw::Form::batch;
    law.coefficient = positive_at(document, "coefficient", diagnostics);
    law.exponent = positive_at(document, "exponent", diagnostics);
  } else {
    diagnostics.error(document.place, fmt::format("form '{}' is not one of table, loss, power, batch", form));
  }
}

}  // namespace

std::vector<std::string> scaling_law_ids(const std::string& root) {
  std::vector<std::string> ids = law_ids(root, kFolder);
  ids.erase(std::remove(ids.begin(), ids.end(), kBatchLaw), ids.end());
  return ids;
}

std::optional<ScalingLaw> read_scaling_law(const std::string& id, const std::string& root, Diagnostics& diagnostics) {
  Diagnostics found;
  const auto document = law_document(root, kFolder, id, "scaling law", found);
  ScalingLaw law;
  if (document) {
    law.id = id;
    law.name = word_at(*document, "name");
    law.source = citation(*document);
    law.non_embedding = word_at(*document, "size") == "non_embedding_flops";
    read_figures(*document, word_at(*document, "form"), law, found);
  }
  diagnostics.append(found);
  if (!document || found.has_errors()) return std::nullopt;
  return law;
}

double optimal_flops_per_token(const ScalingLaw& law, double flops) {
  switch (law.form) {
    case ScalingLaw::Form::table:
      return 6 * on_lines(law.rows, flops);
    case ScalingLaw::Form::loss: {
      const double sum = law.alpha + law.beta;
      const double g = std::pow(law.alpha * law.a / (law.beta * law.b), 1 / sum);
      return 6 * g * std::pow(flops / 6, law.beta / sum);
    }
    case ScalingLaw::Form::power:
    case ScalingLaw::Form::batch:
      break;
  }
  return flops / (law.coefficient * std::pow(flops, law.exponent));
}

double optimal_tokens(const ScalingLaw& law, double flops) { return flops / optimal_flops_per_token(law, flops); }

double flops_of_size(const ScalingLaw& law, double flops_per_token) {
  double low = std::log(1e12), high = std::log(1e34);  // the size grows with the FLOPs
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (optimal_flops_per_token(law, std::exp(middle)) < flops_per_token ? low : high) = middle;
  }
  return std::exp((low + high) / 2);
}

double flops_per_token(const ScalingLaw& law, const Architecture& model, int sequence_length) {
  if (!law.non_embedding) return 6 * parameter_counts(model).total;
  const double layers = model.layers, hidden = model.hidden;
  return 72 * layers * hidden * hidden + 12 * layers * hidden * sequence_length;
}

}  // namespace gpuhours
