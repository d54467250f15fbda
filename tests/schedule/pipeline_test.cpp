#include "schedule/pipeline.hpp"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <set>
#include <utility>

using namespace gpuhours;

namespace {

std::array<int, kChunkKinds> counts(const RankOrder& order) {
  std::array<int, kChunkKinds> n{};
  for (const Chunk& chunk : order) ++n[static_cast<std::size_t>(chunk.kind)];
  return n;
}

/// Runs a plan with every chunk taking its unit lengths and checks that it ends: each forward after the forward of the
/// stage before, each backward after that of the stage behind. Returns the number of chunks that ran.
int replay(const PipelinePlan& plan) {
  std::vector<std::size_t> next(plan.ranks.size(), 0);
  std::set<std::pair<int, int>> forwarded;
  std::set<std::pair<int, int>> backwarded;
  const auto ready = [&](const Chunk& chunk) {
    const ChunkHalf f = chunk.forward;
    const ChunkHalf b = chunk.backward;
    if (f.stage > 0 && !forwarded.count({f.stage - 1, f.micro_batch})) return false;
    if (b.stage < 0 || chunk.kind == ChunkKind::backward_weight) return true;
    if (!forwarded.count({b.stage, b.micro_batch})) return false;
    return b.stage == plan.stages - 1 || backwarded.count({b.stage + 1, b.micro_batch}) > 0;
  };
  int ran = 0;
  for (bool progress = true; progress;) {
    progress = false;
    for (std::size_t r = 0; r < plan.ranks.size(); ++r) {
      if (next[r] == plan.ranks[r].size() || !ready(plan.ranks[r][next[r]])) continue;
      const Chunk& chunk = plan.ranks[r][next[r]++];
      if (chunk.forward.stage >= 0) CHECK(forwarded.insert({chunk.forward.stage, chunk.forward.micro_batch}).second);
      if (chunk.backward.stage >= 0 && chunk.kind != ChunkKind::backward_weight)
        CHECK(backwarded.insert({chunk.backward.stage, chunk.backward.micro_batch}).second);
      ++ran;
      progress = true;
    }
  }
  CHECK(forwarded.size() == static_cast<std::size_t>(plan.stages * plan.micro_batches));
  CHECK(backwarded.size() == forwarded.size());
  return ran;
}

}  // namespace

TEST_CASE("1F1B: stage 0 of 4 with 6 micro-batches") {
  // FFF FB FB FB BBB: 6 forwards, 6 backwards, warm-up of pp - rank - 1 = 3, at most pp = 4 in flight.
  const PipelinePlan plan = pipeline_plan(Schedule::one_f_one_b, 4, 1, 6);
  std::string kinds;
  for (const Chunk& chunk : plan.ranks[0]) kinds += chunk.kind == ChunkKind::forward ? 'F' : 'B';
  CHECK(kinds == "FFFFBFBFBBBB");
  CHECK(plan.peak_in_flight[0] == 4);
  CHECK(plan.peak_in_flight[3] == 1);
  CHECK(replay(plan) == 4 * 12);
}

TEST_CASE("1F1B with fewer micro-batches than ranks") {
  const PipelinePlan plan = pipeline_plan(Schedule::one_f_one_b, 8, 1, 3);
  CHECK(plan.peak_in_flight[0] == 3);
  CHECK(replay(plan) == 8 * 6);
}

TEST_CASE("interleaved: rank 0 of 2 with two chunks and 4 micro-batches") {
  // Turns (chunk, micro-batch): 0/0 0/1 1/0 1/1 0/2 0/3 1/2 1/3. Warm-up of rank 0: (2 - 0 - 1) x 2 + (2 - 1) x 2 = 4
  // forwards; then forward and backward in turn, backward with chunk 1 (stage 2) first.
  const PipelinePlan plan = pipeline_plan(Schedule::interleaved, 2, 2, 4);
  std::string got;
  for (const Chunk& chunk : plan.ranks[0]) {
    const bool forward = chunk.kind == ChunkKind::forward;
    const ChunkHalf half = forward ? chunk.forward : chunk.backward;
    got += (forward ? 'F' : 'B') + std::to_string(half.stage) + std::to_string(half.micro_batch) + ' ';
  }
  CHECK(got == "F00 F01 F20 F21 F02 B20 F03 B21 F22 B00 F23 B01 B22 B23 B02 B03 ");
  CHECK(plan.stages_of_rank[1] == std::vector<int>{1, 3});
}

