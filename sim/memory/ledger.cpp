#include "memory/ledger.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <string_view>

#include "memory/buffers.hpp"
#include "memory/peak_activations.hpp"
#include "memory/remedy.hpp"
#include "workload/activations.hpp"
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

/// Of a rank's parameters those of embedding and output tables, which stay in the head's format.
double table_parameters(const Scenario& s, const Workload& w, const std::vector<int>& stages) {
  double tables = 0;
  for (const int stage : stages) {
    const StageWork& work = w.stages[static_cast<std::size_t>(stage)];
    tables += (work.embedding ? 1 : 0) + (work.head && !(s.model.tied_embeddings && tables > 0) ? 1 : 0);
  }
  return tables * static_cast<double>(s.model.vocab) * s.model.hidden / s.parallelism.tp;
}

/// Bytes of a linear layer's weights on the rank: the compute copy, and for scaled formats computed from another format
/// the low-precision copy; once more transposed where the recipe keeps that.
double weight_bytes(const Scenario& s) {
  const PrecisionRecipe& r = s.precision;
  const double weights = bytes_per_element(r.weights);
  if (!r.low_precision_gemm() || !s.stack.keeps_cast_operands) return weights;
  const double copy = bytes_per_element(r.gemm);
  const double gathered = r.weights == r.gemm || r.keeps_gathered_weights ? weights : 0;
  return gathered + (r.weights == r.gemm ? 0 : copy) + (r.weight_transpose_cached ? copy : 0);
}

bool contains(const Workload& w, const std::vector<int>& stages, bool moe) {
  return std::any_of(stages.begin(), stages.end(), [&](int stage) {
    const auto& layers = w.stages[static_cast<std::size_t>(stage)].layers;
    return std::any_of(layers.begin(), layers.end(),
                       [moe](LayerKind kind) { return moe == (kind == LayerKind::moe || kind == LayerKind::mtp_moe); });
  });
}

