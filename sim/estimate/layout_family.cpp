#include "estimate/layout_family.hpp"

#include <algorithm>

#include "memory/remedy.hpp"
#include "workload/stages.hpp"

namespace gpuhours {
namespace {

/// Kernels of all passes of a layer, each at the least it can take.
std::int64_t least_compute(const TimedLayer* layer) {
  std::int64_t sum = 0;
  if (layer == nullptr) return sum;
  for (const TimedPass* pass : {&layer->forward, &layer->backward_input, &layer->backward_weight}) {
    for (const auto* part : {&pass->first, &pass->second}) {
      for (const TimedSegment& segment : *part) {
        if (segment.compute) sum += std::min(segment.alone, segment.beside).ps;
      }
    }
  }
  return sum;
}

bool is_mtp(LayerKind kind) { return kind == LayerKind::mtp_dense || kind == LayerKind::mtp_moe; }

}  // namespace

PlanShape plan_shape(const Scenario& scenario) {
  const Parallelism& p = scenario.parallelism;
  const int round = p.dp(scenario.cluster.gpus) * scenario.training.micro_batch;
  return {p.schedule, p.pp, p.vpp, scenario.training.global_batch / round, merges_chunks(scenario)};
}

LayoutFamily::LayoutFamily(const Scenario& first, const KernelLaws& laws, std::shared_ptr<const NetworkLaws> network)
    : laws_(laws), network_laws_(std::move(network)), work_(workload(first)) {}

LayoutFamily::~LayoutFamily() = default;

void LayoutFamily::take(const Scenario& layout) {
  layout_ = &layout;
  work_.stages = stage_works(layout);
  shape_ = plan_shape(layout);
}

MemoryLedger LayoutFamily::memory() const {
  return fullest_rank(*layout_, work_, shape_.plan(warmed_up(shape_).micro_batches));
}

void LayoutFamily::time_layers() {
  if (timed_) return;
  timed_ = std::make_unique<TimedModel>();
  const auto network = analytic_network(*layout_, network_laws_);
  // Layouts are compared under balanced routing.
  fill_timed_model(*layout_, work_, WorkTimer(*layout_, laws_, *network), *network, RankLoads(), *timed_);
  for (std::size_t slot = 0; slot < least_compute_.size(); ++slot) {
    least_compute_[slot] = std::min(least_compute(timed_->whole[slot]), least_compute(timed_->shared[slot]));
  }
}

SimTime LayoutFamily::compute_floor() {
  time_layers();
  const Parallelism& p = layout_->parallelism;
  // A stage that several ranks hold (DualPipe) shares its micro-batches out among them.
  std::vector<int> copies(work_.stages.size(), 0);
  std::vector<std::vector<int>> held;
  for (int rank = 0; rank < p.pp; ++rank) {
    held.push_back(stages_of_rank(p, rank));
    for (const int stage : held.back()) ++copies[static_cast<std::size_t>(stage)];
  }
  SimTime floor;
  for (const std::vector<int>& stages : held) {
    SimTime busy;
    for (const int s : stages) {
      const StageWork& stage = work_.stages[static_cast<std::size_t>(s)];
      std::int64_t once = stage.embedding ? least_compute_[TimedModel::kEmbedding] : 0;
      if (stage.head) once += least_compute_[TimedModel::kHead];
      for (const LayerKind kind : stage.layers) {
        once += least_compute_[static_cast<std::size_t>(kind)];
        if (is_mtp(kind)) once += least_compute_[TimedModel::kHead];
      }
      busy.ps += once * (shape_.micro_batches / copies[static_cast<std::size_t>(s)]);
    }
    floor = std::max(floor, busy);
  }
  return floor;
}

StepResult LayoutFamily::step() {
  time_layers();
  const auto network = analytic_network(*layout_, network_laws_);
  const WorkTimer timer(*layout_, laws_, *network);
  StepWork step;
  fill_step_work(*layout_, work_, timer, *network, *timed_, step);
  return folded_step(step, shape_, profiles_);
}

}  // namespace gpuhours
