#include "memory/ledger.hpp"

#include <algorithm>
#include <cassert>

#include "memory/peak_activations.hpp"
#include "memory/remedy.hpp"
#include "workload/stages.hpp"

namespace gpuhours {

namespace {

RankParameters rank_parameters(const Workload& w, const std::vector<int>& stages) {
  RankParameters sum;
  for (const int stage : stages) {
    const StageWork& work = w.stages[static_cast<std::size_t>(stage)];
    sum.dense += work.parameters.dense;
    sum.expert += work.parameters.expert;
  }
  return sum;
}

/// Bytes of a parameter's weights on the rank: the compute copy, and for scaled formats computed from another format
/// the low-precision copy; once more transposed where the recipe keeps that.
double weight_bytes(const PrecisionRecipe& r) {
  const double weights = bytes_per_element(r.weights);
  if (!r.low_precision_gemm()) return weights;
  const double copy = bytes_per_element(r.gemm);
  return weights + (r.weights == r.gemm ? 0 : copy) + (r.weight_transpose_cached ? copy : 0);
}

class Ledger {
 public:
  Ledger(const Scenario& s, const Workload& w, const PipelinePlan& plan)
      : s_(s), w_(w), plan_(plan), groups_(data_group_sizes(s)) {}

  [[nodiscard]] MemoryLedger of_rank(int rank) const {
    const std::vector<int>& stages = plan_.stages_of_rank[static_cast<std::size_t>(rank)];
    MemoryLedger ledger;
    ledger.rank = rank;
    ledger.capacity = s_.cluster.gpu.memory_capacity;
    add_states(ledger, rank_parameters(w_, stages));
    add_activations(ledger, rank, stages);
    add("overhead", s_.stack.memory_overhead, ledger);
    for (const LedgerEntry& entry : ledger.entries) ledger.peak += entry.bytes;
    return ledger;
  }

 private:
  static void add(const char* name, Bytes bytes, MemoryLedger& ledger) {
    if (bytes.value() > 0) ledger.entries.push_back({name, bytes});
  }

  /// Bytes of `bytes_per_parameter` held for every parameter, sharded over the data groups from `zero_stage` on.
  [[nodiscard]] Bytes held(const RankParameters& p, double bytes_per_parameter, int zero_stage) const {
    // FSDP shards all; below stage 3 the gathered weights stay until backward.
    const bool fsdp = s_.parallelism.fsdp != Fsdp::none && zero_stage < 3;
    const bool sharded = s_.parallelism.zero_stage >= zero_stage || fsdp;
    const double dense = sharded ? p.dense / groups_.dense : p.dense;
    const double expert = sharded ? p.expert / groups_.expert : p.expert;
    return Bytes((dense + expert) * bytes_per_parameter);
  }

  /// Whole weights of the layer that runs and of those gathered ahead, and its gradients before they are scattered.
  [[nodiscard]] Bytes gathered_layers() const {
    const RankParameters layer = layer_rank_parameters(s_, parameter_counts(s_.model), s_.model.is_moe());
    const double weights = (1 + s_.parallelism.fsdp_prefetch) * bytes_per_element(s_.precision.weights);
    return Bytes(layer.total() * (weights + bytes_per_element(s_.precision.gradient_sync)));
  }

  void add_states(MemoryLedger& ledger, const RankParameters& p) const {
    const PrecisionRecipe& r = s_.precision;
    add("weights", held(p, weight_bytes(r), 3), ledger);
    if (s_.parallelism.zero_stage >= 3) add("gathered layers", gathered_layers(), ledger);
    const Bytes gradients = held(p, bytes_per_element(r.gradients), 2);
    if (!gradients_appear_in_backward()) add("gradients", gradients, ledger);
    if (r.master_weights != r.weights) add("master weights", held(p, bytes_per_element(r.master_weights), 1), ledger);
    add("moments", held(p, 2 * bytes_per_element(r.moments), 1), ledger);
  }

  void add_activations(MemoryLedger& ledger, int rank, const std::vector<int>& stages) const {
    const RankActivations a = rank_activations(w_, plan_, rank);
    if (gradients_appear_in_backward()) {
      add_growing_gradients(ledger, a, rank_parameters(w_, stages));
      return;
    }
    add("activations", a.kept, ledger);
    add("activation fragmentation", a.kept * s_.stack.fragmentation, ledger);
    // The loss and a layer's workspace are never at their largest together.
    add("logits and loss", a.head, ledger);
    if (a.transient > a.head) add("workspace", a.transient - a.head, ledger);
    add("dispatch buffers", dispatch_buffers(w_, stages), ledger);
    add("pipeline buffers", s_.parallelism.pp > 1 ? 4 * w_.boundary_bytes : Bytes{}, ledger);
  }

  /// Gradients grow as activations go. The fullest moment is the loss; or the backward of the first layer, when its own
  /// gradients and the embedding's are not there yet; or the end of backward.
  void add_growing_gradients(MemoryLedger& ledger, const RankActivations& a, const RankParameters& p) const {
    const double element = bytes_per_element(s_.precision.gradients);
    const ParameterCounts counts = parameter_counts(s_.model);
    const RankParameters layer = layer_rank_parameters(s_, counts, s_.model.moe_layer(0));
    const Bytes all(p.total() * element);
    const Bytes earlier(std::max(0.0, p.total() - layer.total() - counts.embedding) * element);
    const Bytes loss = a.kept + a.head;
    const Bytes first_layer = earlier + a.transient;
    if (loss >= std::max(first_layer, all)) {
      add("activations", a.kept, ledger);
      add("logits and loss", a.head, ledger);
      return;
    }
    add("gradients", first_layer > all ? earlier : all, ledger);
    if (first_layer > all) add("workspace", a.transient, ledger);
  }

  /// A single rank that runs one micro-batch a step holds no gradient buffer: gradients come into being in backward.
  [[nodiscard]] bool gradients_appear_in_backward() const {
    return s_.cluster.gpus == 1 && plan_.micro_batches <= 1 && s_.stack.gradient_bucket.value() <= 0;
  }

  const Scenario& s_;
  const Workload& w_;
  const PipelinePlan& plan_;
  DataGroupSizes groups_;
};

}  // namespace

MemoryLedger fullest_rank(const Scenario& scenario, const Workload& workload, const PipelinePlan& plan) {
  assert(!plan.stages_of_rank.empty());
  const Ledger ledger(scenario, workload, plan);
  MemoryLedger fullest;
  for (std::size_t rank = 0; rank < plan.stages_of_rank.size(); ++rank) {
    MemoryLedger of_rank = ledger.of_rank(static_cast<int>(rank));
    if (of_rank.peak > fullest.peak) fullest = std::move(of_rank);
  }
  return fullest;
}

MemoryLedger memory_ledger(const Scenario& scenario, const Workload& workload, const PipelinePlan& plan) {
  MemoryLedger ledger = fullest_rank(scenario, workload, plan);
  if (!ledger.fits()) ledger.remedy = smallest_remedy(scenario);
  return ledger;
}

}  // namespace gpuhours
