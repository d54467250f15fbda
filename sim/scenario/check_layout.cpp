#include "scenario/check_layout.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <numeric>

#include "core/limits.hpp"
#include "scenario/blame.hpp"
#include "scenario/enum_names.hpp"
#include "scenario/formats.hpp"
#include "scenario/pipeline_layout.hpp"

namespace gpuhours {

namespace {

using Paths = std::vector<std::string>;

/// Points a broken rule at one of its keys; once, when several phases break it in the same way.
void report(const Blame& blame, const Paths& keys, std::string message, std::string hint, Diagnostics& diagnostics) {
  if (!blame.clean(keys)) return;
  SourcePlace place = blame.place(keys);
  for (const Diagnostic& earlier : diagnostics.all()) {
    if (earlier.message == message && same_place(earlier.place, place)) return;
  }
  diagnostics.error(std::move(place), std::move(message), std::move(hint));
}

/// What one phase runs with, and where its keys stand.
struct Layout {
  const Parallelism& parallelism;
  std::string parallelism_path;
  std::string training_path;
  int sequence_length;
  int global_batch;
  BatchRamp ramp;
};

class LayoutRules {
 public:
  LayoutRules(const Scenario& scenario, const Layout& layout, const Blame& blame, Diagnostics& diagnostics)
      : scenario_(scenario),
        model_(scenario.model),
        p_(layout.parallelism),
        layout_(layout),
        blame_(blame),
        diagnostics_(diagnostics) {}

  void check() const {
    const Paths grid = {"cluster.gpus", key("tp"), key("pp"), key("cp")};
    const std::int64_t ranks = p_.model_ranks();
    const int gpus = scenario_.cluster.gpus;
    const bool divides = gpus % ranks == 0;
    rule(divides, grid,
         fmt::format("tp {} x pp {} x cp {} = {} does not divide 'cluster.gpus: {}'", p_.tp, p_.pp, p_.cp, ranks, gpus),
         gpus < ranks ? fmt::format("{} GPUs or more are needed", ranks)
                      : fmt::format("{} and {} GPUs would do", gpus / ranks * ranks, (gpus / ranks + 1) * ranks));
    check_stages();
    check_tensor();
    check_experts();
    check_sequence();
    if (divides) check_sharding();
    if (divides && blame_.clean(grid)) check_batch();
  }

 private:
  [[nodiscard]] std::string key(std::string_view name) const {
    return fmt::format("{}.{}", layout_.parallelism_path, name);
  }
  [[nodiscard]] std::string training_key(std::string_view name) const {
    return fmt::format("{}.{}", layout_.training_path, name);
  }

  void rule(bool holds, const Paths& keys, std::string message, std::string hint = {}) const {
    if (!holds) report(blame_, keys, std::move(message), std::move(hint), diagnostics_);
  }

  void check_stages() const {
    const std::int64_t stages = std::int64_t{p_.pp} * p_.vpp;
    const Paths keys = {key("pp"), key("vpp"), "model.layers"};
    const std::string count = p_.vpp == 1 ? fmt::format("pp {}", p_.pp) : fmt::format("pp {} x vpp {}", p_.pp, p_.vpp);
    // Interleaved layouts may keep the first and the last virtual stage free of layers, for embedding and head.
    const int most = p_.vpp == 1 ? model_.layers : model_.layers + 2;
    const bool given = !p_.layers_per_stage.empty() || !p_.pipeline_layout.empty();
    rule(given || model_.layers == 0 || stages <= most, keys,
         fmt::format("{} gives {} stages, more than the model's {} layers", count, stages, model_.layers));
    const bool dualpipe = p_.schedule == Schedule::dualpipe;
    rule(!dualpipe || (p_.pp % 2 == 0 && p_.pp >= 2), {key("pp"), key("schedule")},
         fmt::format("schedule dualpipe needs an even number of pipeline stages, pp is {}", p_.pp));
    const bool interleaved = p_.schedule == Schedule::interleaved;
    const bool v = v_shaped(p_.schedule);
    rule(!v || p_.vpp == 2, {key("vpp"), key("schedule")},
         fmt::format("schedule {} needs vpp 2, two stages a rank; vpp is {}", enum_name(p_.schedule), p_.vpp));
    rule(v || interleaved == (p_.vpp > 1), {key("vpp"), key("schedule")},
         interleaved ? "schedule interleaved needs vpp above 1"
                     : fmt::format("vpp {} needs schedule interleaved", p_.vpp));
    rule(!interleaved || p_.pp > 1, {key("pp"), key("schedule")}, "schedule interleaved needs pp above 1");
    if (!p_.layers_per_stage.empty()) check_given_stages(stages);
    if (!p_.pipeline_layout.empty()) check_given_layout(stages);
    if (p_.embedding_as_layer || p_.loss_as_layer) check_counted_ends(stages);
  }

