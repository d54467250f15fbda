#include "engine/step_simulation.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/chunk_profile.hpp"

using namespace gpuhours;

namespace {

TimedSegment compute(std::string name, std::int64_t alone, std::int64_t beside = 0) {
  return {.name = std::move(name), .compute = true, .alone = {alone}, .beside = {beside == 0 ? alone : beside}};
}

TimedSegment expert(std::string name, std::int64_t alone, std::int64_t beside = 0) {
  return {.name = std::move(name),
          .compute = false,
          .group = GroupKind::expert,
          .alone = {alone},
          .beside = {beside == 0 ? alone : beside}};
}

/// A step of `pp` stages with one layer each; `moe` adds dispatch and combine.
void fill(StepWork& work, int pp, bool moe, bool mirrored) {
  TimedLayer layer;
  layer.forward.first = {compute("attn", 1000, 1100)};
  layer.forward.second = {compute("mlp", 2000, 2300)};
  layer.backward_input.first = {compute("mlp", 2500, 2700)};
  layer.backward_input.second = {compute("attn", 1500, 1600)};
  layer.backward_weight.first = {compute("mlp", 1200, 1300)};
  layer.backward_weight.second = {compute("attn", 800, 900)};
  if (moe) {
    layer.forward.first.push_back(expert("dispatch", 900, 1000));
    layer.forward.second.push_back(expert("combine", 1300, 1400));
    layer.backward_input.first.insert(layer.backward_input.first.begin(), expert("combine'", 950, 990));
    layer.backward_input.second.insert(layer.backward_input.second.begin(), expert("dispatch'", 1250, 1350));
  }
  work.layers.push_back(layer);
  for (TimedLayer& l : work.layers) {
    for (TimedPass* pass : {&l.forward, &l.backward_input, &l.backward_weight}) {
      for (auto* part : {&pass->first, &pass->second}) {
        for (TimedSegment& segment : *part) {
          segment.label = static_cast<std::int32_t>(work.labels.size());
          work.labels.push_back(&segment);
        }
      }
    }
  }
  for (int s = 0; s < pp; ++s) {
    work.stages.push_back({{&work.layers[0]}, {&work.layers[0]}});
    work.stage_class.push_back(0);
    work.ends.emplace_back();
  }
  work.split_overlap = mirrored;
  work.mirrored = mirrored;
}

StepResult step(const StepWork& work, Schedule schedule, int pp, int micro_batches, StepOptions options = {}) {
  return simulate_step(work, pipeline_plan(schedule, pp, 1, micro_batches), options);
}

}  // namespace

TEST_CASE("of two communications that are exposed at once the time counts once") {
  TimedLayer layer;
  TimedSegment gather = expert("gather", 10);
  gather.group = GroupKind::tensor;
  layer.forward.first = {gather, compute("attn", 1000)};
  layer.backward_input.first = {expert("combine'", 5000), compute("mlp", 100)};
  StepWork work;
  std::int32_t label = 0;
  for (auto* segments : {&layer.forward.first, &layer.backward_input.first}) {
    for (TimedSegment& segment : *segments) {
      segment.label = label++;
      work.labels.push_back(&segment);
    }
  }
  const TimedStage stage{{&layer}, {&layer}};
  const ChunkProfile profile = chunk_profile(work, ChunkKind::forward_backward, &stage, &stage, false);
  // combine' 0-5000, gather 0-10, attn 10-1010, mlp 5000-5100: 1,100 of compute, 4,000 in which only communication
  // runs.
  CHECK(profile.length.ps == 5100);
  CHECK(profile.use.compute.ps == 1100);
  CHECK(profile.use.all_exposed().ps == 4000);
  CHECK(profile.use.hidden.ps == 1000);
  CHECK(profile.use.communication.ps == 5010);
}

