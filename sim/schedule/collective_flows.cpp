#include "schedule/collective_flows.hpp"

#include <cassert>

#include "schedule/double_tree.hpp"

namespace gpuhours {
namespace {

// The ranks of a group by NVLink domain.
class Members {
 public:
  Members(std::span<const int> ranks, int domain_size) : ranks_(ranks) {
    domains_ = 1;
    for (std::size_t i = 1; i < ranks.size(); ++i) domains_ += ranks[i] / domain_size != ranks[i - 1] / domain_size;
    per_domain_ = static_cast<int>(ranks.size()) / domains_;
    assert(per_domain_ * domains_ == static_cast<int>(ranks.size()));
  }
  [[nodiscard]] int size() const { return static_cast<int>(ranks_.size()); }
  [[nodiscard]] int domains() const { return domains_; }
  [[nodiscard]] int per_domain() const { return per_domain_; }
  [[nodiscard]] int at(int domain, int local) const {
    const int r = per_domain_;
    return ranks_[static_cast<std::size_t>(domain * r + (local % r + r) % r)];
  }
  [[nodiscard]] int at(int i) const { return ranks_[static_cast<std::size_t>(i)]; }

 private:
  std::span<const int> ranks_;
  int domains_ = 1;
  int per_domain_ = 1;
};

// Every edge of the ring carries `sent` in all, a channel its part.
void add_ring(FlowPlan& plan, const Members& members, double over_nvlink, double over_nic) {
  const int r = members.per_domain();
  const int domains = members.domains();
  if (domains == 1) {
    for (int i = 0; i < r; ++i) plan.flows.push_back({members.at(0, i), members.at(0, i + 1), over_nvlink});
    return;
  }
  for (int domain = 0; domain < domains; ++domain) {
    // Over all channels each GPU passes data to its neighbour in all but one, where it sends it to the next domain.
    for (int i = 0; r > 1 && i < r; ++i) {
      plan.flows.push_back({members.at(domain, i), members.at(domain, i + 1), over_nvlink});
    }
    for (int i = 0; i < r; ++i) {
      plan.flows.push_back({members.at(domain, i), members.at((domain + 1) % domains, i), over_nic});
    }
  }
}

void add_nvls(FlowPlan& plan, const Members& members, double bytes) {
  for (int i = 0; i < members.size(); ++i) {
    plan.flows.push_back({members.at(i), members.at(i), bytes, FlowPath::to_switch});
    plan.flows.push_back({members.at(i), members.at(i), bytes, FlowPath::from_switch});
  }
}

// Between the domains: each rail carries its part of the data, half of it over each tree, up and down.
void add_trees(FlowPlan& plan, const Members& members, double per_rail) {
  for (const auto& [child, parent] : double_tree_edges(members.domains())) {
    for (int rail = 0; rail < members.per_domain(); ++rail) {
      plan.flows.push_back({members.at(child, rail), members.at(parent, rail), per_rail / 2});
      plan.flows.push_back({members.at(parent, rail), members.at(child, rail), per_rail / 2});
    }
  }
}

// Inside a domain: chains up and down, begun at another GPU for each rail.
void add_chains(FlowPlan& plan, const Members& members, double each_way) {
  const int r = members.per_domain();
  for (int domain = 0; domain < members.domains(); ++domain) {
    for (int i = 0; r > 1 && i < r; ++i) {
      plan.flows.push_back({members.at(domain, i), members.at(domain, i + 1), each_way});
      plan.flows.push_back({members.at(domain, i), members.at(domain, i - 1), each_way});
    }
  }
}

void add_pairs(FlowPlan& plan, const Members& members, double over_nvlink, double over_nic) {
  const int n = members.size();
  const int r = members.per_domain();
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) {
      if (i != j) plan.flows.push_back({members.at(i), members.at(j), i / r == j / r ? over_nvlink : over_nic});
    }
  }
}

// Each rank to the next; the last has nobody.
void add_sends(FlowPlan& plan, const Members& members, int domain_size, double over_nvlink, double over_nic) {
  for (int i = 0; i + 1 < members.size(); ++i) {
    const bool near = members.at(i) / domain_size == members.at(i + 1) / domain_size;
    plan.flows.push_back({members.at(i), members.at(i + 1), near ? over_nvlink : over_nic});
  }
}

}  // namespace

FlowPlan collective_flows(const CollectiveEstimate& estimate, CollectiveOp op, Bytes bytes, std::span<const int> ranks,
                          int domain_size) {
  FlowPlan plan;
  plan.algorithm = estimate.algorithm;
  plan.latency = estimate.latency;
  if (ranks.size() < 2) return plan;
  const Members members(ranks, domain_size);
  const double nvlink = estimate.nvlink_bytes.value() / estimate.nvlink_share;
  const double nic = estimate.nic_bytes.value() / estimate.nic_share;
  const std::string kind = estimate.algorithm.substr(0, estimate.algorithm.find('/'));
  if (kind == "ring" || kind == "chain") {
    add_ring(plan, members, nvlink, nic);
  } else if (kind == "nvls") {
    add_nvls(plan, members, nvlink);
  } else if (kind == "nvls tree" || kind == "tree") {
    kind == "tree" ? add_chains(plan, members, nvlink / 2) : add_nvls(plan, members, nvlink);
    add_trees(plan, members, bytes.value() / members.per_domain() / estimate.nic_share);
  } else if (op == CollectiveOp::send) {
    add_sends(plan, members, domain_size, bytes.value() / estimate.nvlink_share, bytes.value() / estimate.nic_share);
  } else {
    const double near_peers = members.per_domain() - 1;
    const double far_peers = members.size() - members.per_domain();
    add_pairs(plan, members, near_peers > 0 ? nvlink / near_peers : 0, far_peers > 0 ? nic / far_peers : 0);
  }
  return plan;
}

FlowPlan expert_flows(const ExpertVisits& visits, Bytes bytes, double nic_share, double nvlink_share, Seconds latency,
                      std::span<const int> ranks, int domain_size) {
  FlowPlan plan;
  plan.algorithm = "node-limited";
  plan.latency = latency;
  const Members members(ranks, domain_size);
  const int r = members.per_domain();
  const int domains = members.domains();
  const double to_domain = visits.domains / domains * bytes.value() / nic_share;
  const double to_peer = visits.ranks / r * bytes.value() / nvlink_share;
  for (int domain = 0; domain < domains; ++domain) {
    for (int i = 0; i < r; ++i) {
      for (int other = 0; other < domains; ++other) {
        if (other != domain) plan.flows.push_back({members.at(domain, i), members.at(other, i), to_domain});
      }
      for (int peer = 0; peer < r; ++peer) {
        if (peer != i) plan.flows.push_back({members.at(domain, i), members.at(domain, peer), to_peer});
      }
    }
  }
  return plan;
}

}  // namespace gpuhours