  void check_given_layout(std::int64_t stages) const {
    const Paths keys = {key("pipeline_layout"), key("pp"), key("vpp"), "model.layers", "training.mtp"};
    rule(p_.layers_per_stage.empty(), {key("pipeline_layout"), key("layers_per_stage")},
         "'pipeline_layout' and 'layers_per_stage' both say what stages hold");
    const PipelineLayout layout = parse_pipeline_layout(p_.pipeline_layout);
    rule(layout.error.empty(), {key("pipeline_layout")}, fmt::format("'pipeline_layout', {}", layout.error));
    if (!layout.error.empty()) return;
    const auto entries = static_cast<int>(layout.stages.size());
    rule(entries == stages, keys,
         fmt::format("'pipeline_layout' has {} stages, pp {} x vpp {} needs {}", entries, p_.pp, p_.vpp, stages));
    int layers = 0;
    int modules = 0;
    for (const StageContent& stage : layout.stages) {
      layers += stage.layers;
      modules += stage.mtp;
    }
    rule(model_.layers == 0 || layers == model_.layers, keys,
         fmt::format("'pipeline_layout' has {} t, the model has {} layers", layers, model_.layers));
    const int trained = scenario_.training.mtp ? model_.mtp_layers : 0;
    rule(modules == trained, keys,
         fmt::format("'pipeline_layout' has {} m, {} MTP modules are trained", modules, trained));
  }

  void check_counted_ends(std::int64_t stages) const {
    const Paths keys = {key("embedding_as_layer"), key("loss_as_layer"), key("pp"), key("vpp"), "model.layers"};
    const bool given = !p_.layers_per_stage.empty() || !p_.pipeline_layout.empty();
    rule(!given, keys,
         "'embedding_as_layer' and 'loss_as_layer' go with neither 'layers_per_stage' nor "
         "'pipeline_layout'");
    const int counted = model_.layers + (p_.embedding_as_layer ? 1 : 0) + (p_.loss_as_layer ? 1 : 0);
    rule(given || model_.layers == 0 || counted % stages == 0, keys,
         fmt::format("{} layers{}{} = {} are not divisible by {} stages", model_.layers,
                     p_.embedding_as_layer ? " + embedding" : "", p_.loss_as_layer ? " + loss" : "", counted, stages));
  }

  void check_sharding() const {
    const std::int64_t all = std::int64_t{p_.cp} * p_.dp(scenario_.cluster.gpus);
    const Paths keys = {key("fsdp_group"), key("fsdp"), "cluster.gpus", key("tp"), key("cp")};
    rule(p_.fsdp == Fsdp::hybrid || p_.fsdp_group == 0, keys, "'fsdp_group' goes with fsdp: hybrid");
    if (p_.fsdp != Fsdp::hybrid) return;
    const int group = shard_ranks(p_, scenario_.cluster);
    rule(all % group == 0, keys,
         fmt::format("fsdp hybrid: groups of {} do not divide the {} data-parallel ranks (cp x dp)", group, all));
  }

  void check_given_stages(std::int64_t stages) const {
    const auto entries = static_cast<int>(p_.layers_per_stage.size());
    const auto sum = std::accumulate(p_.layers_per_stage.begin(), p_.layers_per_stage.end(), std::int64_t{0});
    const Paths keys = {key("layers_per_stage"), key("pp"), key("vpp"), "model.layers"};
    rule(entries == stages, keys,
         fmt::format("'layers_per_stage' has {} entries, pp {} x vpp {} needs {}", entries, p_.pp, p_.vpp, stages));
    rule(model_.layers == 0 || sum == model_.layers, keys,
         fmt::format("'layers_per_stage' sums to {}, the model has {} layers", sum, model_.layers));
  }

