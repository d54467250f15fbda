#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "schedule/pipeline.hpp"

using namespace gpuhours;

namespace {

/// Lengths of a pass of one stage.
struct Lengths {
  double forward = 1, backward = 1, weight = 1;
};

/// When each rank's first chunk starts and its last ends, and what it computes between.
struct Span {
  double start = -1, end = 0, busy = 0;
  [[nodiscard]] double bubble() const { return end - start - busy; }
};

/// A second, slow engine: runs every rank's order as soon as what it needs is there, without sends. Checks that each
/// pass of each micro-batch and stage runs exactly once.
template <class LengthOf>
std::vector<Span> played(const PipelinePlan& plan, LengthOf length_of) {
  std::vector<Span> spans(plan.ranks.size());
  std::vector<std::size_t> next(plan.ranks.size(), 0);
  std::map<std::pair<int, int>, double> forward, backward;
  std::set<std::pair<int, int>> weight;
  const auto ready_at = [&](const Chunk& chunk) -> double {
    double at = 0;
    const auto wait = [&](const std::map<std::pair<int, int>, double>& ends, int stage, int micro_batch) {
      const auto it = ends.find({stage, micro_batch});
      at = it == ends.end() ? 1e30 : std::max(at, it->second);
    };
    if (chunk.forward.stage > 0) wait(forward, chunk.forward.stage - 1, chunk.forward.micro_batch);
    const ChunkHalf b = chunk.backward;
    if (b.stage < 0 || at > 1e29) return at;
    if (chunk.kind == ChunkKind::backward_weight) {
      wait(backward, b.stage, b.micro_batch);
      return at;
    }
    wait(forward, b.stage, b.micro_batch);
    if (at < 1e29 && b.stage + 1 < plan.stages) wait(backward, b.stage + 1, b.micro_batch);
    return at;
  };
  for (bool progress = true; progress;) {
    progress = false;
    for (std::size_t r = 0; r < plan.ranks.size(); ++r) {
      if (next[r] == plan.ranks[r].size()) continue;
      const Chunk& chunk = plan.ranks[r][next[r]];
      const double ready = ready_at(chunk);
      if (ready > 1e29) continue;
      const double start = std::max(ready, spans[r].end);
      const double length = length_of(static_cast<int>(r), chunk);
      if (spans[r].start < 0) spans[r].start = start;
      spans[r].end = start + length;
      spans[r].busy += length;
      if (chunk.forward.stage >= 0)
        CHECK(forward.insert({{chunk.forward.stage, chunk.forward.micro_batch}, spans[r].end}).second);
      const std::pair<int, int> b{chunk.backward.stage, chunk.backward.micro_batch};
      if (b.first >= 0 && chunk.kind != ChunkKind::backward_weight) CHECK(backward.insert({b, spans[r].end}).second);
      if (b.first >= 0 && chunk.kind != ChunkKind::backward_input) CHECK(weight.insert(b).second);
      ++next[r];
      progress = true;
    }
  }
  const auto passes = static_cast<std::size_t>(plan.stages) * static_cast<std::size_t>(plan.micro_batches);
  CHECK(forward.size() == passes);
  CHECK(backward.size() == passes);
  CHECK(weight.size() == passes);
  return spans;
}

std::vector<Span> played_evenly(const PipelinePlan& plan, const Lengths& l) {
  return played(plan, [&](int, const Chunk& chunk) {
    switch (chunk.kind) {
      case ChunkKind::forward:
        return l.forward;
      case ChunkKind::backward_input:
        return l.backward;
      case ChunkKind::backward_weight:
        return l.weight;
      case ChunkKind::backward:
        return l.backward + l.weight;
      case ChunkKind::forward_backward:
        return l.forward + l.backward + l.weight;
    }
    return 0.0;
  });
}

double step_length(const std::vector<Span>& spans) {
  double end = 0;
  for (const Span& span : spans) end = std::max(end, span.end);
  return end;
}

std::string letters(const RankOrder& order, int low_stage) {
  std::string out;
  for (const Chunk& chunk : order) {
    const ChunkHalf& half = chunk.forward.stage >= 0 ? chunk.forward : chunk.backward;
    constexpr std::array<char, kChunkKinds> kUpper{'F', 'B', 'W', 'D', 'O'};
    out += kUpper[static_cast<std::size_t>(chunk.kind)];
    out += half.stage == low_stage ? '0' : '1';
    out += std::to_string(half.micro_batch) + ' ';
  }
  return out;
}

std::array<int, kChunkKinds> counts(const RankOrder& order) {
  std::array<int, kChunkKinds> n{};
  for (const Chunk& chunk : order) ++n[static_cast<std::size_t>(chunk.kind)];
  return n;
}

double most(const std::vector<double>& values) { return *std::max_element(values.begin(), values.end()); }

}  // namespace

