#include "calibrate/published_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "calibrate/published_layout.hpp"
#include "scenario/catalogue.hpp"
#include "scenario/enum_names.hpp"
#include "scenario/read_scenario.hpp"

namespace gpuhours {
namespace {

constexpr auto kNeeded = std::to_array<std::string_view>({"id",
                                                          "stack",
                                                          "stack_release",
                                                          "model",
                                                          "gpu",
                                                          "n_gpus",
                                                          "inter_node",
                                                          "precision",
                                                          "seq_len",
                                                          "gbs",
                                                          "mbs",
                                                          "tp",
                                                          "pp",
                                                          "cp",
                                                          "vpp",
                                                          "ep",
                                                          "etp",
                                                          "zero_stage",
                                                          "fsdp",
                                                          "sequence_parallel",
                                                          "recompute",
                                                          "recompute_detail",
                                                          "schedule",
                                                          "moe_dispatcher",
                                                          "router_balance",
                                                          "cuda_graphs",
                                                          "truncated_layers",
                                                          "step_time_s",
                                                          "tier",
                                                          "gpus_per_nvlink_domain"});

/// Columns that say more where a table has them; blank: the stack's default, or as the model was released.
constexpr auto kOptional = std::to_array<std::string_view>(
    {"fsdp_group", "mtp", "graph_scope", "ep_overlap", "tp_overlap", "pipeline_layout", "inferred"});

/// The map's entry for "first|second", else for `second` or `first` alone, else nothing.
std::optional<std::string> mapped(const ValidationMap& map, std::string_view list, std::string_view first,
                                  std::string_view second) {
  const auto found = map.find(list);
  if (found == map.end()) return std::nullopt;
  for (const std::string& key : {fmt::format("{}|{}", first, second), std::string(second), std::string(first)}) {
    const auto it = found->second.find(key);
    if (it != found->second.end()) return it->second;
  }
  return std::nullopt;
}

/// `item` is one of those that `separator` parts in `list`, blanks about it apart.
bool has_item(std::string_view list, char separator, std::string_view item) {
  while (!list.empty()) {
    std::string_view one = list.substr(0, list.find(separator));
    list.remove_prefix(std::min(one.size() + 1, list.size()));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one == item) return true;
  }
  return false;
}

/// A stack that another's profile stands in for is this much less sure.
constexpr double kStandInError = 1.5;

/// Turns one row into the text of a scenario file.
class RowWriter {
 public:
  RowWriter(const PublishedRun& run, const ValidationMap& map, const std::string& root)
      : run_(run), map_(map), root_(root) {}

  /// Empty text with `refusal` set when the row says something that has no scenario.
  std::string text(RunScenario& out) {
    Diagnostics ignored;
    const auto model = read_architecture(run_.at("model"), root_, ignored);
    if (!model) return refused(out, fmt::format("model '{}' is not in the catalogue", run_.at("model")));
    std::string yaml = fmt::format("name: {}\n", run_.at("id"));
    yaml += model_lines(*model);
    yaml += cluster_lines(out);
    yaml += software_lines(*model, out);
    if (out.refusal.empty()) yaml += layout_lines(run_, *model, out);
    yaml += training_lines(*model, out);
    return out.refusal.empty() ? yaml : std::string();
  }

 private:
  static std::string refused(RunScenario& out, std::string reason) {
    if (out.refusal.empty()) out.refusal = std::move(reason);
    return {};
  }

  [[nodiscard]] std::optional<std::string> mapped(std::string_view list, std::string_view first,
                                                  std::string_view second) const {
    return gpuhours::mapped(map_, list, first, second);
  }

  [[nodiscard]] std::string model_lines(const Architecture& model) const {
    if (run_.blank("truncated_layers")) return fmt::format("model: {}\n", model.id);
    const int layers = small_whole(run_.at("truncated_layers")).value_or(model.layers);
    return fmt::format("model: {{extends: {}, layers: {}, dense_layers: {}}}\n", model.id, layers,
                       std::min(model.dense_layers, layers));
  }