  void tensor_rule(int size, std::string_view model_key) const {
    rule(size % p_.tp == 0, {key("tp"), fmt::format("model.{}", model_key)},
         fmt::format("tp {} does not divide the model's {}: {}", p_.tp, model_key, size));
  }

  void check_tensor() const {
    tensor_rule(model_.heads, "heads");
    tensor_rule(model_.ffn_hidden, "ffn_hidden");
    const int kv = model_.kv_heads;
    rule(model_.attention == AttentionKind::mla || kv == 0 || kv % p_.tp == 0 || p_.tp % kv == 0,
         {key("tp"), "model.kv_heads"},
         fmt::format("tp {} and the model's kv_heads {}: one must divide the other", p_.tp, kv));
    if (p_.cp_exchange != CpExchange::all_to_all || p_.cp == 1) return;
    const int heads = model_.heads / p_.tp;
    const int kv_heads = model_.attention == AttentionKind::gqa ? std::max(1, kv / p_.tp) : heads;
    const Paths keys = {key("cp"), key("cp_exchange"), key("tp"), "model.heads", "model.kv_heads"};
    rule(heads % p_.cp == 0 && kv_heads % p_.cp == 0, keys,
         fmt::format("cp_exchange all_to_all: cp {} does not divide the {} query and {} key/value heads of a rank",
                     p_.cp, heads, kv_heads));
  }

  void check_experts() const {
    if (!model_.is_moe()) {
      rule(p_.ep == 1, {key("ep"), "model.experts"}, fmt::format("ep {} needs a model with experts", p_.ep));
      rule(p_.etp == 1, {key("etp"), "model.experts"}, fmt::format("etp {} needs a model with experts", p_.etp));
      return;
    }
    rule(model_.experts % p_.ep == 0, {key("ep"), "model.experts"},
         fmt::format("ep {} does not divide the model's {} experts", p_.ep, model_.experts));
    rule(model_.moe_ffn_hidden % p_.etp == 0, {key("etp"), "model.moe_ffn_hidden"},
         fmt::format("etp {} does not divide the model's moe_ffn_hidden: {}", p_.etp, model_.moe_ffn_hidden));
    if (scenario_.cluster.gpus % p_.model_ranks() != 0) return;
    const int stage_ranks = scenario_.cluster.gpus / p_.pp;
    const std::int64_t expert_ranks = std::int64_t{p_.ep} * p_.etp;
    rule(stage_ranks % expert_ranks == 0, {key("ep"), key("etp"), "cluster.gpus", key("pp")},
         fmt::format("ep {} x etp {} = {} does not divide the {} GPUs of a pipeline stage (tp x cp x dp)", p_.ep,
                     p_.etp, expert_ranks, stage_ranks));
  }

  void check_sequence() const {
    const std::int64_t tokens = std::int64_t{scenario_.training.micro_batch} * layout_.sequence_length;
    rule(
        tokens <= kMostMicroBatchTokens, {"training.micro_batch", training_key("sequence_length")},
        fmt::format("a micro-batch of {} tokens is more than the {} that are modelled", tokens, kMostMicroBatchTokens));
    const std::int64_t split = std::int64_t{p_.cp} * (p_.sequence_parallel ? p_.tp : 1);
    rule(layout_.sequence_length % split == 0, {training_key("sequence_length"), key("tp"), key("cp")},
         fmt::format("a sequence of {} tokens is not divisible by {} ({})", layout_.sequence_length, split,
                     p_.sequence_parallel ? "cp x tp, sequence parallel" : "cp"));
    const bool ring = p_.cp > 1 && p_.cp_exchange == CpExchange::ring;
    rule(!ring || layout_.sequence_length % (std::int64_t{2} * p_.cp) == 0,
         {training_key("sequence_length"), key("cp")},
         fmt::format("a ring of cp {} needs a sequence of 2 x cp equal pieces, not of {} tokens", p_.cp,
                     layout_.sequence_length));
  }

