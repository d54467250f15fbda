#include "cluster/placement.hpp"

#include <algorithm>
#include <cassert>

namespace gpuhours {
namespace {

// Sizes along one pipeline stage's ranks, and the two ways of counting them.
struct Grid {
  int tp, cp, dp, pp;
  int ep, etp;
  int shard;
  [[nodiscard]] int stage_ranks() const { return tp * cp * dp; }
  [[nodiscard]] int expert_data() const { return stage_ranks() / (ep * etp); }
};

Grid grid(const Scenario& scenario) {
  const Parallelism& p = scenario.parallelism;
  return {p.tp, p.cp, p.dp(scenario.cluster.gpus), p.pp, p.ep, p.etp, shard_ranks(p, scenario.cluster)};
}

// `count` ranks from `first`, `stride` apart.
std::vector<int> arithmetic(int first, int stride, int count) {
  std::vector<int> ranks;
  ranks.reserve(count);
  for (int i = 0; i < count; ++i) ranks.push_back(first + i * stride);
  return ranks;
}

// Stage-local members of the group of stage-local rank `local`.
std::vector<int> members_in_stage(const Grid& g, GroupKind kind, int local) {
  const int tensor = local % g.tp;
  const int expert_tensor = local % g.etp;
  const int expert = (local / g.etp) % g.ep;
  const int block = g.etp * g.ep;
  const int data = local / g.tp;
  switch (kind) {
    case GroupKind::tensor:
      return arithmetic(local - tensor, 1, g.tp);
    case GroupKind::context:
      return arithmetic(local - local / g.tp % g.cp * g.tp, g.tp, g.cp);
    case GroupKind::data:
      return arithmetic(tensor, g.tp, g.cp * g.dp);
    case GroupKind::expert_tensor:
      return arithmetic(local - expert_tensor, 1, g.etp);
    case GroupKind::expert:
      return arithmetic(local - expert * g.etp, g.etp, g.ep);
    case GroupKind::expert_data:
      return arithmetic(local % block, block, g.expert_data());
    case GroupKind::shard:
      return arithmetic(data / g.shard * g.shard * g.tp + tensor, g.tp, g.shard);
    case GroupKind::replica:
      return arithmetic(data % g.shard * g.tp + tensor, g.shard * g.tp, g.cp * g.dp / g.shard);
    case GroupKind::pipeline:
      break;
  }
  return {local};
}

bool holds_two_copies(const Scenario& scenario) {
  return scenario.parallelism.schedule == Schedule::dualpipe && scenario.parallelism.pp > 1;
}

}  // namespace

std::vector<int> group_ranks(const Scenario& scenario, GroupKind kind, int rank) {
  const Grid g = grid(scenario);
  const int stage_ranks = g.stage_ranks();
  const int stage = rank / stage_ranks;
  const int local = rank % stage_ranks;
  assert(rank >= 0 && stage < g.pp);
  if (kind == GroupKind::pipeline) return arithmetic(local, stage_ranks, g.pp);

  std::vector<int> ranks = members_in_stage(g, kind, local);
  const int mirror = g.pp - 1 - stage;
  const bool reduces = kind == GroupKind::data || kind == GroupKind::expert_data;
  if (reduces && holds_two_copies(scenario) && mirror != stage) {
    const std::vector<int> locals = ranks;
    const int low = std::min(stage, mirror);
    const int high = std::max(stage, mirror);
    ranks.clear();
    for (const int at : {low, high}) {
      for (const int member : locals) ranks.push_back(at * stage_ranks + member);
    }
    return ranks;
  }
  for (int& member : ranks) member += stage * stage_ranks;
  return ranks;
}

GroupLayout group_layout(const Scenario& scenario, GroupKind kind) {
  const std::vector<int> ranks = group_ranks(scenario, kind, 0);
  const int domain_size = std::max(1, scenario.cluster.node.nvlink_domain);
  GroupLayout layout;
  layout.size = static_cast<int>(ranks.size());
  layout.stride = layout.size > 1 ? ranks[1] - ranks[0] : 1;
  layout.nvlink_domains = 0;
  layout.ranks_per_domain = 0;
  int in_domain = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const bool new_domain = i == 0 || ranks[i] / domain_size != ranks[i - 1] / domain_size;
    layout.nvlink_domains += new_domain ? 1 : 0;
    in_domain = new_domain ? 1 : in_domain + 1;
    layout.ranks_per_domain = std::max(layout.ranks_per_domain, in_domain);
  }
  return layout;
}

}  // namespace gpuhours
