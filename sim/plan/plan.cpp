#include "plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/checked.hpp"
#include "core/limits.hpp"
#include "plan/law_document.hpp"
#include "scenario/catalogue.hpp"
#include "scenario/read_scenario.hpp"

namespace gpuhours {
namespace {

/// What may be given up so that layouts divide the GPUs.
constexpr double kRounding = 0.05;

bool fixes(const std::vector<std::string>& overrides, std::string_view path) {
  return std::any_of(overrides.begin(), overrides.end(),
                     [&](const std::string& text) { return text.starts_with(path); });
}

/// The first system of the catalogue with this GPU; empty when there is none.
std::string system_with(const std::string& gpu, const std::string& root, Diagnostics& diagnostics) {
  const std::vector<std::string> gpus = catalogue_ids(CatalogueKind::gpu, root);
  if (std::find(gpus.begin(), gpus.end(), gpu) == gpus.end()) {
    const std::string near = nearest(gpu, gpus);
    diagnostics.error({}, fmt::format("unknown gpu '{}'", gpu),
                      near.empty() ? "see gpuhours list gpus" : fmt::format("did you mean '{}'?", near));
    return {};
  }
  const std::vector<std::string> ids = catalogue_ids(CatalogueKind::system, root);
  for (const bool reference : {true, false}) {  // the vendor's reference design before somebody's cluster
    for (const std::string& id : ids) {
      if (id.starts_with("hgx") != reference) continue;
      const auto document = law_document(root, "hardware/systems", id, "system", diagnostics);
      if (document && word_at(*document, "gpu") == gpu) return id;
    }
  }
  diagnostics.error({}, fmt::format("no system of the catalogue has '{}'", gpu), "name one with --system");
  return {};
}

/// The newest on-demand price list for the GPU.
std::string newest_prices(const std::string& gpu, const std::string& root, Diagnostics& diagnostics) {
  std::string newest, date;
  for (const std::string& id : catalogue_ids(CatalogueKind::pricing, root)) {
    const auto document = law_document(root, "hardware/prices", id, "price list", diagnostics);
    if (!document || word_at(*document, "gpu") != gpu || word_at(*document, "commitment") != "on_demand") continue;
    if (word_at(*document, "date") < date) continue;
    date = word_at(*document, "date");
    newest = id;
  }
  if (newest.empty()) {
    diagnostics.error({}, fmt::format("the catalogue has no on-demand price for '{}'", gpu),
                      "say one: --price \"2 USD/GPU/h\", or --pricing ID");
  }
  return newest;
}

/// Builds scenarios around a model.
class Builder {
 public:
  Builder(PlanRequest request, std::string root) : request_(std::move(request)), root_(std::move(root)) {}

  /// Finds the system and the prices; false after an error.
  bool complete(Diagnostics& diagnostics) {
    if (request_.system.empty()) request_.system = system_with(request_.gpu, root_, diagnostics);
    if (diagnostics.has_errors()) return false;
    if (request_.pricing.empty() && request_.price == 0 && !fixes(request_.overrides, "pricing")) {
      request_.pricing = newest_prices(request_.gpu, root_, diagnostics);
    }
    return !diagnostics.has_errors();
  }
  [[nodiscard]] const PlanRequest& request() const { return request_; }

  std::optional<Scenario> scenario(const Architecture& model, int gpus, double tokens, Diagnostics& diagnostics) const {
    auto resolved = scenario_from_text(text(model, gpus, tokens), "plan", request_.overrides, root_, diagnostics);
    if (!resolved) return std::nullopt;
    return std::move(resolved->scenario);
  }

 private:
  [[nodiscard]] std::string text(const Architecture& m, int gpus, double tokens) const {
    std::string yaml = fmt::format(
        "name: {} on {} {}\n"
        "model:\n  name: {}\n  layers: {}\n  hidden: {}\n  ffn_hidden: {}\n  mlp: swiglu\n  vocab: {}\n"
        "  attention: gqa\n  heads: {}\n  kv_heads: {}\n  head_dim: {}\n"
        "cluster:\n  extends: {}\n  gpu: {}\n  gpus: {}\n"
        "precision: bf16\nstack: megatron-lm\n"
        "training:\n  tokens: {:.6e} tokens\n  sequence_length: 4096 tokens\n  global_batch: {} sequences\n",
        m.name, gpus, request_.gpu, m.name, m.layers, m.hidden, m.ffn_hidden, m.vocab, m.heads, m.kv_heads, m.head_dim,
        request_.system, request_.gpu, gpus, tokens, 8 * gpus);
    if (!request_.pricing.empty() || request_.price > 0) yaml += "pricing:\n";
    if (!request_.pricing.empty()) yaml += fmt::format("  extends: {}\n", request_.pricing);
    if (request_.price > 0) yaml += fmt::format("  rent_per_gpu: {} USD/GPU/h\n", request_.price);
    return yaml;
  }