TEST_CASE("1F1B with equal stages and free hops lasts (m + p - 1)(f + b)") {
  // f = 1000 + 2000, b = 2500 + 1500 + 1200 + 800 = 6000; p = 4, m = 6: 9 x 9000.
  StepWork work;
  fill(work, 4, false, false);
  const StepResult result = step(work, Schedule::one_f_one_b, 4, 6);
  CHECK(result.length.ps == 9 * 9000);
  // Each rank computes 6 x 9000 and idles the (p - 1)(f + b) of the bubble.
  for (const RankStep& rank : result.ranks) CHECK(rank.bubble.ps == 3 * 9000);
}

TEST_CASE("one rank has no bubble and the end of the step adds up") {
  StepWork work;
  fill(work, 1, false, false);
  work.ends[0].reduce = {700};
  work.ends[0].optimizer = {500};
  work.ends[0].gather = {300};
  work.norm_reduce = {10};
  const StepResult result = step(work, Schedule::one_f_one_b, 1, 3);
  CHECK(result.length.ps == 3 * 9000 + 700 + 10 + 500 + 300);
  CHECK(result.ranks[0].bubble.ps == 0);
  CHECK(result.ranks[0].optimizer.ps == 500);
  CHECK(result.ranks[0].use.exposed[static_cast<std::size_t>(Exposed::data)].ps == 1010);
}

TEST_CASE("gradient reduction beside the last backward is exposed only where it is longer") {
  StepWork work;
  fill(work, 1, false, false);
  work.ends[0].reduce = {7000};
  work.ends[0].reduce_early = {6500};  // the last backward lasts 6000: 500 of it and the last 500 stay exposed
  CHECK(step(work, Schedule::one_f_one_b, 1, 2).length.ps == 2 * 9000 + 500 + 500);
}

TEST_CASE("a hop is exposed where a rank waits for nothing else") {
  // Two stages, one micro-batch: forward, hop, forward + backward, hop, backward.
  StepWork work;
  fill(work, 2, false, false);
  work.hop = {100};
  const StepResult result = step(work, Schedule::one_f_one_b, 2, 1);
  CHECK(result.length.ps == 3000 + 100 + 9000 + 100 + 6000);
  CHECK(result.ranks[1].use.exposed[static_cast<std::size_t>(Exposed::pipeline)].ps == 100);
}

TEST_CASE("without overlap a rank waits for its own sends") {
  // Two stages, two micro-batches, hop 100. Rank 0: forward 0-3000, its send to 3100, forward 3100-6100, send to 6200.
  // Rank 1: forward and backward 3100-12100, send to 12200, forward and backward 12200-21200, send to 21300. Rank 0:
  // backward 12200-18200, 21300-27300.
  StepWork work;
  fill(work, 2, false, false);
  work.hop = {100};
  work.overlap_sends = false;
  const StepResult result = step(work, Schedule::one_f_one_b, 2, 2);
  CHECK(result.length.ps == 27300);
  // With overlap rank 1 goes on at 12100 and ends 100 earlier.
  work.overlap_sends = true;
  CHECK(step(work, Schedule::one_f_one_b, 2, 2).length.ps == 27200);
}

