// Keys of a scenario file that belong to no catalogue.

#include "core/limits.hpp"
#include "scenario/keys.hpp"

namespace gpuhours {

void describe(Keys& keys, Scenario& scenario) {
  keys.text({"name", "name of the scenario"}, scenario.name);
  keys.text({"description", "what it is, in a sentence"}, scenario.description);
  keys.map({"model", "the architecture", kRequired}, scenario.model, &catalogue_folder(CatalogueKind::model));
  keys.map({"cluster", "what it runs on", kRequired}, scenario.cluster, &catalogue_folder(CatalogueKind::system));
  keys.map({"precision", "which numbers are held in which format"}, scenario.precision,
           &catalogue_folder(CatalogueKind::precision));
  keys.map({"parallelism", "how the model is spread over GPUs"}, scenario.parallelism);
  keys.map({"training", "what is trained", kRequired}, scenario.training);
  keys.map({"stack", "the software"}, scenario.stack, &catalogue_folder(CatalogueKind::stack));
  keys.map({"reliability", "interruptions and checkpoints"}, scenario.reliability,
           &catalogue_folder(CatalogueKind::reliability));
  keys.map({"pricing", "rent, energy, carbon"}, scenario.pricing, &catalogue_folder(CatalogueKind::pricing));
  keys.map({"engine", "how it is simulated"}, scenario.engine);
}

void describe(Keys& keys, Cluster& cluster) {
  keys.text({"id", "name of the system's catalogue file"}, cluster.id);
  keys.text({"name", "name in plain words"}, cluster.name);
  keys.map({"gpu", "the GPU", kRequired}, cluster.gpu, &catalogue_folder(CatalogueKind::gpu));
  keys.whole({"gpus", "GPUs of the run", kRequired}, cluster.gpus, between(1, kMostGpus));
  keys.map({"node", "the node; without it the GPU's default_node", kRequired}, cluster.node,
           &catalogue_folder(CatalogueKind::node));
  keys.map({"fabric", "the network between nodes"}, cluster.fabric, &catalogue_folder(CatalogueKind::fabric));
  keys.list({"sources", "citations of the system"}, cluster.sources);
}

void describe(Keys& keys, Parallelism& parallelism) {
  keys.whole({"tp", "tensor-parallel ranks"}, parallelism.tp, between(1, kMostRanksAnAxis));
  keys.flag({"sequence_parallel", "norms and residuals are split over tensor-parallel ranks too"},
            parallelism.sequence_parallel);
  keys.whole({"pp", "pipeline stages"}, parallelism.pp, between(1, kMostRanksAnAxis));
  keys.whole({"vpp", "virtual stages a rank"}, parallelism.vpp, between(1, kMostRanksAnAxis));
  keys.whole({"cp", "context-parallel ranks"}, parallelism.cp, between(1, kMostRanksAnAxis));
  keys.whole({"ep", "expert-parallel ranks"}, parallelism.ep, between(1, kMostRanksAnAxis));
  keys.whole({"etp", "tensor-parallel ranks inside an expert"}, parallelism.etp, between(1, kMostRanksAnAxis));
  keys.whole({"zero_stage", "what data-parallel ranks share: 1 optimizer, 2 gradients, 3 weights"},
             parallelism.zero_stage, between(0, 3));
  keys.choice({"fsdp", "fully sharded data parallelism; hybrid: inside groups, copies of which reduce gradients"},
              parallelism.fsdp);
  keys.whole({"fsdp_group", "ranks that share one copy of the weights under fsdp hybrid, 0: those of a node"},
             parallelism.fsdp_group, between(0, kMostGpus));
  keys.whole({"fsdp_prefetch", "layers whose weights are gathered ahead of the one that runs"},
             parallelism.fsdp_prefetch, between(0, 4));
  keys.choice({"cp_exchange", "ring: keys and values go round; all_to_all: each rank gets a share of the heads"},
              parallelism.cp_exchange);
  keys.choice({"schedule", "order of forward and backward in the pipeline"}, parallelism.schedule);
  keys.wholes({"layers_per_stage", "layers of each of pp x vpp stages; empty: as even as can be"},
              parallelism.layers_per_stage, between(0, kMostLayers));
  keys.flag({"embedding_as_layer", "the embedding counts as a layer where layers are spread over stages"},
            parallelism.embedding_as_layer);
  keys.flag({"loss_as_layer", "the output layer counts as a layer where layers are spread over stages"},
            parallelism.loss_as_layer);
  keys.text({"pipeline_layout", "what stages hold: E embedding, t layer, m MTP, L loss, | border; t*3, (tt|)*4 repeat"},
            parallelism.pipeline_layout);
}

void describe(Keys& keys, Training& training) {
  keys.number({"tokens", "tokens of the main phase", kRequired}, Unit::tokens, training.tokens, greater_than(0));
  keys.count({"sequence_length", "length of a sequence"}, Unit::tokens, training.sequence_length,
             between(1, kMostSequence));
  keys.count({"global_batch", "sequences a step", kRequired}, Unit::sequences, training.global_batch,
             between(1, kMostBatch));
  keys.map({"ramp", "linear rise of the global batch"}, training.ramp);
  keys.count({"micro_batch", "sequences that pass the pipeline together"}, Unit::sequences, training.micro_batch,
             between(1, kMostBatch));
  keys.choice({"recompute", "what is computed again in backward"}, training.recompute);
  keys.choices({"recompute_ops", "operators of selective recompute"}, training.recompute_ops);
  keys.whole({"recompute_chunk", "layers between two checkpoints of full recompute"}, training.recompute_chunk,
             between(1, kMostLayers));
  keys.flag({"mtp", "train the model's multi-token-prediction modules"}, training.mtp);
  keys.choice({"router_balance", "forced: every expert gets the same number of tokens; natural: as the router chooses"},
              training.router_balance);
  keys.optional_number(
      {"expert_imbalance",
       "natural routing: relative standard deviation of an expert's tokens from one micro-batch to the "
       "next, sampling noise apart; left out: what DeepSeek's public profile shows"},
      Unit::ratio, training.expert_imbalance, between(0, 2), false);
  keys.wholes({"expert_loads", "natural routing: tokens that each expert received, a lasting skew; empty: none"},
              training.expert_loads, at_least(0));
  keys.number(
      {"capacity_factor",
       "rows kept for an expert over the mean: what is above is dropped, what is below is padding; 0: dropless"},
      Unit::ratio, training.capacity_factor, between(0, 1e3));
  keys.list({"phases", "after the main phase"}, training.phases);
}

void describe(Keys& keys, BatchRamp& ramp) {
  keys.count({"from", "batch of the first step, 0: no ramp"}, Unit::sequences, ramp.from, between(0, kMostBatch));
  keys.number({"tokens", "tokens over which the batch rises"}, Unit::tokens, ramp.tokens, at_least(0));
}

void describe(Keys& keys, Phase& phase) {
  keys.text({"name", "name of the phase", kRequired}, phase.name);
  keys.number({"tokens", "tokens of the phase"}, Unit::tokens, phase.tokens, at_least(0));
  keys.count({"sequence_length", "length of a sequence, 0: the training's"}, Unit::tokens, phase.sequence_length,
             between(0, kMostSequence));
  keys.count({"global_batch", "sequences a step, 0: the training's"}, Unit::sequences, phase.global_batch,
             between(0, kMostBatch));
  keys.map({"ramp", "linear rise of the global batch"}, phase.ramp);
  keys.optional_number({"given_gpu_hours", "GPU hours of a phase that is not simulated"}, Unit::gpu_hours,
                       phase.given_gpu_hours, at_least(0), true);
  keys.choice({"basis", "of its hours; automatic: given where GPU hours are, else simulated"}, phase.basis);
  keys.map({"parallelism", "keys that differ from the scenario's parallelism"}, phase.parallelism);
}

void describe(Keys& keys, Reliability& reliability) {
  keys.text({"id", "name of the catalogue file"}, reliability.id);
  keys.text({"name", "name in plain words"}, reliability.name);
  keys.number({"interruptions_per_1000_node_days", "unplanned interruptions; 0: not modelled"}, Unit::ratio,
              reliability.interruptions_per_1000_node_days, between(0, 1e6));
  keys.number({"gpu_hours_per_interruption", "the same rate by GPU hours; 0: interruptions_per_1000_node_days"},
              Unit::gpu_hours, reliability.gpu_hours_per_interruption, at_least(0));
  keys.quantity({"detection_time", "from an interruption to its notice"}, Unit::time, reliability.detection_time,
                at_least(0));
  keys.quantity({"restart_time", "from the notice to the next step"}, Unit::time, reliability.restart_time,
                at_least(0));
  keys.quantity({"checkpoint_interval", "between checkpoints, 0: the optimum of Young and Daly"}, Unit::time,
                reliability.checkpoint_interval, at_least(0));
  keys.quantity({"checkpoint_stall", "training stands still for a checkpoint"}, Unit::time,
                reliability.checkpoint_stall, at_least(0));
  keys.number({"planned_per_1000_node_days", "planned interruptions, which lose no work"}, Unit::ratio,
              reliability.planned_per_1000_node_days, between(0, 1e6));
  keys.quantity({"planned_time", "that a planned interruption stops training"}, Unit::time, reliability.planned_time,
                at_least(0));
  keys.number({"replaced_share", "unplanned interruptions that take a node out"}, Unit::ratio,
              reliability.replaced_share, between(0, 1));
  keys.whole({"spares", "nodes that stand by"}, reliability.spares, between(0, kMostGpus));
  keys.quantity({"repair_time", "until a node that was taken out is back, 0: spares never run out"}, Unit::time,
                reliability.repair_time, at_least(0));
  keys.list({"sources", "citations of the figures above"}, reliability.sources);
}

void describe(Keys& keys, EngineOptions& engine) {
  keys.choice({"mode", "folded: like ranks once; expanded: every rank"}, engine.mode);
  keys.choice({"network", "analytic: latency and bandwidth; flow: shared links"}, engine.network);
  keys.number({"jitter", "relative standard deviation of a chunk's time"}, Unit::ratio, engine.jitter, between(0, 1));
  keys.seed({"seed", "of the random streams"}, engine.seed);
}

}  // namespace gpuhours