  PlanRequest request_;
  std::string root_;
};

/// The law's problem without the GPU hours.
std::optional<PlanProblem> problem_of(const PlanRequest& request, const std::string& root, Diagnostics& diagnostics) {
  const auto law = read_scaling_law(request.law, root, diagnostics);
  const auto batch_law = read_scaling_law("batch_size", root, diagnostics);
  const auto family = read_shape_family(request.family, root, diagnostics);
  if (!law || !batch_law || !family) return std::nullopt;
  if (law->form == ScalingLaw::Form::batch) {
    diagnostics.error({}, fmt::format("--law {} gives batch sizes, not models", request.law),
                      fmt::format("there are {}", fmt::join(scaling_law_ids(root), ", ")));
    return std::nullopt;
  }
  PlanProblem problem;
  problem.law = *law;
  problem.batch_law = *batch_law;
  problem.family = *family;
  return problem;
}

/// Simulated speeds, and the layout behind each.
class Speeds {
 public:
  Speeds(const Builder& builder, int gpus, const DataPaths& paths, int jobs, Diagnostics& diagnostics)
      : builder_(builder), gpus_(gpus), paths_(paths), jobs_(jobs), diagnostics_(diagnostics) {
    const auto& overrides = builder.request().overrides;
    fixed_ = {fixes(overrides, "parallelism"), fixes(overrides, "training.global_batch"),
              fixes(overrides, "training.recompute")};
  }

  std::optional<TrainingSpeed> operator()(const Architecture& model, double batch_tokens) {
    const double tokens = 1e3 * batch_tokens;  // any whole run: its steps are alike
    const auto base = builder_.scenario(model, gpus_, tokens, diagnostics_);
    if (!base) return std::nullopt;
    auto chosen = chosen_layout(*base, fixed_, batch_tokens, paths_, jobs_, diagnostics_);
    if (!chosen) return std::nullopt;
    const Estimate& estimate = chosen->estimate;
    const TrainingSpeed speed{estimate.run.tokens / estimate.run.gpu_hours, estimate.step.mfu, estimate.memory.fits()};
    chosen_.insert_or_assign({model.hidden, model.layers}, std::move(*chosen));
    return speed;
  }

  [[nodiscard]] const ChosenLayout& chosen(const Architecture& model) const {
    return chosen_.at({model.hidden, model.layers});
  }

 private:
  const Builder& builder_;
  int gpus_;
  const DataPaths& paths_;
  int jobs_;
  Diagnostics& diagnostics_;
  FixedParts fixed_;
  std::map<std::pair<int, int>, ChosenLayout> chosen_;
};

double hourly_price(const Scenario& scenario) { return (scenario.pricing.rent_per_gpu * kHour).value(); }

}  // namespace

GpuBudget gpu_budget(double budget, double price_per_hour, double days, int gpus, int node_gpus) {
  GpuBudget result;
  const double paid_hours = budget / price_per_hour;
  if (gpus == 0) {
    const double most = paid_hours / (24 * days);
    double unit = node_gpus;
    while (2 * unit <= kRounding * most) unit *= 2;
    gpus = nearest_whole<int>(std::min(std::max<double>(node_gpus, std::floor(most / unit) * unit), 1e7));
  }
  result.gpus = gpus;
  const double hours_until_deadline = gpus * 24 * days;
  result.gpu_hours = std::min(paid_hours, hours_until_deadline);
  result.days = result.gpu_hours / (24.0 * gpus);
  result.spent = result.gpu_hours * price_per_hour;
  result.budget_binds = paid_hours <= hours_until_deadline;
  result.days_bind = hours_until_deadline <= paid_hours;
  return result;
}

std::optional<Plan> plan(const PlanRequest& request, const DataPaths& paths, int jobs, Diagnostics& diagnostics) {
  Builder builder(request, paths.root);
  auto problem = problem_of(request, paths.root, diagnostics);
  if (!builder.complete(diagnostics) || !problem) return std::nullopt;
  const Architecture smallest = smallest_member(problem->family);
  const auto probe = builder.scenario(smallest, std::max(request.gpus, 8), 1e12, diagnostics);
  if (!probe) return std::nullopt;
  if (hourly_price(*probe) <= 0) {
    diagnostics.error({}, "the price of a GPU hour is 0", "say one: --price \"2 USD/GPU/h\"");
    return std::nullopt;
  }
  Plan result;
  result.request = builder.request();
  result.budget =
      gpu_budget(request.budget, hourly_price(*probe), request.days, request.gpus, probe->cluster.node.gpus);
  if (request.gpus == 0 && result.budget.gpus > kMostPlannedGpus) {
    diagnostics.error({}, fmt::format("the budget pays for more than {} GPUs until the deadline", kMostPlannedGpus),
                      "say how many with --gpus, or give more days");
    return std::nullopt;
  }
  problem->gpu_hours = result.budget.gpu_hours;
  problem->sequence_length = probe->training.sequence_length;
  problem->peak_per_gpu = mfu_peak(probe->cluster.gpu).value();
  result.problem = *problem;

  Diagnostics found;
  Speeds speeds(builder, result.budget.gpus, paths, jobs, found);
  result.point = fixed_point(result.problem, std::ref(speeds));
  if (result.point.end == FixedPoint::End::cannot_estimate && result.point.rounds.empty()) {
    diagnostics.append(found);
    return std::nullopt;
  }
  const PlanRound& last = result.point.last();
  result.tokens = tokens_paid(result.problem, last);
  result.chosen = speeds.chosen(last.model);
  result.chosen.scenario.training.tokens = result.tokens;
  const auto whole = estimate(result.chosen.scenario, paths, {}, diagnostics);
  if (!whole) return std::nullopt;
  result.chosen.estimate = *whole;
  return result;
}

}  // namespace gpuhours