  void batch_rule(int batch, const std::string& path) const {
    const int dp = p_.dp(scenario_.cluster.gpus);
    const int micro = scenario_.training.micro_batch;
    const std::int64_t unit = std::int64_t{dp} * micro;
    rule(batch % unit == 0, {path, "training.micro_batch", "cluster.gpus", key("tp"), key("pp"), key("cp")},
         fmt::format("a batch of {} sequences is not divisible by dp {} x micro_batch {} = {}", batch, dp, micro, unit),
         batch < unit ? fmt::format("{} would do", unit)
                      : fmt::format("{} and {} would do", batch / unit * unit, (batch / unit + 1) * unit));
    rule(p_.schedule != Schedule::interleaved || batch % unit != 0 || batch / unit % p_.pp == 0,
         {path, key("pp"), key("schedule")},
         fmt::format("schedule interleaved needs a multiple of pp {} micro-batches a pipeline, {} sequences make {}",
                     p_.pp, batch, batch / unit));
  }

  void check_batch() const {
    if (layout_.global_batch == 0) return;
    batch_rule(layout_.global_batch, training_key("global_batch"));
    if (layout_.ramp.from == 0) return;
    batch_rule(layout_.ramp.from, training_key("ramp.from"));
    check_ramp_length();
    rule(
        layout_.ramp.from <= layout_.global_batch, {training_key("ramp.from"), training_key("global_batch")},
        fmt::format("the ramp starts at {} sequences, above the batch of {}", layout_.ramp.from, layout_.global_batch));
  }

  /// A ramp passes every batch that the layout can run.
  void check_ramp_length() const {
    const std::int64_t unit = std::int64_t{p_.dp(scenario_.cluster.gpus)} * scenario_.training.micro_batch;
    const std::int64_t batches = std::abs(layout_.global_batch - layout_.ramp.from) / unit;
    rule(batches <= kMostRampBatches, {training_key("ramp.from"), training_key("global_batch")},
         fmt::format("the ramp passes {} batches, more than the {} that are modelled", batches, kMostRampBatches));
  }

  const Scenario& scenario_;
  const Architecture& model_;
  const Parallelism& p_;
  const Layout& layout_;
  const Blame& blame_;
  Diagnostics& diagnostics_;
};

/// Rules that belong to no phase.
class ScenarioRules {
 public:
  ScenarioRules(const Scenario& scenario, const Blame& blame, Diagnostics& diagnostics)
      : scenario_(scenario), blame_(blame), diagnostics_(diagnostics) {}

  void check() const {
    check_widths();
    check_attention();
    check_moe();
    check_training();
    check_routing();
    check_phases();
    check_reliability();
    check_cluster();
    check_formats();
  }

 private:
  void rule(bool holds, const Paths& keys, std::string message, std::string hint = {}) const {
    if (!holds) report(blame_, keys, std::move(message), std::move(hint), diagnostics_);
  }

  /// Widths whose product with a micro-batch's tokens is counted in 64 bits.
  void check_widths() const {
    const Architecture& m = scenario_.model;
    const std::int64_t head = std::max(m.qk_head_dim(), m.value_head_dim());
    rule(m.heads * head <= kMostWidth, {"model.heads", "model.head_dim", "model.hidden"},
         fmt::format("{} heads of {} are wider than the {} that are modelled", m.heads, head, kMostWidth));
    const std::int64_t shared = std::int64_t{m.shared_experts} * m.moe_ffn_hidden;
    rule(shared <= kMostWidth, {"model.shared_experts", "model.moe_ffn_hidden"},
         fmt::format("{} shared experts of {} are wider than the {} that are modelled", m.shared_experts,
                     m.moe_ffn_hidden, kMostWidth));
  }

