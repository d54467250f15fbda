#include <nlohmann/json.hpp>

#include "report/estimate_report.hpp"
#include "report/json_values.hpp"

namespace gpuhours {
namespace {

using Json = nlohmann::ordered_json;

template <class Subject>
Json object_of(std::span<const Metric<Subject>> table, const Subject& subject) {
  Json out = Json::object();
  for (const auto& metric : table) out[std::string(metric.name)] = json_of(metric.value(subject));
  return out;
}

template <class Subject>
Json list_of(std::span<const Metric<Subject>> table, const std::vector<Subject>& subjects) {
  Json out = Json::array();
  for (const Subject& subject : subjects) out.push_back(object_of(table, subject));
  return out;
}

Json ledger(const MemoryLedger& memory) {
  Json out = Json::object();
  for (const LedgerEntry& entry : memory.entries) out[key_text(entry.name)] = entry.bytes.value();
  return out;
}

Json cost_tree(const CostItem& item) {
  Json out = {{"name", item.name}, {"basis", item.basis}, {"usd", item.usd.value()}, {"parts", Json::array()}};
  for (const CostItem& part : item.parts) out["parts"].push_back(cost_tree(part));
  return out;
}

}  // namespace

Json& json_at(Json& root, std::string_view path) {
  Json* at = &root;
  while (true) {
    const std::size_t dot = path.find('.');
    at = &(*at)[std::string(path.substr(0, dot))];
    if (dot == std::string_view::npos) return *at;
    path.remove_prefix(dot + 1);
  }
}

Json json_of(const MetricValue& value) {
  return std::visit(
      [](const auto& v) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::monostate>) {
          return nullptr;
        } else {
          return v;
        }
      },
      value);
}

Json result_json(const Result& result) {
  Json out = Json::object();
  for (const auto& metric : metrics()) json_at(out, metric.name) = json_of(metric.value(result));
  const Estimate& estimate = result.estimate;
  json_at(out, "step.breakdown_by_rank_s") = list_of(breakdown_metrics(), estimate.step.by_rank);
  json_at(out, "memory.breakdown_bytes") = ledger(estimate.memory);
  json_at(out, "run.phases") = list_of(phase_metrics(), estimate.run.phases);
  json_at(out, "cost.tree") = cost_tree(estimate.cost.tree);
  json_at(out, "provenance.guessed") = list_of(guess_metrics(), estimate.provenance.guessed);
  json_at(out, "network.contention") = list_of(contention_metrics(), estimate.network.contention);
  out["notes"] = estimate.notes;
  out["warnings"] = Json::array();
  for (const Diagnostic& warning : estimate.warnings.all()) out["warnings"].push_back(warning.message);
  return out;
}

std::string json_text(const Json& value) { return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

std::string json_string(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string estimate_json(const Result& result) { return json_text(result_json(result)); }

}  // namespace gpuhours
