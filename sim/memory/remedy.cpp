#include "memory/remedy.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "core/limits.hpp"

namespace gpuhours {

namespace {

/// A change and how it is written; empty when the scenario has it already or cannot have it.
struct Change {
  Scenario scenario;
  std::string text;
};
using Step = std::optional<Change> (*)(const Scenario&);

std::optional<Change> selective_recompute(const Scenario& s) {
  if (s.training.recompute != Recompute::none) return std::nullopt;
  Change c{s, "training.recompute=selective"};
  c.scenario.training.recompute = Recompute::selective;
  c.scenario.training.recompute_ops = {RecomputeOp::norm, RecomputeOp::activation, RecomputeOp::mla_up_projection};
  return c;
}

std::optional<Change> full_recompute(const Scenario& s) {
  if (s.training.recompute == Recompute::full) return std::nullopt;
  Change c{s, "training.recompute=full"};
  c.scenario.training.recompute = Recompute::full;
  return c;
}

std::optional<Change> half_micro_batch(const Scenario& s) {
  if (s.training.micro_batch < 2 || s.training.micro_batch % 2 != 0) return std::nullopt;
  Change c{s, "training.micro_batch=" + std::to_string(s.training.micro_batch / 2)};
  c.scenario.training.micro_batch /= 2;
  return c;
}

std::optional<Change> next_zero_stage(const Scenario& s) {
  if (s.parallelism.zero_stage >= 2 || s.parallelism.dp(s.cluster.gpus) < 2) return std::nullopt;
  Change c{s, "parallelism.zero_stage=" + std::to_string(s.parallelism.zero_stage + 1)};
  ++c.scenario.parallelism.zero_stage;
  return c;
}

/// The layout after a change of tp or pp can still run the batch.
bool runs(const Scenario& s) {
  const Parallelism& p = s.parallelism;
  const std::int64_t group = p.model_ranks();
  if (group > s.cluster.gpus || s.cluster.gpus % group != 0) return false;
  if (p.pp * p.vpp > s.model.layers || s.model.heads % p.tp != 0) return false;
  if (s.model.is_moe() && s.cluster.gpus / p.pp % (p.ep * p.etp) != 0) return false;
  return s.training.global_batch % (std::int64_t{p.dp(s.cluster.gpus)} * s.training.micro_batch) == 0;
}

std::optional<Change> twice_pipeline(const Scenario& s) {
  Change c{s, "parallelism.pp=" + std::to_string(2 * s.parallelism.pp)};
  c.scenario.parallelism.pp *= 2;
  c.scenario.parallelism.layers_per_stage.clear();
  c.scenario.parallelism.pipeline_layout.clear();
  if (!runs(c.scenario)) return std::nullopt;
  if (!s.parallelism.layers_per_stage.empty()) c.text += " --set parallelism.layers_per_stage=[]";
  if (!s.parallelism.pipeline_layout.empty()) c.text += " --set parallelism.pipeline_layout=";
  return c;
}

std::optional<Change> twice_tensor(const Scenario& s) {
  Change c{s, "parallelism.tp=" + std::to_string(2 * s.parallelism.tp)};
  c.scenario.parallelism.tp *= 2;
  return runs(c.scenario) ? std::optional(c) : std::nullopt;
}

}  // namespace

bool layout_fits(const Scenario& s) {
  const PlanShape shape = plan_shape(s, s.training.global_batch);
  const int micro_batches = warmed_up(shape).micro_batches;
  if (shape.chunks(micro_batches) > kMostChunks) return false;
  return fullest_rank(s, workload(s), shape.plan(micro_batches)).fits();
}

std::string smallest_remedy(const Scenario& s) {
  constexpr std::array<Step, 6> kSteps = {selective_recompute, full_recompute, half_micro_batch,
                                          next_zero_stage,     twice_pipeline, twice_tensor};
  for (const Step step : kSteps) {
    const std::optional<Change> change = step(s);
    if (change && layout_fits(change->scenario)) return change->text;
  }
  const std::optional<Change> full = full_recompute(s);
  if (!full) return {};
  for (std::size_t i = 2; i < kSteps.size(); ++i) {
    const std::optional<Change> change = kSteps[i](full->scenario);
    if (change && layout_fits(change->scenario)) return full->text + " --set " + change->text;
  }
  return {};
}

}  // namespace gpuhours