TEST_CASE("ZB-H1: rank 1 of 3 with 4 micro-batches") {
  // One forward first (pp - rank - 1); then forward and backward in turn, weight gradients one micro-batch (the rank)
  // behind, and what is left of them at the end.
  const PipelinePlan plan = pipeline_plan(Schedule::zero_bubble_h1, 3, 1, 4);
  CHECK(letters(plan.ranks[1], 1) == "F00 F01 B00 F02 B01 W00 F03 B02 W01 B03 W02 W03 ");
}

TEST_CASE("ZB-H1: bubble (pp - 1)(F + B - W) and the memory of 1F1B") {
  // Qi et al. 2024, table 2: ZB-H1 holds pp micro-batches as 1F1B's first rank does; its bubble is (pp - 1)(F + B - W)
  // where 1F1B's is (pp - 1)(F + B + W). Work of a rank: n (F + B + W).
  for (const auto& [pp, n] : {std::pair{2, 4}, {4, 8}, {4, 12}, {8, 16}, {8, 40}}) {
    CAPTURE(pp);
    CAPTURE(n);
    const PipelinePlan plan = pipeline_plan(Schedule::zero_bubble_h1, pp, 1, n);
    for (const double held : plan.peak_in_flight) CHECK(held == pp);
    CHECK(step_length(played_evenly(plan, {1, 1, 1})) == 3.0 * n + (pp - 1));
    CHECK(step_length(played_evenly(pipeline_plan(Schedule::one_f_one_b, pp, 1, n), {1, 1, 1})) ==
          3.0 * n + 3 * (pp - 1));
    // F + B - W with W shorter than the others: 10 + 11 - 8.
    CHECK(step_length(played_evenly(plan, {10, 11, 8})) == 29.0 * n + 13 * (pp - 1));
  }
}

TEST_CASE("ZB-V: rank 0 of 2 with 4 micro-batches") {
  // Warm-up: 2 (pp - rank) - 1 = 3 forwards of stage 0 (chunk 0); then pp - rank = 2 times F, B, W of stage 3 (chunk
  // 1); forward while there are any; rank = 0 pairs of backwards; 2 times B, W of stage 0.
  const PipelinePlan plan = pipeline_plan(Schedule::zero_bubble_v, 2, 2, 4);
  CHECK(plan.stages_of_rank == std::vector<std::vector<int>>{{0, 3}, {1, 2}});
  CHECK(plan.turn == 1);
  CHECK(letters(plan.ranks[0], 0) ==
        "F00 F01 F02 F10 B10 W10 F11 B11 W11 F03 B00 W00 F12 B12 W12 B01 W01 F13 B13 W13 B02 W02 B03 W03 ");
}

TEST_CASE("ZB-V: no bubble for equal passes and 1F1B's whole activations") {
  // Qi et al. 2024 (2405.15362): 2 pp half-stages at most on any rank, which is 1F1B's pp stages. From its first to its
  // last chunk a rank never waits; it starts after rank passes of stages before it, so the step is 6 n + pp - 1 or
  // less.
  for (const auto& [pp, n] : {std::pair{2, 4}, {4, 8}, {4, 11}, {8, 16}, {8, 33}}) {
    CAPTURE(pp);
    CAPTURE(n);
    const PipelinePlan plan = pipeline_plan(Schedule::zero_bubble_v, pp, 2, n);
    CHECK(most(plan.peak_in_flight) == 2 * pp);
    const std::vector<Span> spans = played_evenly(plan, {1, 1, 1});
    for (std::size_t r = 0; r < spans.size(); ++r) {
      CHECK(spans[r].bubble() == 0);
      CHECK(spans[r].start == static_cast<double>(r));
    }
    CHECK(step_length(spans) == 6.0 * n + pp - 1);
  }
}

TEST_CASE("DualPipeV is DualPipe on half the ranks") {
  // dualpipev.py: rank h of H with n micro-batches runs what DualPipe runs on ranks h and 2H - 1 - h of 2H with n
  // micro-batches a direction. Steps 1 to 8 of the program for rank 0 of 2 with 4 micro-batches: F0 F0; F0 F1; B1 W1
  // F1; F0&B1 F1&B0 (n - 2H + h + 1 = 1 time); B1 F1&B0; then, from its second half on with weights held back, B1 B0
  // (B1 whole, B0 split); W B0; W.
  const PipelinePlan small = pipeline_plan(Schedule::dualpipe_v, 2, 2, 4);
  CHECK(counts(small.ranks[0]) == std::array<int, kChunkKinds>{5, 3, 3, 2, 3});
  CHECK(small.ranks[0].size() == 3 + 2 - 1 + 3 + 2 + 2 + 2 + 2 + 1);
  for (const auto& [pp, n] : {std::pair{2, 4}, {4, 8}, {8, 20}, {8, 60}}) {
    CAPTURE(pp);
    CAPTURE(n);
    const PipelinePlan v = pipeline_plan(Schedule::dualpipe_v, pp, 2, n);
    const PipelinePlan dual = pipeline_plan(Schedule::dualpipe, 2 * pp, 1, 2 * n);
    CHECK_FALSE(v.fell_back);
    for (int rank = 0; rank < pp; ++rank) {
      const auto r = static_cast<std::size_t>(rank);
      CHECK(counts(v.ranks[r]) == counts(dual.ranks[r]));
      CHECK(v.stages_of_rank[r] == std::vector<int>{rank, 2 * pp - 1 - rank});
    }
    // DeepSeek's table: activations of PP + 1 chunks with PP stages in the pipeline, here 2 pp.
    CHECK(most(v.peak_in_flight) == 2 * pp + 1);
    played_evenly(v, {1, 1, 1});
  }
}