TEST_CASE("an F&B chunk of one MoE layer, worked out by hand") {
  // Lengths without interference: compute attn(F) 1000, mlp(B) 2500, mlp(W) 1200, mlp(F) 2000, attn(B) 1500, attn(W)
  // 800; communication combine' 950, dispatch 900, dispatch' 1250, combine 1300. combine' 0-950; attn(F) 0-1000;
  // dispatch 1000-1900; mlp(B) 1000-3500; dispatch' 3500-4750; mlp(W) 3500-4700; mlp(F) 4700-6700; combine 6700-8000;
  // attn(B) 6700-8200; attn(W) 8200-9000. Compute never waits: 9000.
  StepWork work;
  fill(work, 2, true, true);
  for (TimedLayer& layer : work.layers) {
    for (TimedPass* pass : {&layer.forward, &layer.backward_input, &layer.backward_weight}) {
      for (auto* part : {&pass->first, &pass->second})
        for (TimedSegment& s : *part) s.beside = s.alone;
    }
  }
  const ChunkProfile profile = chunk_profile(work, ChunkKind::forward_backward, &work.stages[0], &work.stages[1]);
  CHECK(profile.length.ps == 9000);
  CHECK(profile.forward_out.ps == 8000);
  CHECK(profile.backward_out.ps == 8200);
  CHECK(profile.use.all_exposed().ps == 0);
  CHECK(profile.use.communication.ps == 950 + 900 + 1250 + 1300);
  // Alone, the forward is a chain: 1000 + 900 + 2000 + 1300, of which 2200 exposed.
  const ChunkProfile forward = chunk_profile(work, ChunkKind::forward, &work.stages[0], nullptr);
  CHECK(forward.length.ps == 5200);
  CHECK(forward.use.exposed[static_cast<std::size_t>(Exposed::expert)].ps == 2200);
  // A whole backward hides mlp(W) 1200 of the 1250 of dispatch': 950 + 2500 + 1250 + 1500 + 800.
  CHECK(chunk_profile(work, ChunkKind::backward, nullptr, &work.stages[0]).length.ps == 7000);
}

TEST_CASE("an F&B chunk whose weight gradients are not held back") {
  // The same without split_overlap: mlp(W) runs before dispatch'. combine' 0-950; attn(F) 0-1000; dispatch 1000-1900;
  // mlp(B) 1000-3500; mlp(W) 3500-4700; dispatch' 4700-5950; mlp(F) 4700-6700; combine 6700-8000; attn(B) 6700-8200;
  // attn(W) 8200-9000, and only then is the gradient sent on.
  StepWork work;
  fill(work, 2, true, false);
  for (TimedLayer& layer : work.layers) {
    for (TimedPass* pass : {&layer.forward, &layer.backward_input, &layer.backward_weight}) {
      for (auto* part : {&pass->first, &pass->second})
        for (TimedSegment& s : *part) s.beside = s.alone;
    }
  }
  const ChunkProfile profile = chunk_profile(work, ChunkKind::forward_backward, &work.stages[0], &work.stages[1]);
  CHECK(profile.length.ps == 9000);
  CHECK(profile.forward_out.ps == 8000);
  CHECK(profile.backward_out.ps == 9000);
}

TEST_CASE("between the two stages at the turn of a V nothing is sent") {
  // One rank, one micro-batch, two stages of forward 3000 and backward 6000: no hop, though hops last 100.
  StepWork work;
  fill(work, 2, false, false);
  work.ends.resize(1);
  work.hop = {100};
  CHECK(simulate_step(work, pipeline_plan(Schedule::zero_bubble_v, 1, 2, 1), {}).length.ps == 2 * 9000);
}

TEST_CASE("merged 1F1B hides dispatch and combine on a single rank") {
  // Four micro-batches: a forward of 5200, three F&B chunks of 9000, a backward with dispatch' in the open where weight
  // gradients stay in the pass: 950 + 2500 + 1200 + 1250 + 1500 + 800.
  StepWork work;
  fill(work, 1, true, false);
  for (TimedLayer& layer : work.layers) {
    for (TimedPass* pass : {&layer.forward, &layer.backward_input, &layer.backward_weight}) {
      for (auto* part : {&pass->first, &pass->second})
        for (TimedSegment& s : *part) s.beside = s.alone;
    }
  }
  CHECK(simulate_step(work, pipeline_plan(Schedule::one_f_one_b, 1, 1, 4, true), {}).length.ps ==
        5200 + 3 * 9000 + 8200);
  CHECK(simulate_step(work, pipeline_plan(Schedule::one_f_one_b, 1, 1, 4), {}).length.ps == 4 * (5200 + 8200));
}