  std::string cluster_lines(RunScenario& out) const {
    const std::string& gpu = run_.at("gpu");
    const std::string& network = run_.at("inter_node");
    std::optional<std::string> fabric = mapped("fabrics", gpu, network);
    if (network == "unknown" || network.empty()) {
      fabric = mapped("unknown_fabrics", "", gpu);
      if (fabric) out.filled.push_back(fmt::format("inter_node: {}", *fabric));
    }
    if (!fabric)
      return refused(out, fmt::format("inter_node '{}' with {} stands for no fabric of the catalogue", network, gpu));
    const std::optional<std::string> node = mapped("nodes", gpu, network);
    std::string lines = fmt::format("cluster:\n  gpu: {}\n  gpus: {}\n  fabric: {}\n", gpu, run_.at("n_gpus"), *fabric);
    lines += node_line(node, out);
    return lines;
  }

  /// A rack of 72 that a job does not fill is used up to the largest divisor of its GPUs.
  std::string node_line(const std::optional<std::string>& node, RunScenario& out) const {
    const auto domain = whole_number(run_.at("gpus_per_nvlink_domain")).value_or(8);
    const auto gpus = whole_number(run_.at("n_gpus")).value_or(8);
    if (domain <= 8 || gpus <= domain || gpus % domain == 0) return node ? fmt::format("  node: {}\n", *node) : "";
    auto used = domain;
    while (gpus % used != 0) --used;
    out.filled.push_back(fmt::format("{} of {} GPUs of a rack used", used, domain));
    Diagnostics ignored;
    const auto gpu = read_gpu(run_.at("gpu"), root_, ignored);
    const std::string base = node ? *node : gpu ? gpu->default_node : "";
    return fmt::format("  node: {{extends: {}, gpus: {}, nvlink_domain: {}, nics: {}}}\n", base, used, used, used);
  }

  /// The profile for a stack that has none: the nearest, if the map says; else of its family the one fitted to most
  /// groups of runs; else the generic one.
  [[nodiscard]] std::string stand_in(const std::string& stack) const {
    if (const auto nearest = mapped("nearest", stack, run_.at("stack_release"))) return *nearest;
    const std::optional<std::string> family = mapped("families", "", stack);
    std::string best = "generic";
    int most = -1;
    for (const std::string& id : catalogue_ids(CatalogueKind::stack, root_)) {
      Diagnostics ignored;
      const auto profile = read_stack(id, root_, ignored);
      if (!family || !profile || profile->family != *family) continue;
      const int groups = profile->fit ? profile->fit->groups : 0;
      if (groups > most) best = id;
      most = std::max(most, groups);
    }
    return best;
  }

  /// What the stack's profile has that this release had not yet, on this generation of GPUs and kind of attention.
  [[nodiscard]] std::string release_lines(const Architecture& model) const {
    Diagnostics ignored;
    const auto gpu = read_gpu(run_.at("gpu"), root_, ignored);
    const auto keys =
        mapped("release_keys", fmt::format("{}|{}", run_.at("stack"), run_.at("stack_release")),
               fmt::format("{}|{}", gpu ? name(gpu->generation) : std::string_view(), enum_name(model.attention)));
    return keys ? fmt::format("  {}\n", *keys) : "";
  }