TEST_CASE("DualPipeV: bubble (PP / 2 - 1)(F&B + B - 3 W) for PP stages") {
  // DeepSeek's table with F&B = F + B, B the whole backward. F = B_input = W = 1: F&B = 3, B = 2, W = 1, so
  // (pp - 1)(3 + 2 - 3) = 2 (pp - 1) beside 6 n of work.
  for (const auto& [pp, n] : {std::pair{2, 4}, {4, 8}, {4, 20}, {8, 16}, {8, 60}}) {
    CAPTURE(pp);
    CAPTURE(n);
    const std::vector<Span> spans = played_evenly(pipeline_plan(Schedule::dualpipe_v, pp, 2, n), {1, 1, 1});
    CHECK(step_length(spans) == 6.0 * n + 2 * (pp - 1));
  }
}

TEST_CASE("DualPipeV with fewer than two micro-batches a rank falls back to 1F1B on its stages") {
  const PipelinePlan plan = pipeline_plan(Schedule::dualpipe_v, 4, 2, 7);
  CHECK(plan.fell_back);
  CHECK(plan.schedule == Schedule::one_f_one_b);
  CHECK(plan.turn == 3);
  CHECK(plan.stages_of_rank[0] == std::vector<int>{0, 7});
  CHECK(counts(plan.ranks[0]) == std::array<int, kChunkKinds>{14, 0, 0, 14, 0});
  played_evenly(plan, {1, 1, 1});
}

TEST_CASE("merged 1F1B: rank 1 of 2 with 4 micro-batches") {
  // 2 (pp - rank - 1) + 1 = 1 forward, three F&B chunks, one backward; a single rank likewise.
  for (const PipelinePlan& plan :
       {pipeline_plan(Schedule::one_f_one_b, 2, 1, 4, true), pipeline_plan(Schedule::one_f_one_b, 1, 1, 4, true)}) {
    const RankOrder& order = plan.ranks.back();
    CHECK(counts(order) == std::array<int, kChunkKinds>{1, 0, 0, 1, 3});
    CHECK(order[1].forward.micro_batch == 1);
    CHECK(order[1].backward.micro_batch == 0);
  }
  // Rank 0 of 2: 3 forwards, 1 F&B, 3 backwards; its 3 and then 4 micro-batches in flight.
  const PipelinePlan plan = pipeline_plan(Schedule::one_f_one_b, 2, 1, 4, true);
  CHECK(counts(plan.ranks[0]) == std::array<int, kChunkKinds>{3, 0, 0, 3, 1});
  CHECK(plan.peak_in_flight[0] == 4);
}

TEST_CASE("merged 1F1B keeps every rank busy in its steady phase") {
  // All chunks of equal passes last 3; a rank that had to wait for its neighbour's chunk of the same turn would take 6.
  // Rank 0 ends last: it waits for the first backward from 2 pp - 1 forwards on.
  const int pp = 4;
  const int n = 40;
  const std::vector<Span> spans = played_evenly(pipeline_plan(Schedule::one_f_one_b, pp, 1, n, true), {1, 1, 1});
  CHECK(step_length(spans) <= 3 * (n + 2 * pp));
}

TEST_CASE("property: every schedule ends whatever its passes last, and does every pass once") {
  std::mt19937 random(7);
  const auto up_to = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int trial = 0; trial < 400; ++trial) {
    const int pp = 1 + up_to(8);
    const int n = 1 + up_to(24);
    std::vector<PipelinePlan> plans{
        pipeline_plan(Schedule::zero_bubble_h1, pp, 1, n), pipeline_plan(Schedule::zero_bubble_v, pp, 2, n),
        pipeline_plan(Schedule::dualpipe_v, pp, 2, n), pipeline_plan(Schedule::one_f_one_b, pp, 1, n, true)};
    if (pp > 1) plans.push_back(pipeline_plan(Schedule::interleaved, pp, 2 + up_to(3), pp * (1 + up_to(4)), true));
    for (const PipelinePlan& plan : plans) {
      CAPTURE(pp);
      CAPTURE(plan.micro_batches);
      CAPTURE(static_cast<int>(plan.schedule));
      played(plan, [&](int, const Chunk&) { return 1.0 + up_to(1000) / 100.0; });
    }
  }
}
