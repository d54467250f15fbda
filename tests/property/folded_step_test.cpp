// A folded step is exact: without an event queue, and with most micro-batches skipped, it gives the times of the event
// engine to the picosecond. Stages of random lengths, so that start times settle late, early or never.
#include "engine/folded_step.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <memory>

using namespace gpuhours;

namespace {

TimedSegment segment(bool compute, std::int64_t length) {
  return {.name = compute ? "attn" : "dispatch",
          .compute = compute,
          .group = GroupKind::expert,
          .alone = {length},
          .beside = {length + length / 8}};
}

std::int64_t any_length(int most) { return *rc::gen::inRange(1, most); }

/// Lengths of one layer: compute of every pass, and in half of all cases expert communication behind the forward, so
/// that results leave before or after the chunk's last kernel.
TimedLayer any_layer(int most) {
  TimedLayer layer;
  layer.forward.first = {segment(true, any_length(most))};
  layer.forward.second = {segment(true, any_length(most))};
  layer.backward_input.first = {segment(true, any_length(most))};
  layer.backward_input.second = {segment(true, any_length(most))};
  layer.backward_weight.first = {segment(true, any_length(most))};
  layer.backward_weight.second = {segment(true, any_length(most))};
  if (*rc::gen::arbitrary<bool>()) {
    layer.forward.first.push_back(segment(false, any_length(most)));
    layer.backward_input.second.insert(layer.backward_input.second.begin(), segment(false, any_length(most)));
  }
  return layer;
}

std::unique_ptr<StepWork> any_work(int pp, int vpp, bool mirrored) {
  auto work = std::make_unique<StepWork>();
  const int most = *rc::gen::element(3, 50, 5000);
  const int distinct = *rc::gen::inRange(1, pp * vpp + 1);
  for (int i = 0; i < distinct; ++i) work->layers.push_back(any_layer(most));
  for (TimedLayer& layer : work->layers) {
    for (TimedPass* pass : {&layer.forward, &layer.backward_input, &layer.backward_weight}) {
      for (auto* part : {&pass->first, &pass->second}) {
        for (TimedSegment& one : *part) {
          one.label = static_cast<std::int32_t>(work->labels.size());
          work->labels.push_back(&one);
        }
      }
    }
  }
  for (int s = 0; s < pp * vpp; ++s) {
    const int which = s < distinct ? s : *rc::gen::inRange(0, distinct);
    const TimedLayer* layer = &work->layers[static_cast<std::size_t>(which)];
    work->stages.push_back({{layer}, {layer}});
    work->stage_class.push_back(which);
  }
  for (int r = 0; r < pp; ++r) {
    const std::int64_t reduce = any_length(most);
    const std::int64_t gather = any_length(most);
    work->ends.push_back({.reduce = {reduce},
                          .reduce_early = {*rc::gen::inRange<std::int64_t>(0, reduce + 1)},
                          .optimizer = {any_length(most)},
                          .gather = {gather},
                          .gather_early = {*rc::gen::inRange<std::int64_t>(0, gather + 1)}});
  }
  work->hop = {*rc::gen::inRange(0, most)};
  work->norm_reduce = {any_length(most)};
  work->split_overlap = *rc::gen::arbitrary<bool>();
  work->overlap_sends = *rc::gen::arbitrary<bool>();
  work->mirrored = mirrored;
  return work;
}

PlanShape any_shape(int most_rounds) {
  PlanShape shape;
  shape.schedule = *rc::gen::element(Schedule::one_f_one_b, Schedule::interleaved, Schedule::zero_bubble_h1,
                                     Schedule::zero_bubble_v, Schedule::dualpipe, Schedule::dualpipe_v);
  shape.pp = *rc::gen::inRange(1, 7);
  shape.merged = *rc::gen::arbitrary<bool>();
  const int rounds = *rc::gen::inRange(1, most_rounds);
  shape.micro_batches = rounds;
  if (v_shaped(shape.schedule)) shape.vpp = 2;
  if (shape.schedule == Schedule::interleaved) {
    shape.pp = std::max(2, shape.pp);
    shape.vpp = *rc::gen::inRange(2, 4);
    shape.micro_batches = shape.pp * rounds;
  }
  if (shape.schedule == Schedule::dualpipe) shape.pp = 2 * *rc::gen::inRange(1, 4);
  return shape;
}

void check_same(const StepResult& a, const StepResult& b) {
  RC_ASSERT(a.length == b.length);
  RC_ASSERT(a.ranks.size() == b.ranks.size());
  for (std::size_t r = 0; r < a.ranks.size(); ++r) {
    const RankStep& x = a.ranks[r];
    const RankStep& y = b.ranks[r];
    RC_ASSERT(x.chunk_time == y.chunk_time);
    RC_ASSERT(x.chunk_count == y.chunk_count);
    RC_ASSERT(x.chunk_compute == y.chunk_compute);
    RC_ASSERT(x.use.exposed == y.use.exposed);
    RC_ASSERT(x.use.communication == y.use.communication);
    RC_ASSERT(x.use.hidden == y.use.hidden);
    RC_ASSERT(x.bubble == y.bubble);
    RC_ASSERT(x.optimizer == y.optimizer);
  }
}

}  // namespace