  void check_attention() const {
    const Architecture& m = scenario_.model;
    if (m.attention == AttentionKind::mla) {
      for (const auto& [name, size] : {std::pair<const char*, int>{"kv_lora", m.kv_lora},
                                       {"qk_nope", m.qk_nope},
                                       {"qk_rope", m.qk_rope},
                                       {"v_head_dim", m.v_head_dim}}) {
        rule(size > 0, {fmt::format("model.{}", name), "model.attention"},
             fmt::format("attention mla needs '{}'", name));
      }
    } else {
      rule(m.kv_heads == 0 || m.heads % m.kv_heads == 0, {"model.kv_heads", "model.heads"},
           fmt::format("kv_heads {} does not divide heads {}", m.kv_heads, m.heads));
    }
    rule(m.is_moe() || m.ffn_hidden > 0, {"model.ffn_hidden", "model.experts"}, "a dense model needs 'ffn_hidden'");
    rule(m.dense_layers == 0 || m.layers == 0 || m.dense_layers <= m.layers, {"model.dense_layers", "model.layers"},
         fmt::format("dense_layers {} is more than layers {}", m.dense_layers, m.layers));
  }

  void check_moe() const {
    const Architecture& m = scenario_.model;
    if (!m.is_moe()) return;
    rule(m.top_k >= 1 && m.top_k <= m.experts, {"model.top_k", "model.experts"},
         fmt::format("top_k {} must be from 1 to the model's {} experts", m.top_k, m.experts));
    rule(m.moe_ffn_hidden > 0, {"model.moe_ffn_hidden", "model.experts"},
         "a model with experts needs 'moe_ffn_hidden'");
    if (m.expert_groups == 0) return;
    rule(m.experts % m.expert_groups == 0, {"model.expert_groups", "model.experts"},
         fmt::format("expert_groups {} does not divide the model's {} experts", m.expert_groups, m.experts));
    rule(m.groups_per_token <= m.expert_groups, {"model.groups_per_token", "model.expert_groups"},
         fmt::format("groups_per_token {} is more than expert_groups {}", m.groups_per_token, m.expert_groups));
  }

  void check_training() const {
    const Training& t = scenario_.training;
    rule(!t.mtp || scenario_.model.mtp_layers > 0, {"training.mtp", "model.mtp_layers"},
         "training.mtp needs a model with mtp_layers");
    const bool selective = t.recompute == Recompute::selective;
    rule(!selective || !t.recompute_ops.empty(), {"training.recompute", "training.recompute_ops"},
         "recompute selective needs 'recompute_ops'",
         fmt::format("a list of {}", fmt::join(EnumNames<RecomputeOp>::kNames, ", ")));
    rule(selective || t.recompute_ops.empty(), {"training.recompute_ops", "training.recompute"},
         "'recompute_ops' goes with recompute: selective");
    rule(t.recompute_chunk == 1 || t.recompute == Recompute::full, {"training.recompute_chunk", "training.recompute"},
         "'recompute_chunk' goes with recompute: full");
    rule(t.ramp.tokens <= t.tokens || t.tokens == 0, {"training.ramp.tokens", "training.tokens"},
         "the ramp is longer than the training");
    rule(t.ramp.from == 0 || t.ramp.tokens > 0, {"training.ramp.from", "training.ramp.tokens"},
         "a ramp needs 'tokens', over which the batch rises");
  }

  /// What only natural routing has.
  void check_routing() const {
    const Training& t = scenario_.training;
    const bool natural = t.router_balance == RouterBalance::natural;
    rule(natural || !t.expert_imbalance, {"training.expert_imbalance", "training.router_balance"},
         "'expert_imbalance' goes with router_balance: natural");
    rule(natural || t.expert_loads.empty(), {"training.expert_loads", "training.router_balance"},
         "'expert_loads' goes with router_balance: natural");
    const auto entries = static_cast<int>(t.expert_loads.size());
    rule(entries == 0 || entries == scenario_.model.experts, {"training.expert_loads", "model.experts"},
         fmt::format("'expert_loads' has {} entries, the model has {} experts", entries, scenario_.model.experts));
    rule(entries == 0 || std::accumulate(t.expert_loads.begin(), t.expert_loads.end(), 0.0) > 0,
         {"training.expert_loads"}, "'expert_loads' holds no token");
    rule(t.capacity_factor == 0 || scenario_.model.is_moe(), {"training.capacity_factor", "model.experts"},
         "'capacity_factor' needs a model with experts");
  }

