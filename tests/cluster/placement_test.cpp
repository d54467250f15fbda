#include "cluster/placement.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "cluster/expert_visits.hpp"
#include "near.hpp"

using namespace gpuhours;

namespace {

Scenario layout(int gpus, int tp, int cp, int pp, int ep, Schedule schedule = Schedule::one_f_one_b) {
  Scenario scenario;
  scenario.cluster.gpus = gpus;
  scenario.parallelism.tp = tp;
  scenario.parallelism.cp = cp;
  scenario.parallelism.pp = pp;
  scenario.parallelism.ep = ep;
  scenario.parallelism.schedule = schedule;
  return scenario;
}

}  // namespace

TEST_CASE("ranks count tp fastest, then cp, dp, pp") {
  // 32 GPUs = tp 2 x cp 2 x dp 4 x pp 2; rank 21 = stage 1, local 5 = tp 1, cp 0, dp 1.
  const Scenario s = layout(32, 2, 2, 2, 1);
  CHECK(group_ranks(s, GroupKind::tensor, 21) == std::vector<int>{20, 21});
  CHECK(group_ranks(s, GroupKind::context, 21) == std::vector<int>{21, 23});
  CHECK(group_ranks(s, GroupKind::pipeline, 21) == std::vector<int>{5, 21});
  CHECK(group_ranks(s, GroupKind::data, 21) == std::vector<int>{17, 19, 21, 23, 25, 27, 29, 31});
}

TEST_CASE("every rank is in its own group and groups of a kind part the ranks") {
  const Scenario s = layout(64, 2, 2, 2, 4);
  for (const GroupKind kind : {GroupKind::tensor, GroupKind::context, GroupKind::expert, GroupKind::expert_tensor,
                               GroupKind::data, GroupKind::expert_data, GroupKind::pipeline}) {
    for (int rank = 0; rank < 64; ++rank) {
      const auto group = group_ranks(s, kind, rank);
      CHECK(std::count(group.begin(), group.end(), rank) == 1);
      for (const int member : group) CHECK(group_ranks(s, kind, member) == group);
    }
  }
}

TEST_CASE("DualPipe reduces gradients over both ranks that hold a stage") {
  // DeepSeek-V3: 2,048 GPUs, pp 16, 128 ranks a stage; the dense group is 2 x 128, an expert's 2 x 128 / 64.
  const Scenario s = layout(2048, 1, 1, 16, 64, Schedule::dualpipe);
  const auto data = group_ranks(s, GroupKind::data, 3 * 128);  // stage 3 and its mirror 12
  CHECK(data.size() == 256);
  CHECK(data.front() == 3 * 128);
  CHECK(data[128] == 12 * 128);
  CHECK(group_ranks(s, GroupKind::expert_data, 5) == std::vector<int>{5, 69, 1925, 1989});  // 15 x 128 = 1,920
  CHECK(group_layout(s, GroupKind::data).nvlink_domains == 32);
  const GroupLayout expert = group_layout(s, GroupKind::expert);
  CHECK(expert.size == 64);
  CHECK(expert.nvlink_domains == 8);
  CHECK(expert.ranks_per_domain == 8);
  const GroupLayout pipeline = group_layout(s, GroupKind::pipeline);
  CHECK(pipeline.size == 16);
  CHECK(pipeline.nvlink_domains == 16);
  CHECK(pipeline.stride == 128);
}

TEST_CASE("a group of one rank") {
  const GroupLayout one = group_layout(layout(8, 8, 1, 1, 1), GroupKind::data);
  CHECK(one.size == 1);
  CHECK(one.nvlink_domains == 1);
  CHECK(one.ranks_per_domain == 1);
}

TEST_CASE("visits of a token without groups are hypergeometric") {
  Architecture model;
  model.experts = 8;
  model.top_k = 2;
  // Two of eight experts on four ranks: 4 x (1 - C(6,2)/C(8,2)) = 4 x (1 - 15/28) = 1.857142857.
  const ExpertVisits visits = expert_visits(model, 4, 2);
  CHECK(visits.ranks == test::near(13.0 / 7.0));
  // Two domains of four experts: 2 x (1 - C(4,2)/C(8,2)) = 2 x (1 - 6/28).
  CHECK(visits.domains == test::near(2.0 * 22.0 / 28.0));
  CHECK(visits.remote_ranks(4) == test::near(13.0 / 7.0 * 0.75));
}

TEST_CASE("DeepSeek-V3's group-limited routing at EP64 and EP16") {
  Architecture model;
  model.experts = 256;
  model.top_k = 8;
  model.expert_groups = 8;
  model.groups_per_token = 4;
  // Monte Carlo by an independent program (deepseek_trace.md section 3): 3.965 nodes, 3.469 remote, 7.49 ranks.
  const ExpertVisits ep64 = expert_visits(model, 64, 8);
  CHECK(ep64.domains == test::near(3.965, 0.003));
  CHECK(ep64.remote_domains(8) == test::near(3.469, 0.003));
  CHECK(ep64.ranks == test::near(7.49, 0.003));
  // Two nodes of four groups: 2 x (1 - C(4,4)/C(8,4)) = 2 x 69/70 when all four groups are used.
  CHECK(expert_visits(model, 16, 2).domains == test::near(2.0 * 69.0 / 70.0, 0.003));
}