TEST_CASE("folded and expanded agree where ranks are alike") {
  for (const auto& [schedule, pp, micro_batches] : {std::tuple{Schedule::dualpipe, 4, 12},
                                                    {Schedule::dualpipe, 8, 20},
                                                    {Schedule::one_f_one_b, 4, 9},
                                                    {Schedule::one_f_one_b, 1, 4}}) {
    CAPTURE(pp);
    StepWork work;
    fill(work, pp, true, schedule == Schedule::dualpipe && pp > 1);
    work.hop = {150};
    for (RankEnd& end : work.ends) end = {.reduce = {900}, .optimizer = {400}, .gather = {300}};
    const StepResult folded = step(work, schedule, pp, micro_batches);
    StepOptions options{.mode = EngineMode::expanded, .width = 8, .ep = 4};
    const StepResult expanded = step(work, schedule, pp, micro_batches, options);
    CHECK(expanded.tasks > 8 * folded.tasks);
    CHECK(std::abs(static_cast<double>(expanded.length.ps) / static_cast<double>(folded.length.ps) - 1) < 1e-3);
  }
}

TEST_CASE("the parts of every rank's step sum to the step") {
  StepWork work;
  fill(work, 4, true, true);
  work.hop = {150};
  for (RankEnd& end : work.ends) end = {.reduce = {900}, .optimizer = {400}, .gather = {300}};
  for (const EngineMode mode : {EngineMode::folded, EngineMode::expanded}) {
    const StepResult result = step(work, Schedule::dualpipe, 4, 12, {.mode = mode, .width = 4, .ep = 2});
    for (const RankStep& rank : result.ranks) {
      SimTime sum = rank.bubble + rank.optimizer + rank.use.exposed[static_cast<std::size_t>(Exposed::pipeline)] +
                    rank.use.exposed[static_cast<std::size_t>(Exposed::data)];
      for (const SimTime time : rank.chunk_time) sum += time;
      CHECK(sum == result.length);
    }
  }
}

TEST_CASE("jitter makes a step longer, and the same seed gives the same bits") {
  StepWork work;
  fill(work, 4, true, true);
  const StepResult still = step(work, Schedule::dualpipe, 4, 20);
  const StepResult first = step(work, Schedule::dualpipe, 4, 20, {.jitter = 0.05, .seed = 1});
  const StepResult again = step(work, Schedule::dualpipe, 4, 20, {.jitter = 0.05, .seed = 1});
  const StepResult other = step(work, Schedule::dualpipe, 4, 20, {.jitter = 0.05, .seed = 2});
  CHECK(first.length > still.length);
  CHECK(first.length == again.length);
  CHECK(first.length != other.length);
}

namespace {

/// Loads of four ranks with four experts each.
RankLoads uneven_loads(double imbalance, std::vector<int> experts = {}) {
  Scenario s;
  s.model.experts = 16;
  s.model.top_k = 2;
  s.parallelism.ep = 4;
  s.cluster.gpus = 4;
  s.cluster.node.gpus = 8;
  s.training.sequence_length = 1 << 28;
  s.training.router_balance = RouterBalance::natural;
  s.training.expert_imbalance = imbalance;
  s.training.expert_loads = std::move(experts);
  return RankLoads(s);
}

/// All MLP blocks take time in proportion to their rows.
void fill_uneven(StepWork& work, int pp, bool mirrored, const RankLoads& loads) {
  fill(work, pp, true, mirrored);
  for (TimedLayer& layer : work.layers) {
    for (auto* part : {&layer.forward.second, &layer.backward_input.first, &layer.backward_weight.first}) {
      for (TimedSegment& segment : *part) {
        if (!segment.compute) continue;
        segment.grows_with = GrowsWith::rank;
        segment.per_load = segment.alone;
        segment.per_load_beside = segment.beside;
      }
    }
  }
  work.loads = loads;
}

}  // namespace