  void check_phases() const {
    const std::size_t phases = scenario_.training.phases.size();
    rule(phases <= kMostPhases, {"training.phases"},
         fmt::format("{} phases are more than the {} that are modelled", phases, kMostPhases));
    for (std::size_t i = 0; i < phases; ++i) {
      const Phase& phase = scenario_.training.phases[i];
      const std::string path = fmt::format("training.phases.{}", i);
      rule(phase.basis != PhaseBasis::given || phase.given_gpu_hours, {path + ".basis", path + ".name"},
           "'basis: given' needs 'given_gpu_hours'");
    }
  }

  void check_reliability() const {
    const Reliability& r = scenario_.reliability;
    rule(r.interruptions_per_1000_node_days == 0 || r.gpu_hours_per_interruption == 0,
         {"reliability.gpu_hours_per_interruption", "reliability.interruptions_per_1000_node_days"},
         "'gpu_hours_per_interruption' and 'interruptions_per_1000_node_days' are one figure: give one of them");
    rule(r.spares == 0 || r.repair_time.value() > 0, {"reliability.spares", "reliability.repair_time"},
         "'spares' need a 'repair_time': without one they never run out");
    rule(r.planned_per_1000_node_days == 0 || r.planned_time.value() > 0,
         {"reliability.planned_per_1000_node_days", "reliability.planned_time"},
         "planned interruptions need a 'planned_time'");
  }

  void check_cluster() const {
    const Cluster& c = scenario_.cluster;
    const bool several = c.gpus > c.node.gpus;
    const std::int64_t nics = (std::int64_t{c.gpus} + c.node.gpus - 1) / c.node.gpus * c.node.nics;
    rule(nics <= kMostNics, {"cluster.node.nics", "cluster.gpus"},
         fmt::format("{} NICs are more than the {} that are modelled", nics, kMostNics));
    rule(!several || c.gpus % c.node.gpus == 0, {"cluster.gpus", "cluster.node.gpus"},
         fmt::format("{} GPUs are not a whole number of nodes of {}", c.gpus, c.node.gpus),
         fmt::format("{} and {} would do", c.gpus / c.node.gpus * c.node.gpus,
                     (c.gpus / c.node.gpus + 1) * c.node.gpus));
    rule(!several || c.fabric.port_per_direction.value() > 0, {"cluster.fabric", "cluster.gpus", "cluster.node"},
         fmt::format("{} GPUs on nodes of {} need a 'cluster.fabric' with port_per_direction", c.gpus, c.node.gpus));
  }

  void check_formats() const {
    for (const FormatProblem& problem : format_problems(scenario_)) {
      rule(false, {"precision", "cluster.gpu", problem.path}, problem.message, problem.hint);
    }
  }

  const Scenario& scenario_;
  const Blame& blame_;
  Diagnostics& diagnostics_;
};

}  // namespace

void check_layout(const Scenario& scenario, const YamlNode& document, Diagnostics& diagnostics) {
  const Blame blame(document, diagnostics);
  ScenarioRules(scenario, blame, diagnostics).check();
  const Training& training = scenario.training;
  const Layout main{scenario.parallelism,     "parallelism",         "training",
                    training.sequence_length, training.global_batch, training.ramp};
  LayoutRules(scenario, main, blame, diagnostics).check();
  for (std::size_t i = 0; i < training.phases.size(); ++i) {
    const Phase& phase = training.phases[i];
    if (phase.is_given()) continue;
    const std::string path = fmt::format("training.phases.{}", i);
    const Layout layout{phase.parallelism ? *phase.parallelism : scenario.parallelism,
                        phase.parallelism ? path + ".parallelism" : "parallelism",
                        path,
                        phase.sequence_length > 0 ? phase.sequence_length : training.sequence_length,
                        phase.global_batch > 0 ? phase.global_batch : training.global_batch,
                        phase.ramp};
    LayoutRules(scenario, layout, blame, diagnostics).check();
  }
}

}  // namespace gpuhours