  std::string software_lines(const Architecture& model, RunScenario& out) const {
    const std::string& stack = run_.at("stack");
    std::string profile = stack_profile(run_, map_, root_);
    std::string lines;
    if (profile.empty()) {
      profile = stand_in(stack);
      out.filled.push_back(fmt::format("stack {}: {}", stack, profile));
      Diagnostics ignored;
      const auto found = read_stack(profile, root_, ignored);
      if (found) lines = fmt::format("  step_error: {}\n", kStandInError * found->step_error);
    }
    lines = fmt::format("stack:\n  extends: {}\n{}", profile, lines);
    if (!run_.blank("cuda_graphs")) lines += fmt::format("  cuda_graphs: {}\n", run_.at("cuda_graphs") == "yes");
    lines += graph_lines();
    lines += release_lines(model);
    if (!run_.blank("moe_dispatcher")) {
      lines += fmt::format("  dispatcher: {}\n", run_.at("moe_dispatcher"));
    }
    if (!run_.blank("ep_overlap")) lines += fmt::format("  overlap_expert: {}\n", run_.at("ep_overlap"));
    if (!run_.blank("tp_overlap")) lines += fmt::format("  overlap_tensor: {}\n", run_.at("tp_overlap"));
    const std::string recipe = mapped("precisions", stack, run_.at("precision")).value_or(run_.at("precision"));
    const std::vector<std::string> recipes = catalogue_ids(CatalogueKind::precision, root_);
    if (std::find(recipes.begin(), recipes.end(), recipe) == recipes.end()) {
      return refused(out, fmt::format("precision '{}' is no recipe of the catalogue", recipe));
    }
    const auto keys = mapped("precision_keys", stack, run_.at("precision"));
    if (keys) return lines + fmt::format("precision: {{extends: {}, {}}}\n", recipe, *keys);
    return lines + fmt::format("precision: {}\n", recipe);
  }

  /// What the graphs of a row hold, where it says so. A graph of the whole iteration cannot read token counts on the
  /// host, so that its experts run as one kernel (Megatron-Bridge 0.5: fused grouped products with them).
  [[nodiscard]] std::string graph_lines() const {
    if (run_.blank("graph_scope")) return {};
    const std::string& scope = run_.at("graph_scope");
    if (scope == "full_iteration") return "  fused_grouped_gemm: true\n";
    const bool attention = has_item(scope, '+', "attn");
    return fmt::format("  graph_scope: {}\n", attention ? "attention" : "router");
  }

  [[nodiscard]] bool inferred(std::string_view field) const { return has_item(run_.at("inferred"), ',', field); }

  std::string recompute_lines(RunScenario& out) const {
    if (run_.blank("recompute")) {
      out.recompute_open = true;
      return "  recompute: none\n";
    }
    // A value that the table's authors inferred is a first guess; what fits decides.
    out.recompute_open = run_.at("recompute") == "none" && inferred("recompute");
    std::string lines = fmt::format("  recompute: {}\n", run_.at("recompute"));
    if (run_.at("recompute") != "selective") return lines;
    const std::string& detail = run_.at("recompute_detail");
    if (detail.empty()) out.filled.emplace_back("recompute_detail: attention");
    const auto ops = detail.empty() ? "attention" : mapped("recompute_ops", "", detail);
    if (!ops) return refused(out, fmt::format("recompute_detail '{}' stands for no list of operators", detail));
    return lines + fmt::format("  recompute_ops: [{}]\n", *ops);
  }

  std::string training_lines(const Architecture& model, RunScenario& out) const {
    const double tokens = finite_number(run_.at("gbs")).value_or(1) * finite_number(run_.at("seq_len")).value_or(1);
    out.micro_batch_open = run_.blank("mbs");
    const bool mtp = run_.blank("mtp") ? model.mtp_layers > 0 : run_.at("mtp") == "true";
    std::string lines = fmt::format(
        "training:\n  tokens: {} tokens\n  sequence_length: {} tokens\n  global_batch: {} sequences\n"
        "  micro_batch: {} sequences\n  mtp: {}\n",
        tokens, run_.at("seq_len"), run_.at("gbs"), out.micro_batch_open ? "1" : run_.at("mbs"),
        mtp);
    if (model.is_moe()) {
      if (run_.blank("router_balance")) out.filled.emplace_back("router_balance: forced");
      lines +=
          fmt::format("  router_balance: {}\n", run_.blank("router_balance") ? "forced" : run_.at("router_balance"));
    }
    return lines + recompute_lines(out);
  }

