#include "memory/peak_activations.hpp"

#include <algorithm>
#include <cassert>

namespace gpuhours {

namespace {

bool is_moe(LayerKind kind) { return kind == LayerKind::moe || kind == LayerKind::mtp_moe; }

const ActivationBytes& activations(const Workload& w, LayerKind kind) {
  return is_moe(kind) ? w.moe_activations : w.dense_activations;
}

/// Kept bytes by virtual stage, of those that the rank holds.
std::vector<Bytes> kept_by_stage(const Workload& w, const std::vector<int>& stages) {
  std::vector<Bytes> kept(w.stages.size());
  for (const int s : stages)
    kept[static_cast<std::size_t>(s)] = stage_activations(w, w.stages[static_cast<std::size_t>(s)]);
  return kept;
}

/// Running sum along a rank's order and its maximum.
class Walk {
 public:
  explicit Walk(const std::vector<Bytes>& kept) : kept_(kept) {}

  void add(int stage) {
    now_ += kept_[static_cast<std::size_t>(stage)];
    peak_ = std::max(peak_, now_);
  }
  void remove(int stage) { now_ -= kept_[static_cast<std::size_t>(stage)]; }
  /// Layer by layer: the backward frees one as the forward fills one, `layer` at most, so that only that is there
  /// twice.
  void exchange(int forward_stage, int backward_stage, Bytes layer) {
    peak_ = std::max(peak_, now_ + layer);
    remove(backward_stage);
    add(forward_stage);
  }
  [[nodiscard]] Bytes peak() const { return peak_; }

 private:
  const std::vector<Bytes>& kept_;
  Bytes now_;
  Bytes peak_;
};

/// `layer`: the largest layer of the rank.
Bytes peak_along(const RankOrder& order, const std::vector<Bytes>& kept, bool layer_by_layer, Bytes layer) {
  Walk walk(kept);
  for (const Chunk& chunk : order) {
    switch (chunk.kind) {
      case ChunkKind::forward:
        walk.add(chunk.forward.stage);
        break;
      case ChunkKind::backward:
      case ChunkKind::backward_weight:
        walk.remove(chunk.backward.stage);
        break;
      case ChunkKind::forward_backward:
        if (layer_by_layer) {
          walk.exchange(chunk.forward.stage, chunk.backward.stage, layer);
          break;
        }
        walk.add(chunk.forward.stage);
        walk.remove(chunk.backward.stage);
        break;
      case ChunkKind::backward_input:
        break;
    }
  }
  return walk.peak();
}

}  // namespace

Bytes stage_activations(const Workload& w, const StageWork& stage) {
  Bytes kept;
  for (const LayerKind kind : stage.layers) kept += activations(w, kind).kept;
  if (stage.embedding) kept += w.embedding_activations;
  return kept;
}

RankActivations rank_activations(const Workload& w, const PipelinePlan& plan, int rank) {
  const auto r = static_cast<std::size_t>(rank);
  const std::vector<int>& stages = plan.stages_of_rank[r];
  const std::vector<Bytes> kept = kept_by_stage(w, stages);
  RankActivations a;
  if (r < plan.ranks.size() && !plan.ranks[r].empty()) {
    // DualPipe's published figure, PP + 1 chunks, counts both halves of an F&B chunk in full.
    const bool dual = plan.schedule == Schedule::dualpipe || plan.schedule == Schedule::dualpipe_v;
    Bytes layer;
    for (const int stage : stages) {
      for (const LayerKind kind : w.stages[static_cast<std::size_t>(stage)].layers) {
        layer = std::max(layer, activations(w, kind).kept);
      }
    }
    a.kept = peak_along(plan.ranks[r], kept, !dual, layer);
  } else {
    assert(r < plan.peak_in_flight.size());
    Bytes fullest;
    for (const int stage : stages) fullest = std::max(fullest, kept[static_cast<std::size_t>(stage)]);
    a.kept = plan.peak_in_flight[r] * fullest;
  }
  for (const int stage : stages) {
    const StageWork& work = w.stages[static_cast<std::size_t>(stage)];
    for (const LayerKind kind : work.layers) a.transient = std::max(a.transient, activations(w, kind).transient);
    a.head += ((work.head ? 1 : 0) + work.mtp_heads) * w.head_activations;
  }
  return a;
}

Bytes dispatch_buffers(const Workload& w, const std::vector<int>& stages) {
  const bool experts = std::any_of(stages.begin(), stages.end(), [&w](int stage) {
    const auto& layers = w.stages[static_cast<std::size_t>(stage)].layers;
    return std::any_of(layers.begin(), layers.end(), is_moe);
  });
  if (!experts) return {};
  Bytes buffers;
  for (const Segment& segment : w.moe.forward) {
    const auto* c = std::get_if<Communication>(&segment);
    if (c != nullptr && c->group == GroupKind::expert) buffers += c->bytes;
  }
  return buffers;
}

}  // namespace gpuhours
