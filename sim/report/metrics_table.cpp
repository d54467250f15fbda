#include "report/metrics.hpp"
#include "scenario/enum_names.hpp"

namespace gpuhours {
namespace {

using Value = MetricValue;
using R = const Result&;

Value count(std::int64_t value) { return value; }
Value words(std::string_view value) { return std::string(value); }

Value interval(const std::optional<Interval>& interval) {
  if (!interval) return {};
  return std::array<double, 2>{interval->p10, interval->p90};
}

Value positive(double value) { return value > 0 ? Value(value) : Value{}; }

double hourly(DollarsPerSecond rate) { return (rate * kHour).value(); }

template <Seconds StepBreakdown::*part>
Value part_of(const StepBreakdown& breakdown) {
  return (breakdown.*part).value();
}
template <Seconds StepBreakdown::*part>
Value part_of(const Result& result) {
  return (result.estimate.step.breakdown.*part).value();
}

template <ChunkKind kind>
Value chunk_of(const Result& result) {
  return result.estimate.step.chunks.time[static_cast<std::size_t>(kind)].value();
}

const Parallelism& layout(R r) { return r.scenario.parallelism; }
const Training& training(R r) { return r.scenario.training; }
const StepEstimate& step(R r) { return r.estimate.step; }

using B = StepBreakdown;

constexpr Metric<Result> kMetrics[] = {
    {"schema_version", "schema version", "", "version of this object's form", [](R) { return count(kSchemaVersion); }},
    {"version", "version", "", "version of gpuhours", [](R) { return words(program_version()); }},

    {"inputs.scenario", "scenario", "", "name of the scenario", [](R r) { return words(r.scenario.name); }},
    {"inputs.model", "model", "", "catalogue id of the architecture", [](R r) { return words(r.scenario.model.id); }},
    {"inputs.cluster.gpu", "GPU", "", "catalogue id", [](R r) { return words(r.scenario.cluster.gpu.id); }},
    {"inputs.cluster.gpus", "GPUs", "", "in the whole cluster", [](R r) { return count(r.scenario.cluster.gpus); }},
    {"inputs.cluster.node", "node", "", "catalogue id", [](R r) { return words(r.scenario.cluster.node.id); }},
    {"inputs.cluster.fabric", "fabric", "", "catalogue id", [](R r) { return words(r.scenario.cluster.fabric.id); }},
    {"inputs.precision", "precision", "", "recipe", [](R r) { return words(r.scenario.precision.id); }},
    {"inputs.parallelism.tp", "tensor parallel", "", "ranks", [](R r) { return count(layout(r).tp); }},
    {"inputs.parallelism.pp", "pipeline parallel", "", "ranks", [](R r) { return count(layout(r).pp); }},
    {"inputs.parallelism.vpp", "virtual stages", "", "per pipeline rank", [](R r) { return count(layout(r).vpp); }},
    {"inputs.parallelism.dp", "data parallel", "", "ranks",
     [](R r) { return count(layout(r).dp(r.scenario.cluster.gpus)); }},
    {"inputs.parallelism.cp", "context parallel", "", "ranks", [](R r) { return count(layout(r).cp); }},
    {"inputs.parallelism.ep", "expert parallel", "", "ranks", [](R r) { return count(layout(r).ep); }},
    {"inputs.parallelism.etp", "expert tensor parallel", "", "ranks", [](R r) { return count(layout(r).etp); }},
    {"inputs.parallelism.zero_stage", "ZeRO stage", "", "0 to 3", [](R r) { return count(layout(r).zero_stage); }},
    {"inputs.parallelism.fsdp", "FSDP", "", "none, full or hybrid",
     [](R r) { return words(enum_name(layout(r).fsdp)); }},
    {"inputs.parallelism.schedule", "schedule", "", "pipeline schedule asked for",
     [](R r) { return words(enum_name(layout(r).schedule)); }},
    {"inputs.training.tokens", "tokens", "tokens", "of the main phase", [](R r) { return Value(training(r).tokens); }},
    {"inputs.training.sequence_length", "sequence length", "tokens", "tokens per sequence",
     [](R r) { return count(training(r).sequence_length); }},
    {"inputs.training.global_batch", "global batch", "sequences", "sequences per step",
     [](R r) { return count(training(r).global_batch); }},
    {"inputs.training.micro_batch", "micro-batch", "sequences", "sequences",
     [](R r) { return count(training(r).micro_batch); }},
    {"inputs.training.recompute", "recompute", "", "none, selective or full",
     [](R r) { return words(enum_name(training(r).recompute)); }},
    {"inputs.training.mtp", "MTP", "", "multi-token prediction modules are trained",
     [](R r) { return Value(training(r).mtp); }},
    {"inputs.stack", "stack", "", "software profile", [](R r) { return words(r.scenario.stack.id); }},
    {"inputs.pricing", "price list", "", "catalogue id", [](R r) { return words(r.scenario.pricing.id); }},
    {"inputs.engine.jitter", "jitter", "share", "relative standard deviation of chunk times",
     [](R r) { return Value(r.scenario.engine.jitter); }},
    {"inputs.engine.seed", "seed", "", "of the random streams",
     [](R r) { return count(static_cast<std::int64_t>(r.scenario.engine.seed)); }},

    {"step.time_s", "step time", "s", "a steady step of the longest phase",
     [](R r) { return Value(step(r).time.value()); }},
    {"step.tokens_per_s_per_gpu", "tokens a second and GPU", "tokens/s", "of that step",
     [](R r) { return Value(step(r).tokens_per_s_per_gpu); }},
    {"step.model_tflops_per_gpu", "model FLOP rate per GPU", "TFLOP/s",
     "matrix products and causal attention, 3 x forward",
     [](R r) { return Value(step(r).model_flops_per_gpu.value() * 1e-12); }},
    {"step.mfu", "MFU", "share",
     "model FLOPs over the BF16 dense peak, whatever the precision; over FP16's on a part without BF16",
     [](R r) { return Value(step(r).mfu); }},
    {"step.mfu_native", "MFU of the format's peak", "share",
     "model FLOPs over the dense peak of the fastest format of its products",
     [](R r) { return Value(step(r).mfu_native); }},
    {"step.schedule", "schedule", "", "pipeline schedule that ran",
     [](R r) { return words(enum_name(step(r).schedule_run)); }},
    {"step.breakdown_rank", "breakdown of rank", "", "pipeline rank of breakdown_s",
     [](R r) { return count(step(r).breakdown_rank); }},
    {"step.breakdown_s.forward", "1F", "s", "forward chunks alone", part_of<&B::forward>},
    {"step.breakdown_s.backward", "1B", "s", "backward chunks alone", part_of<&B::backward>},
    {"step.breakdown_s.weight", "1W", "s", "weight-gradient chunks alone", part_of<&B::weight>},
    {"step.breakdown_s.forward_backward", "F&B", "s", "overlapped forward and backward chunks",
     part_of<&B::forward_backward>},
    {"step.breakdown_s.bubble", "bubble", "s", "waiting for another pipeline rank", part_of<&B::bubble>},
    {"step.breakdown_s.optimizer", "optimizer", "s", "optimizer step", part_of<&B::optimizer>},
    {"step.breakdown_s.exposed_tp", "exposed TP", "s", "tensor-parallel communication not hidden",
     part_of<&B::exposed_tp>},
    {"step.breakdown_s.exposed_ep", "exposed EP", "s", "expert dispatch and combine not hidden",
     part_of<&B::exposed_ep>},
    {"step.breakdown_s.exposed_dp", "exposed DP", "s", "data-parallel communication not hidden",
     part_of<&B::exposed_dp>},
    {"step.breakdown_s.exposed_pp", "exposed PP", "s", "pipeline sends not hidden", part_of<&B::exposed_pp>},
    {"step.breakdown_s.exposed_cp", "exposed CP", "s", "context-parallel communication not hidden",
     part_of<&B::exposed_cp>},
    {"step.chunk_time_s.forward", "1F", "s", "forward chunks with the communication exposed in them",
     chunk_of<ChunkKind::forward>},
    {"step.chunk_time_s.bubble", "bubble", "s", "waiting for another pipeline rank",
     [](R r) { return Value(step(r).chunks.bubble.value()); }},
    {"step.chunk_time_s.backward", "1B", "s", "backward chunks with the communication exposed in them",
     [](R r) {
       const auto& time = step(r).chunks.time;
       return Value((time[static_cast<std::size_t>(ChunkKind::backward)] +
                     time[static_cast<std::size_t>(ChunkKind::backward_input)])
                        .value());
     }},
    {"step.chunk_time_s.weight", "1W", "s", "weight-gradient chunks", chunk_of<ChunkKind::backward_weight>},
    {"step.chunk_time_s.forward_backward", "F&B", "s", "overlapped chunks with the communication exposed in them",
     chunk_of<ChunkKind::forward_backward>},
    {"step.chunk_time_s.optimizer", "optimizer", "s", "optimizer step",
     [](R r) { return Value(step(r).chunks.optimizer.value()); }},
    {"step.exposed_communication_s", "exposed communication", "s", "of the breakdown rank",
     [](R r) { return Value(step(r).exposed_communication.value()); }},
    {"step.communication_hidden_share", "communication hidden", "share", "of communication time, behind compute",
     [](R r) { return Value(step(r).communication_hidden_share); }},
    {"step.power_share", "power", "share", "mean node power over its power while training; null when not modelled",
     [](R r) { return step(r).mean_power_share > 0 ? Value(step(r).mean_power_share) : Value{}; }},

    {"network.model", "network", "", "analytic, or flow: links are shared",
     [](R r) { return words(enum_name(r.estimate.network.model)); }},
    {"network.contention_cost_s", "contention costs", "s",
     "of the step; null for the analytic network, which sees none",
     [](R r) {
       const auto& cost = r.estimate.network.contention_cost;
       return cost ? Value(cost->value()) : Value{};
     }},

    {"memory.peak_bytes_per_gpu", "memory peak", "bytes", "of the fullest pipeline rank",
     [](R r) { return Value(r.estimate.memory.peak.value()); }},
    {"memory.capacity_bytes", "memory capacity", "bytes", "usable by a program",
     [](R r) { return Value(r.estimate.memory.capacity.value()); }},
    {"memory.fits", "fits in memory", "", "peak is not above capacity",
     [](R r) { return Value(r.estimate.memory.fits()); }},
    {"memory.rank", "fullest rank", "", "pipeline rank of the ledger",
     [](R r) { return count(r.estimate.memory.rank); }},
    {"memory.remedy", "would fit with", "", "smallest change found; null when it fits",
     [](R r) { return r.estimate.memory.remedy.empty() ? Value{} : Value(r.estimate.memory.remedy); }},

    {"run.tokens", "tokens", "tokens", "all phases", [](R r) { return Value(r.estimate.run.tokens); }},
    {"run.steps", "steps", "steps", "simulated phases", [](R r) { return Value(r.estimate.run.steps); }},
    {"run.wall_time_s", "wall time", "s", "interruptions included",
     [](R r) { return Value(r.estimate.run.wall_time.value()); }},
    {"run.gpu_hours", "GPU hours", "GPU h", "all phases", [](R r) { return Value(r.estimate.run.gpu_hours); }},
    {"run.goodput", "goodput", "share", "productive over wall time of the simulated phases",
     [](R r) { return Value(r.estimate.run.goodput); }},
    {"run.lost.checkpoints", "lost to checkpoints", "share", "of that wall time: training stands still",
     [](R r) { return positive(r.estimate.run.parts.stalls); }},
    {"run.lost.repeated_work", "lost to repeated work", "share", "since the last checkpoint before an interruption",
     [](R r) { return positive(r.estimate.run.parts.repeated); }},
    {"run.lost.restarts", "lost to restarts", "share", "detection and restart after unplanned interruptions",
     [](R r) { return positive(r.estimate.run.parts.restarts); }},
    {"run.lost.planned", "lost to planned stops", "share", "planned interruptions",
     [](R r) { return positive(r.estimate.run.parts.planned); }},
    {"run.lost.waiting", "lost waiting for nodes", "share", "all spares being away for repair",
     [](R r) { return positive(r.estimate.run.parts.waiting); }},
    {"run.between_interruptions_s", "between interruptions", "s", "mean, unplanned; null when not modelled",
     [](R r) { return positive(r.estimate.run.parts.between_interruptions.value()); }},
    {"run.checkpoint_interval_s", "between checkpoints", "s", "given or Young-Daly; null when none are needed",
     [](R r) { return positive(r.estimate.run.parts.checkpoint_interval.value()); }},

    {"cost.usd", "cost", "USD", "of the run, by cost.method", [](R r) { return Value(r.estimate.cost.usd.value()); }},
    {"cost.usd_low", "cost, low", "USD", "with the lowest of the prices found; null for a single price",
     [](R r) { return r.estimate.cost.range ? Value(r.estimate.cost.range->low.value()) : Value{}; }},
    {"cost.usd_high", "cost, high", "USD", "with the highest of the prices found",
     [](R r) { return r.estimate.cost.range ? Value(r.estimate.cost.range->high.value()) : Value{}; }},
    {"cost.usd_per_gpu_hour", "price per GPU hour", "USD", "rent, or owned cost over the GPU hours",
     [](R r) { return Value(hourly(r.estimate.cost.rate)); }},
    {"cost.method", "paid by", "", "rent, owned or epoch",
     [](R r) { return words(enum_name(r.scenario.pricing.method)); }},
    {"cost.currency", "currency", "", "of every amount", [](R r) { return words(r.scenario.pricing.currency); }},
    {"cost.price_date", "price of", "", "month of the price list, of the capital price where hardware is owned",
     [](R r) {
       const Pricing& p = r.scenario.pricing;
       const std::string& date = p.method == PricingMethod::rent ? p.date : p.capital.date;
       return date.empty() ? Value{} : Value(date);
     }},
    {"cost.research_multiplier", "research multiplier", "", "cost with experiments and failed runs over cost",
     [](R r) { return Value(r.scenario.pricing.research_multiplier); }},
    {"cost.usd_with_research", "cost with research", "USD", "cost x research multiplier",
     [](R r) { return Value(r.estimate.cost.with_research.value()); }},
    {"cost.electricity_usd", "electricity in it", "USD", "the energy at the scenario's price; part of the rent",
     [](R r) { return Value(r.estimate.cost.electricity.value()); }},
    {"energy.kwh", "energy", "kWh", "at the meter, PUE included",
     [](R r) { return Value(r.estimate.cost.energy / kKilowattHour); }},
    {"energy.grid", "grid", "", "catalogue id; null: the price list's electricity and carbon",
     [](R r) { return r.scenario.pricing.grid.id.empty() ? Value{} : words(r.scenario.pricing.grid.id); }},
    {"energy.kg_co2", "carbon", "kg CO2", "of that energy", [](R r) { return Value(r.estimate.cost.carbon_kg); }},

    {"interval.step_time_s", "step time, 80 % interval", "s", "[p10, p90]; null without covariance",
     [](R r) { return interval(r.estimate.step_time_interval); }},
    {"interval.gpu_hours", "GPU hours, 80 % interval", "GPU h", "[p10, p90]",
     [](R r) { return interval(r.estimate.gpu_hours_interval); }},
    {"interval.usd", "cost, 80 % interval", "USD", "[p10, p90]", [](R r) { return interval(r.estimate.usd_interval); }},

    {"provenance.measured_share", "measured kernel time", "share",
     "of kernel time whose law was fitted to this GPU and shape range",
     [](R r) { return Value(r.estimate.provenance.measured_share); }},
    {"provenance.interpolated_share", "interpolated kernel time", "share", "same law, outside the fitted range",
     [](R r) { return Value(r.estimate.provenance.interpolated_share); }},
    {"provenance.guessed_share", "guessed kernel time", "share", "law borrowed or assumed",
     [](R r) { return Value(r.estimate.provenance.guessed_share); }},
};

using P = const PhaseEstimate&;
constexpr Metric<PhaseEstimate> kPhaseMetrics[] = {
    {"name", "phase", "", "name of the phase", [](P p) { return words(p.name); }},
    {"basis", "basis", "", "simulated, or its hours were given",
     [](P p) { return words(p.simulated ? "simulated" : "given"); }},
    {"tokens", "tokens", "tokens", "trained; null when a given phase does not say",
     [](P p) { return p.tokens > 0 ? Value(p.tokens) : Value{}; }},
    {"steps", "steps", "steps", "optimizer steps", [](P p) { return p.simulated ? Value(p.steps) : Value{}; }},
    {"step_time_s", "step", "s", "a steady step",
     [](P p) { return p.simulated ? Value(p.step_time.value()) : Value{}; }},
    {"wall_time_s", "wall time", "s", "interruptions included", [](P p) { return Value(p.wall_time.value()); }},
    {"gpu_hours", "GPU hours", "GPU h", "of the phase", [](P p) { return Value(p.gpu_hours); }},
    {"fall_back_token_share", "fall-back", "share", "of its tokens, trained by a fall-back schedule",
     [](P p) { return p.simulated ? Value(p.fall_back_token_share) : Value{}; }},
};

constexpr Metric<StepBreakdown> kBreakdownMetrics[] = {
    {"forward", "1F", "s", "forward chunks alone", part_of<&B::forward>},
    {"bubble", "bubble", "s", "waiting for another pipeline rank", part_of<&B::bubble>},
    {"backward", "1B", "s", "backward chunks alone", part_of<&B::backward>},
    {"weight", "1W", "s", "weight-gradient chunks alone", part_of<&B::weight>},
    {"forward_backward", "F&B", "s", "overlapped forward and backward chunks", part_of<&B::forward_backward>},
    {"optimizer", "optimizer", "s", "optimizer step", part_of<&B::optimizer>},
    {"exposed_tp", "exp. TP", "s", "tensor-parallel communication not hidden", part_of<&B::exposed_tp>},
    {"exposed_ep", "exp. EP", "s", "expert dispatch and combine not hidden", part_of<&B::exposed_ep>},
    {"exposed_dp", "exp. DP", "s", "data-parallel communication not hidden", part_of<&B::exposed_dp>},
    {"exposed_pp", "exp. PP", "s", "pipeline sends not hidden", part_of<&B::exposed_pp>},
    {"exposed_cp", "exp. CP", "s", "context-parallel communication not hidden", part_of<&B::exposed_cp>},
};

using G = const ProvenanceReport::Guess&;
constexpr Metric<ProvenanceReport::Guess> kGuessMetrics[] = {
    {"what", "guessed", "", "what the law was borrowed or assumed for", [](G g) { return words(g.what); }},
    {"share_of_step", "share of step", "share", "of the step's time", [](G g) { return Value(g.share_of_step); }},
};

using C = const NetworkReport::Contention&;
constexpr Metric<NetworkReport::Contention> kContentionMetrics[] = {
    {"what", "traffic", "", "one kind of traffic", [](C c) { return words(c.what); }},
    {"alone_s", "one group alone", "s", "nothing else on the network", [](C c) { return Value(c.alone.value()); }},
    {"together_s", "as in the step", "s", "beside all that runs at the same moment",
     [](C c) { return Value(c.together.value()); }},
};

}  // namespace

std::span<const Metric<NetworkReport::Contention>> contention_metrics() { return kContentionMetrics; }
std::span<const Metric<Result>> metrics() { return kMetrics; }
std::span<const Metric<PhaseEstimate>> phase_metrics() { return kPhaseMetrics; }
std::span<const Metric<StepBreakdown>> breakdown_metrics() { return kBreakdownMetrics; }
std::span<const Metric<ProvenanceReport::Guess>> guess_metrics() { return kGuessMetrics; }

}  // namespace gpuhours