TEST_CASE("a folded step without events is the event engine's") {
  CHECK(rc::check("same times of every rank", [] {
    const PlanShape shape = any_shape(12);
    const bool mirrored = shape.schedule == Schedule::dualpipe;
    const auto work = any_work(shape.pp, shape.vpp, mirrored);
    const PipelinePlan plan = shape.plan(shape.micro_batches);
    ChunkProfiles profiles;
    check_same(folded_step(*work, plan, profiles), simulate_step(*work, plan, {.events = true}));
  }));
}

TEST_CASE("skipped micro-batches change nothing") {
  int skipped = 0;
  int all = 0;
  CHECK(rc::check("same times of every rank", [&] {
    const PlanShape shape = any_shape(150);
    const auto work = any_work(shape.pp, shape.vpp, shape.schedule == Schedule::dualpipe);
    ChunkProfiles profiles;
    const StepResult folded = folded_step(*work, shape, profiles);
    const StepResult whole = folded_step(*work, shape.plan(shape.micro_batches), profiles);
    check_same(folded, whole);
    ++all;
    if (folded.tasks < whole.tasks) ++skipped;
  }));
  MESSAGE("micro-batches skipped in ", skipped, " of ", all, " steps");
  CHECK(skipped > all / 4);
}

TEST_CASE("equal stages: 1,000 micro-batches cost the tasks of a few") {
  // (m + p - 1)(f + b) for 1F1B with equal stages and free hops, f = b = 2 per layer half: f = 2, b = 4.
  StepWork work;
  TimedLayer layer;
  for (TimedPass* pass : {&layer.forward, &layer.backward_input, &layer.backward_weight}) {
    pass->first = {segment(true, 1)};
    pass->second = {segment(true, 1)};
  }
  work.layers.push_back(layer);
  for (TimedPass* pass : {&work.layers[0].forward, &work.layers[0].backward_input, &work.layers[0].backward_weight}) {
    for (auto* part : {&pass->first, &pass->second}) {
      part->front().label = static_cast<std::int32_t>(work.labels.size());
      work.labels.push_back(&part->front());
    }
  }
  for (int s = 0; s < 8; ++s) {
    work.stages.push_back({{&work.layers[0]}, {&work.layers[0]}});
    work.stage_class.push_back(0);
    work.ends.emplace_back();
  }
  ChunkProfiles profiles;
  const StepResult step = folded_step(work, PlanShape{Schedule::one_f_one_b, 8, 1, 1000}, profiles);
  CHECK(step.length.ps == (1000 + 8 - 1) * 6);
  CHECK(step.tasks < 8 * 4 * 50);
  CHECK(step.ranks[3].chunk_count[0] == 1000);
}