TEST_CASE("a forward waits for the rank with the most rows") {
  // Loads 1.75, 0.75, 0.75, 0.75: attn 1000, dispatch 900, mlp 1.75 x 2000, combine 1300. On average a rank computes
  // 3000 and waits for the rest: 2200 of communication and 1500 for the slowest.
  StepWork work;
  fill_uneven(work, 2, false, uneven_loads(0, {7, 7, 7, 7, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3}));
  CHECK(work.loads.slowest() == doctest::Approx(1.75).epsilon(1e-3));
  const auto profiles = chunk_profiles(work, ChunkKind::forward, &work.stages[0], nullptr, 1);
  REQUIRE(profiles.size() == kChunkDraws);
  for (const ChunkProfile& profile : profiles) {
    CHECK(profile.length.ps == doctest::Approx(6700).epsilon(1e-3));
    CHECK(profile.use.compute.ps == doctest::Approx(3000).epsilon(1e-3));
    CHECK(profile.use.exposed[static_cast<std::size_t>(Exposed::expert)].ps == doctest::Approx(3700).epsilon(1e-3));
  }
}

TEST_CASE("even loads change nothing") {
  StepWork even;
  fill(even, 4, true, true);
  StepWork uneven;
  fill_uneven(uneven, 4, true, RankLoads());
  CHECK(step(uneven, Schedule::dualpipe, 4, 12).length == step(even, Schedule::dualpipe, 4, 12).length);
}

TEST_CASE("uneven experts need no event queue") {
  for (const auto& [schedule, pp] : {std::pair{Schedule::dualpipe, 4}, {Schedule::one_f_one_b, 4}}) {
    StepWork work;
    fill_uneven(work, pp, schedule == Schedule::dualpipe, uneven_loads(0.2));
    const StepResult folded = step(work, schedule, pp, 24, {.seed = 3});
    const StepResult events = step(work, schedule, pp, 24, {.seed = 3, .events = true});
    CHECK(folded.events == 0);
    CHECK(events.events > 0);
    CHECK(folded.length == events.length);
    for (std::size_t r = 0; r < folded.ranks.size(); ++r) {
      CHECK(folded.ranks[r].chunk_time == events.ranks[r].chunk_time);
      CHECK(folded.ranks[r].use.exposed == events.ranks[r].use.exposed);
      CHECK(folded.ranks[r].bubble == events.ranks[r].bubble);
    }
  }
}

TEST_CASE("uneven experts: folded and expanded agree within 1.5 %") {
  // Long steps, so that the draws of few chunks weigh little.
  for (const auto& [schedule, pp, micro_batches] :
       {std::tuple{Schedule::dualpipe, 4, 80}, {Schedule::one_f_one_b, 4, 80}, {Schedule::one_f_one_b, 1, 40}}) {
    for (const double imbalance : {0.1, 0.3}) {
      CAPTURE(pp);
      CAPTURE(imbalance);
      StepWork work;
      fill_uneven(work, pp, schedule == Schedule::dualpipe && pp > 1, uneven_loads(imbalance));
      for (RankEnd& end : work.ends) end = {.reduce = {900}, .optimizer = {400}, .gather = {300}};
      StepWork even;
      fill(even, pp, true, schedule == Schedule::dualpipe && pp > 1);
      const auto folded = static_cast<double>(step(work, schedule, pp, micro_batches).length.ps);
      const StepResult expanded =
          step(work, schedule, pp, micro_batches, {.mode = EngineMode::expanded, .width = 4, .ep = 4});
      CHECK(std::abs(static_cast<double>(expanded.length.ps) / folded - 1) < 0.015);
      CHECK(folded > static_cast<double>(step(even, schedule, pp, micro_batches).length.ps));
      for (const RankStep& rank : expanded.ranks) {
        SimTime sum = rank.bubble + rank.optimizer + rank.use.exposed[static_cast<std::size_t>(Exposed::pipeline)] +
                      rank.use.exposed[static_cast<std::size_t>(Exposed::data)];
        for (const SimTime time : rank.chunk_time) sum += time;
        CHECK(sum == expanded.length);
      }
    }
  }
}
