#include "cluster/placement.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

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

namespace {

/// Groups by Megatron-Core's RankGenerator: all ranks as digits of a mixed radix, fastest first in `order`; a group is
/// the ranks that differ in the digits of `names` alone, those counted in the order given.
std::vector<std::vector<int>> folded_groups(const std::vector<std::pair<char, int>>& order, const std::string& names) {
  int world = 1;
  for (const auto& [name, size] : order) world *= size;
  std::map<std::vector<int>, std::vector<int>> groups;
  for (int rank = 0; rank < world; ++rank) {
    std::vector<int> others;
    int rest = rank;
    for (const auto& [name, size] : order) {
      if (names.find(name) == std::string::npos) others.push_back(rest % size);
      rest /= size;
    }
    groups[others].push_back(rank);
  }
  std::vector<std::vector<int>> out;
  for (auto& [others, ranks] : groups) out.push_back(ranks);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::vector<int>> all_groups(const Scenario& s, GroupKind kind) {
  std::set<std::vector<int>> groups;
  for (int rank = 0; rank < s.cluster.gpus; ++rank) groups.insert(group_ranks(s, kind, rank));
  return {groups.begin(), groups.end()};
}

}  // namespace

TEST_CASE("property: attention and expert groups are folded as Megatron does") {
  // Megatron-Core's parallel_state: tp-cp-ep-dp-pp order; the attention grid has tp, cp, dp, pp, the expert grid etp,
  // ep, expert dp, pp over the same ranks, and neither needs to divide the other.
  int compared = 0;
  for (const int tp : {1, 2, 4}) {
    for (const int cp : {1, 2, 3}) {
      for (const int dp : {1, 2, 4, 6}) {
        for (const int pp : {1, 2}) {
          for (const int etp : {1, 2, 4}) {
            for (const int ep : {1, 2, 3, 8}) {
              const int stage = tp * cp * dp;
              if (stage % (ep * etp) != 0) continue;
              Scenario s = layout(stage * pp, tp, cp, pp, ep);
              s.parallelism.etp = etp;
              const std::vector<std::pair<char, int>> attention{{'t', tp}, {'c', cp}, {'d', dp}, {'p', pp}};
              const std::vector<std::pair<char, int>> expert{
                  {'t', etp}, {'e', ep}, {'d', stage / (ep * etp)}, {'p', pp}};
              CHECK(all_groups(s, GroupKind::tensor) == folded_groups(attention, "t"));
              CHECK(all_groups(s, GroupKind::context) == folded_groups(attention, "c"));
              CHECK(all_groups(s, GroupKind::data) == folded_groups(attention, "cd"));
              CHECK(all_groups(s, GroupKind::pipeline) == folded_groups(attention, "p"));
              CHECK(all_groups(s, GroupKind::expert_tensor) == folded_groups(expert, "t"));
              CHECK(all_groups(s, GroupKind::expert) == folded_groups(expert, "e"));
              CHECK(all_groups(s, GroupKind::expert_data) == folded_groups(expert, "d"));
              ++compared;
            }
          }
        }
      }
    }
  }
  CHECK(compared > 200);
}

TEST_CASE("hybrid FSDP: shards in consecutive data-parallel ranks, replicas across") {
  // tp 2, 8 data-parallel ranks, groups of 4: rank 9 is data rank 4 of tensor rank 1.
  Scenario s = layout(16, 2, 1, 1, 1);
  s.parallelism.fsdp = Fsdp::hybrid;
  s.parallelism.fsdp_group = 4;
  CHECK(group_ranks(s, GroupKind::shard, 9) == std::vector<int>{9, 11, 13, 15});
  CHECK(group_ranks(s, GroupKind::replica, 9) == std::vector<int>{1, 9});
  CHECK(group_ranks(s, GroupKind::data, 9) == std::vector<int>{1, 3, 5, 7, 9, 11, 13, 15});
  // By default a node: 8 GPUs of tp 2 are 4 ranks.
  s.parallelism.fsdp_group = 0;
  s.cluster.node.gpus = 8;
  CHECK(group_layout(s, GroupKind::shard).size == 4);
  // A job inside one node is one group.
  s.cluster.gpus = 4;
  CHECK(group_layout(s, GroupKind::shard).size == 2);
  CHECK(group_layout(s, GroupKind::replica).size == 1);
}
