#include "estimate/layout_family.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "core/checked.hpp"
#include "core/limits.hpp"
#include "engine/step_range.hpp"
#include "estimate/rank_floor.hpp"
#include "memory/remedy.hpp"
#include "schedule/layer_sharding.hpp"
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
        if (segment.compute) sum = saturating_sum(sum, std::min(segment.alone, segment.beside).ps);
      }
    }
  }
  return sum;
}

}  // namespace

/// Timed layers with the data-parallel communication of some layouts, and chunks of them.
struct LayoutFamily::Times {
  TimedModel model;
  ChunkProfiles profiles;
};

struct LayoutFamily::Routing {
  /// What data-parallel communication inside layers hangs on: pp (with the family's axes it decides the groups), two
  /// copies of a stage, and the ZeRO stage; 0, false, 0 where there is none.
  using Sharding = std::tuple<int, bool, int>;

  RankLoads loads;
  TimedModel bare;
  std::map<Sharding, Times> times;
};

LayoutFamily::LayoutFamily(const Scenario& first, const KernelLaws& laws, std::shared_ptr<const NetworkLaws> network)
    : laws_(laws), network_laws_(std::move(network)), work_(workload(first)) {}

LayoutFamily::~LayoutFamily() = default;

void LayoutFamily::take(const Scenario& layout, LastPlans& plans) {
  layout_ = &layout;
  plans_ = &plans;
  work_.stages = stage_works(layout);
  shape_ = plan_shape(layout, layout.training.global_batch);
}

bool LayoutFamily::can_be_planned() const { return shape_.chunks(warmed_up(shape_).micro_batches) <= kMostChunks; }

MemoryLedger LayoutFamily::memory() {
  return fullest_rank(*layout_, work_, plans_->plan(shape_, warmed_up(shape_).micro_batches));
}

LayoutFamily::Routing& LayoutFamily::routing(bool balanced) {
  std::unique_ptr<Routing>& found = balanced ? balanced_ : natural_;
  if (found) return *found;
  found = std::make_unique<Routing>();
  if (!balanced) found->loads = RankLoads(*layout_);
  const auto network = analytic_network(*layout_, network_laws_);
  fill_bare_model(*layout_, work_, WorkTimer(*layout_, laws_, *network), *network, found->loads, found->bare);
  if (!balanced) return *found;
  for (std::size_t slot = 0; slot < least_compute_.size(); ++slot) {
    least_compute_[slot] = std::min(least_compute(found->bare.whole[slot]), least_compute(found->bare.shared[slot]));
  }
  return *found;
}

LayoutFamily::Times& LayoutFamily::times(Routing& routing) {
  const Parallelism& p = layout_->parallelism;
  const bool two_copies = p.schedule == Schedule::dualpipe && p.pp > 1;
  const Routing::Sharding sharding =
      shards_layers(p) ? Routing::Sharding{p.pp, two_copies, p.zero_stage} : Routing::Sharding{};
  const auto [it, is_new] = routing.times.try_emplace(sharding);
  if (is_new) {
    const auto network = analytic_network(*layout_, network_laws_);
    fill_sharded_model(*layout_, WorkTimer(*layout_, laws_, *network), routing.bare, it->second.model);
  }
  return it->second;
}

SimTime LayoutFamily::compute_floor() {
  routing(true);
  LeastBySlot least{};
  std::copy(least_compute_.begin(), least_compute_.end(), least.begin());
  // Sums of picoseconds below 2^53 are whole in a double.
  return {nearest_whole<std::int64_t>(busiest_rank_sum(work_.stages, layout_->parallelism, shape_.micro_batches, least))};
}

StepResult LayoutFamily::simulated(bool balanced) {
  Routing& of = routing(balanced);
  Times& layers = times(of);
  const auto network = analytic_network(*layout_, network_laws_);
  const WorkTimer timer(*layout_, laws_, *network);
  StepWork step;
  step.loads = of.loads;
  fill_step_work(*layout_, work_, timer, *network, layers.model, step);
  if (refused_step(step, shape_, {})) return {.length = kEndless, .settled = false};
  if (of.loads.even()) return folded_step(step, shape_, layers.profiles, *plans_);
  return folded_step(step, plans_->plan(shape_, shape_.micro_batches), layers.profiles, layout_->engine.seed);
}

StepResult LayoutFamily::step() { return simulated(true); }

StepResult LayoutFamily::routed_step() { return simulated(RankLoads(*layout_).even()); }

}  // namespace gpuhours