bool has_head(const Workload& w, const std::vector<int>& stages) {
  return std::any_of(stages.begin(), stages.end(),
                     [&w](int stage) { return w.stages[static_cast<std::size_t>(stage)].head; });
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
    add_states(ledger, stages);
    add_activations(ledger, rank, stages);
    add_buffers(ledger);
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
    const bool sharded = s_.parallelism.zero_stage >= zero_stage || fully_sharded();
    const double dense = sharded ? p.dense / groups_.dense : p.dense;
    const double expert = sharded ? p.expert / groups_.expert : p.expert;
    return Bytes((dense + expert) * bytes_per_parameter);
  }

  [[nodiscard]] bool fully_sharded() const { return s_.parallelism.fsdp != Fsdp::none; }
  /// Weights stay whole from forward to backward: fully sharded states that are not sharded again after forward.
  [[nodiscard]] bool weights_stay_whole() const { return fully_sharded() && s_.parallelism.zero_stage == 2; }

  void add_weights(MemoryLedger& ledger, const RankParameters& p, const std::vector<int>& stages) const {
    const PrecisionRecipe& r = s_.precision;
    // The share of the linear layers is in the GEMM's copies, the tables are in the head's format.
    const double tables = std::min(table_parameters(s_, w_, stages), p.dense);
    const double table_bytes = r.low_precision_gemm() ? bytes_per_element(r.head) : bytes_per_element(r.weights);
    const double mean = (weight_bytes(s_) * (p.total() - tables) + table_bytes * tables) / p.total();
    if (!fully_sharded()) {
      add("weights", held(p, mean, 3), ledger);
      if (s_.parallelism.zero_stage < 3) return;
    }
    // One sharded copy in the optimizer's format; what computes is gathered from it.
    if (fully_sharded() && r.master_weights == r.weights) add("weights", held(p, mean, 3), ledger);
    const bool head = has_head(w_, stages);
    const double whole = weights_stay_whole() ? p.total() : std::min(p.total(), gathered_parameters(s_, head));
    add("gathered weights", Bytes(whole * mean), ledger);
    const double gradients = std::min(p.total(), unsharded_gradient_parameters(s_, head));
    const double widths =
        bytes_per_element(r.weights == Format::fp8 ? r.activations : r.weights) + bytes_per_element(r.gradient_sync);
    add("gradients before scatter", Bytes(gradients * widths), ledger);
  }

  void add_states(MemoryLedger& ledger, const std::vector<int>& stages) const {
    const PrecisionRecipe& r = s_.precision;
    const RankParameters p = rank_parameters(w_, stages);
    add_weights(ledger, p, stages);
    const Bytes gradients = held(p, bytes_per_element(r.gradients), 2);
    if (!gradients_appear_in_backward()) add("gradients", gradients, ledger);
    if (r.master_weights != r.weights) add("master weights", held(p, bytes_per_element(r.master_weights), 1), ledger);
    add("moments", held(p, 2 * bytes_per_element(r.moments), 1), ledger);
    add("wgrad placeholders",
        wgrad_placeholders(s_, contains(w_, stages, false), contains(w_, stages, true), has_head(w_, stages)), ledger);
  }

  void add_activations(MemoryLedger& ledger, int rank, const std::vector<int>& stages) const {
    const RankActivations a = rank_activations(w_, plan_, rank);
    if (gradients_appear_in_backward()) {
      add_growing_gradients(ledger, a, rank_parameters(w_, stages));
      return;
    }
    add("activations", a.kept, ledger);
    // The loss and a layer's workspace are never at their largest together.
    const Bytes dispatch = dispatch_buffers(w_, stages);
    if (a.head >= a.transient + dispatch) {
      add("logits and loss", a.head, ledger);
    } else {
      add("workspace", a.transient, ledger);
      add("dispatch buffers", dispatch, ledger);
    }
    const Bytes churned = a.kept + std::max(a.head, a.transient + dispatch);
    add("fragmentation", churned * s_.stack.fragmentation, ledger);
    add("pipeline buffers", s_.parallelism.pp > 1 ? 4 * w_.boundary_bytes : Bytes{}, ledger);
  }

  void add_buffers(MemoryLedger& ledger) const {
    add("tensor overlap buffers", tensor_overlap_buffers(s_), ledger);
    add("DeepEP buffers", deepep_buffers(s_), ledger);
    add("HybridEP buffers", hybridep_buffers(s_), ledger);
    add("library workspace", s_.stack.library_workspace, ledger);
    add("communicators", communicators(s_) * s_.stack.communicator_buffers, ledger);
  }

  /// Gradients grow as activations go. The fullest moment is the loss; or the backward of the first layer, when of its
  /// own gradients only the down-projection's is there and the embedding's is not; or the end of backward.
  void add_growing_gradients(MemoryLedger& ledger, const RankActivations& a, const RankParameters& p) const {
    const double element = bytes_per_element(s_.precision.gradients);
    const ParameterCounts counts = parameter_counts(s_.model);
    const bool moe = s_.model.moe_layer(0);
    const RankParameters layer = layer_rank_parameters(s_, counts, moe);
    const double down = static_cast<double>(s_.model.hidden) *
                        (moe ? static_cast<double>(s_.model.moe_ffn_hidden) * s_.model.experts : s_.model.ffn_hidden);
    const Bytes all(p.total() * element);
    const Bytes earlier(std::max(0.0, p.total() - layer.total() - counts.embedding + down) * element);
    const Bytes kept = moe ? w_.moe_activations.kept : w_.dense_activations.kept;
    const Bytes loss = a.kept + a.head;
    const Bytes first_layer = earlier + kept + a.transient;
    if (loss >= std::max(first_layer, all)) {
      add("activations", a.kept, ledger);
      add("logits and loss", a.head, ledger);
    } else if (first_layer > all) {
      add("gradients", earlier, ledger);
      add("activations", kept, ledger);
      add("workspace", a.transient, ledger);
    } else {
      add("gradients", all, ledger);
    }
    add("fragmentation", std::max({loss, first_layer, all}) * s_.stack.fragmentation, ledger);
  }

  /// A single rank that runs one micro-batch a step and keeps gradients in the weights' own format holds no gradient
  /// buffer: gradients come into being in backward.
  [[nodiscard]] bool gradients_appear_in_backward() const {
    return s_.cluster.gpus == 1 && plan_.micro_batches <= 1 && s_.precision.gradients == s_.precision.weights;
  }

  const Scenario& s_;
  const Workload& w_;
  const PipelinePlan& plan_;
  DataGroupSizes groups_;
};

}  // namespace

Bytes MemoryLedger::allocated() const {
  constexpr std::array<std::string_view, 4> kOutside = {"fragmentation", "communicators", "DeepEP buffers", "overhead"};
  Bytes sum;
  for (const LedgerEntry& entry : entries) {
    if (std::find(kOutside.begin(), kOutside.end(), entry.name) == kOutside.end()) sum += entry.bytes;
  }
  return sum;
}

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