TEST_CASE("interleaved ends for many shapes") {
  for (const auto& [pp, vpp, n] : {std::tuple{2, 2, 4}, {4, 2, 4}, {4, 3, 16}, {8, 5, 32}, {2, 8, 6}, {16, 8, 64}}) {
    CAPTURE(pp);
    CAPTURE(vpp);
    CAPTURE(n);
    const PipelinePlan plan = pipeline_plan(Schedule::interleaved, pp, vpp, n);
    CHECK(replay(plan) == pp * vpp * n * 2);
  }
}

TEST_CASE("DualPipe counts of the published program") {
  // For PP16 and 120 chunks, h = min(rank, 15 - rank): F 23-h (17 on h = 7), F&B 97+h (103), B 23-h of which 8 whole (h
  // = 7: 9), W 15-h. The general form, H = pp / 2, n = chunks: F 3H-1-h, F&B n-2pp+2h+2 + H-h-1, B as F, W 2H-1-h; the
  // middle ranks run one F&B as F and B.
  for (const auto& [pp, n] : {std::pair{16, 120}, {8, 20}, {4, 8}, {2, 4}, {16, 32}, {8, 64}}) {
    const PipelinePlan plan = pipeline_plan(Schedule::dualpipe, pp, 1, n);
    CHECK_FALSE(plan.fell_back);
    const int half = pp / 2;
    for (int rank = 0; rank < pp; ++rank) {
      CAPTURE(pp);
      CAPTURE(rank);
      const int h = std::min(rank, pp - 1 - rank);
      const int middle = h == half - 1 ? 1 : 0;
      const auto got = counts(plan.ranks[static_cast<std::size_t>(rank)]);
      CHECK(got[static_cast<std::size_t>(ChunkKind::forward)] == 3 * half - 1 - h + middle);
      CHECK(got[static_cast<std::size_t>(ChunkKind::forward_backward)] ==
            2 * (n / 2 - pp + h + 1) + half - h - 1 - middle);
      CHECK(got[static_cast<std::size_t>(ChunkKind::backward)] == half + middle);
      CHECK(got[static_cast<std::size_t>(ChunkKind::backward_weight)] == 2 * half - 1 - h);
      CHECK(got[static_cast<std::size_t>(ChunkKind::backward_input)] == 2 * half - 1 - h);
    }
    replay(plan);
  }
}

TEST_CASE("DualPipe PP16 with 120 chunks on ranks 0 and 7, as published") {
  const PipelinePlan plan = pipeline_plan(Schedule::dualpipe, 16, 1, 120);
  CHECK(counts(plan.ranks[0]) == std::array<int, kChunkKinds>{23, 15, 15, 8, 97});
  CHECK(counts(plan.ranks[7]) == std::array<int, kChunkKinds>{17, 8, 8, 9, 103});
  CHECK(plan.stages_of_rank[3] == std::vector<int>{3, 12});
  // DeepSeek-V3 report, table 2: DualPipe holds activations of PP + 1 micro-batches.
  CHECK(plan.peak_in_flight[0] == 17);
}

TEST_CASE("DualPipe falls back to 1F1B where it cannot run the batch") {
  for (const auto& [pp, n] : {std::pair{16, 30}, {16, 33}, {4, 7}}) {
    const PipelinePlan plan = pipeline_plan(Schedule::dualpipe, pp, 1, n);
    CHECK(plan.fell_back);
    CHECK(plan.schedule == Schedule::one_f_one_b);
    replay(plan);
  }
}
