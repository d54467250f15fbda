#include "estimate/step_account.hpp"

#include <algorithm>
#include <functional>
#include <map>

namespace gpuhours {
namespace {

/// Calls `visit(segment, count)` for every segment of the rank's layers and ends in one step.
void for_each_segment(const StepModel& model, int global_batch, int rank,
                      const std::function<void(const Segment&, double)>& visit) {
  const double micro_batches = model.shape(global_batch).micro_batches;
  const auto passes = [&](const LayerWork& work, double layers) {
    for (const LayerPass* pass : {&work.forward, &work.backward_input, &work.backward_weight}) {
      for (const Segment& segment : *pass) visit(segment, layers * micro_batches);
    }
  };
  for (const int s : model.timed().stages_of_rank[static_cast<std::size_t>(rank)]) {
    const StageWork& stage = model.work().stages[static_cast<std::size_t>(s)];
    std::map<LayerKind, double> layers;
    for (const LayerKind kind : stage.layers) layers[kind] += 1;
    for (const auto& [kind, count] : layers) passes(layer_work(model.work(), kind), count);
    if (stage.embedding) passes(model.work().embedding, 1);
    const double heads = (stage.head ? 1 : 0) + stage.mtp_heads;
    if (heads > 0) passes(model.work().head, heads);
  }
  const RankParameters held = held_parameters(model.work(), model.timed(), rank);
  visit(optimizer_work(model.scenario(), held), 1);
  for (const Communication& communication : data_collectives(model.scenario(), held)) visit(communication, 1);
}

template <class Share>
std::vector<Share> longest_first(std::map<std::string, Share> shares, Seconds Share::*time) {
  std::vector<Share> out;
  for (auto& [key, share] : shares) out.push_back(std::move(share));
  std::stable_sort(out.begin(), out.end(), [&](const Share& a, const Share& b) { return a.*time > b.*time; });
  return out;
}

}  // namespace

std::vector<KernelShare> kernel_shares(const StepModel& model, int global_batch, int rank) {
  const WorkTimer timer(model.scenario(), model.laws(), model.network());
  const KernelContext context = timer.context(false);
  std::map<std::string, KernelShare> shares;
  for_each_segment(model, global_batch, rank, [&](const Segment& segment, double count) {
    const auto* block = std::get_if<ComputeBlock>(&segment);
    if (block == nullptr) return;
    for (const Operator& op : block->operators) {
      const KernelTime time = timer.timed(op, context);
      KernelShare& share = shares[op.name];
      share.name = op.name;
      share.law = law_class(op);
      share.provenance = time.provenance;
      share.relative_error = time.relative_error;
      share.calls += count;
      share.time = share.time + time.alone * count;
    }
  });
  return longest_first(std::move(shares), &KernelShare::time);
}

std::vector<CommunicationShare> communication_shares(const StepModel& model, int global_batch, int rank) {
  std::map<std::string, CommunicationShare> shares;
  for_each_segment(model, global_batch, rank, [&](const Segment& segment, double count) {
    const auto* communication = std::get_if<Communication>(&segment);
    if (communication == nullptr || group_layout(model.scenario(), communication->group).size <= 1) return;
    const CommunicationTime time = model.network().time(*communication);
    CommunicationShare& share = shares[communication->name];
    share.name = communication->name;
    share.group = name(communication->group);
    share.bottleneck = time.bottleneck;
    share.relative_error = time.relative_error;
    share.calls += count;
    share.alone = share.alone + time.alone * count;
    share.beside = share.beside + time.beside * count;
  });
  return longest_first(std::move(shares), &CommunicationShare::beside);
}

}  // namespace gpuhours