  const PublishedRun& run_;
  const ValidationMap& map_;
  const std::string& root_;
};

/// The row with those of its blank columns that another publication of the same run gives ("mbs: 4, schedule: 1f1b").
PublishedRun completed(const PublishedRun& run, const ValidationMap& map, RunScenario& out) {
  PublishedRun whole = run;
  const std::string given = mapped(map, "layouts", run.at("stack_release"), run.at("model")).value_or("");
  for (std::size_t from = 0; from < given.size();) {
    const std::size_t end = std::min(given.find(", ", from), given.size());
    const std::string one = given.substr(from, end - from);
    const std::size_t colon = one.find(": ");
    from = end + 2;
    const std::string column = one.substr(0, colon);
    if (colon == std::string::npos || !(run.blank(column) || run.at(column) == "other")) continue;
    whole.fields[column] = one.substr(colon + 2);
    out.filled.push_back(one + " (published elsewhere)");
  }
  return whole;
}

}  // namespace

const std::string& PublishedRun::at(std::string_view column) const {
  static const std::string kNone;
  const auto it = fields.find(column);
  return it == fields.end() ? kNone : it->second;
}

bool PublishedRun::blank(std::string_view column) const { return at(column).empty() || at(column) == "unknown"; }

std::string PublishedRun::group() const {
  return fmt::format("{}|{}|{}|{}", at("stack"), at("model"), at("gpu"), at("precision"));
}

std::span<const std::string_view> run_columns() { return kNeeded; }

std::span<const std::string_view> optional_run_columns() { return kOptional; }

std::vector<PublishedRun> published_runs(const CsvTable& table, Diagnostics& diagnostics) {
  for (const std::string_view column : kNeeded) table.needed_column(column, diagnostics);
  if (diagnostics.has_errors()) return {};
  std::vector<PublishedRun> runs(table.rows());
  for (std::size_t row = 0; row < runs.size(); ++row) {
    for (const std::string& column : table.columns()) {
      runs[row].fields[column] = std::string(table.cell(row, table.column(column)));
    }
  }
  return runs;
}

ValidationMap validation_map(const std::string& root, Diagnostics& diagnostics) {
  const std::string file = root + "/calibration/validation/map.yaml";
  const auto content = file_text(file, {}, diagnostics);
  if (!content) return {};
  const auto document = parse_document(*content, file, diagnostics);
  ValidationMap map;
  if (!document) return map;
  for (const YamlEntry& list : document->entries) {
    for (const YamlEntry& entry : list.value.entries) map[list.key][entry.key] = entry.value.scalar;
  }
  return map;
}

std::string stack_profile(const PublishedRun& run, const ValidationMap& map, const std::string& root) {
  if (mapped(map, "nearest", run.at("stack"), run.at("stack_release"))) return "";
  const std::vector<std::string> known = catalogue_ids(CatalogueKind::stack, root);
  const std::string profile = mapped(map, "stacks", run.at("stack"), run.at("stack_release")).value_or(run.at("stack"));
  return std::find(known.begin(), known.end(), profile) == known.end() ? "" : profile;
}

RunScenario run_scenario(const PublishedRun& run, const ValidationMap& map, const std::string& root) {
  RunScenario out;
  const PublishedRun whole = completed(run, map, out);
  const std::string yaml = RowWriter(whole, map, root).text(out);
  if (!out.refusal.empty()) return out;
  Diagnostics diagnostics;
  auto resolved = scenario_from_text(yaml, run.at("id"), {}, root, diagnostics);
  if (resolved) {
    out.scenario = std::move(resolved->scenario);
    return out;
  }
  std::vector<std::string> reasons;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.severity != Severity::warning) reasons.push_back(diagnostic.message);
  }
  out.refusal = fmt::format("{}", fmt::join(reasons, "; "));
  return out;
}

}  // namespace gpuhours
