#include "schedule/collective_law.hpp"

#include <algorithm>
#include <cmath>

#include "schedule/double_tree.hpp"

namespace gpuhours {
namespace {

// What an algorithm asks of the two kinds of links.
struct Demand {
  double nvlink_hops = 0;
  double network_hops = 0;
  double crossings = 0;  // network hops in a row that really leave a domain
  Bytes nvlink;          // of a rank, own copy included
  Bytes nic;             // of a rank
};

// The protocol of `law` that goes with number `i` of `count`: the bulk protocols, which stand last, go together.
const ProtocolLaw& protocol(const AlgorithmLaw& law, std::size_t i, std::size_t count) {
  const std::size_t from_end = count - 1 - i;
  return law.protocols[law.protocols.size() - 1 - std::min(from_end, law.protocols.size() - 1)];
}

class Candidates {
 public:
  Candidates(const NetworkLaws& laws, const GroupShape& group)
      : group_(group),
        nvlink_(laws.nvlink_of(group.generation, &generation_known_)),
        nic_(laws.nic_of(group.transport, &transport_known_)),
        nvls_min_ranks_(laws.nvls_min_ranks) {}

  std::vector<CollectiveEstimate> of(CollectiveOp op, Bytes bytes) {
    switch (op) {
      case CollectiveOp::all_reduce:
        ring(bytes, 2.0);
        nvls(bytes);
        tree(bytes);
        break;
      case CollectiveOp::all_gather:
      case CollectiveOp::reduce_scatter:
        ring(bytes, 1.0);
        break;
      case CollectiveOp::broadcast:
        chain(bytes);
        break;
      case CollectiveOp::all_to_all:
        all_to_all(bytes);
        break;
      case CollectiveOp::send:
        send(bytes);
        break;
    }
    return std::move(list_);
  }

 private:
  [[nodiscard]] bool one_domain() const { return group_.domains == 1; }

  void add(const std::string& algorithm, const AlgorithmLaw& near, const AlgorithmLaw& far, const Demand& demand) {
    const AlgorithmLaw& leading = one_domain() ? near : far;
    for (std::size_t i = 0; i < leading.protocols.size(); ++i) {
      const ProtocolLaw& inside = protocol(near, i, leading.protocols.size());
      const ProtocolLaw& outside = protocol(far, i, leading.protocols.size());
      const Seconds latency = leading.protocols[i].base + demand.nvlink_hops * inside.per_step +
                              demand.network_hops * outside.per_step +
                              demand.crossings * std::max(Seconds{}, group_.extra_latency);
      const Seconds nvlink = demand.nvlink / (inside.share * group_.nvlink);
      const Seconds nic = one_domain() ? Seconds{} : demand.nic / (outside.share * group_.nic);
      CollectiveEstimate estimate;
      estimate.time = latency + std::max(nvlink, nic);
      estimate.algorithm = algorithm + (leading.protocols[i].name.empty() ? "" : "/" + leading.protocols[i].name);
      estimate.bottleneck = latency > std::max(nvlink, nic) ? "latency" : nic > nvlink ? "nic" : "nvlink";
      estimate.nvlink_bytes = demand.nvlink;
      estimate.nic_bytes = demand.nic;
      estimate.latency = latency;
      estimate.nvlink_share = inside.share;
      estimate.nic_share = outside.share;
      estimate.error = leading.error;
      estimate.measured = generation_known_ && (one_domain() || transport_known_);
      list_.push_back(std::move(estimate));
    }
  }

  void ring(Bytes bytes, double passes) {
    const double n = group_.size;
    Demand demand;
    (one_domain() ? demand.nvlink_hops : demand.network_hops) = passes * (n - 1);
    if (!one_domain()) demand.crossings = passes * group_.domains * (n - 1) / n;
    const Bytes sent = passes * (n - 1) / n * bytes;
    // Over several domains each GPU passes data on inside its own in all channels but one.
    const double inside = one_domain() ? 1.0 : (group_.per_domain - 1.0) / group_.per_domain;
    if (group_.per_domain > 1) demand.nvlink = inside * sent + nvlink_.ring.own_copy / n * bytes;
    if (!one_domain()) demand.nic = sent / static_cast<double>(group_.per_domain);
    add("ring", nvlink_.ring, nic_.ring, demand);
  }

  [[nodiscard]] bool nvls_usable() const {
    return group_.nvls && !nvlink_.nvls.protocols.empty() && group_.per_domain >= nvls_min_ranks_;
  }

  void nvls(Bytes bytes) {
    if (!one_domain() || !nvls_usable()) return;
    Demand demand;
    demand.nvlink_hops = 1;
    demand.nvlink = bytes;
    add("nvls", nvlink_.nvls, nic_.tree, demand);
  }

  void tree(Bytes bytes) {
    if (one_domain()) return;
    const double domains = group_.domains;
    Demand demand;
    demand.network_hops = 2.0 * std::ceil(std::log2(domains));
    demand.crossings = demand.network_hops;
    demand.nic = double_tree_traffic(group_.domains) / group_.per_domain * bytes;
    if (nvls_usable()) {
      demand.nvlink = bytes;
      demand.nvlink_hops = 1;
      add("nvls tree", nvlink_.nvls, nic_.nvls_tree.protocols.empty() ? nic_.tree : nic_.nvls_tree, demand);
    }
    const double others = group_.per_domain - 1.0;  // a chain inside the domain, up and down
    demand.nvlink_hops = 2.0 * others;
    demand.nvlink = 2.0 * others / group_.per_domain * bytes;
    add("tree", nvlink_.ring, nic_.tree, demand);
  }

  // A pipelined chain through all ranks: everybody but the last passes the whole buffer on.
  void chain(Bytes bytes) {
    const double n = group_.size;
    Demand demand;
    (one_domain() ? demand.nvlink_hops : demand.network_hops) = n - 1;
    demand.crossings = group_.domains - 1;
    if (group_.per_domain > 1) demand.nvlink = bytes;
    if (!one_domain()) demand.nic = bytes / static_cast<double>(group_.per_domain);
    add("chain", nvlink_.ring, nic_.ring, demand);
  }

  void all_to_all(Bytes bytes) {
    const double n = group_.size;
    const double near = group_.per_domain;
    Demand demand;
    demand.nvlink_hops = near - 1;
    demand.network_hops = n - near;
    demand.nvlink = (near - 1 + nvlink_.point_to_point.own_copy) / n * bytes;
    demand.nic = (n - near) / n * bytes;
    add("pairwise", nvlink_.point_to_point, nic_.all_to_all, demand);
  }

  // The slowest pair binds, so one pair over the NIC makes all wait.
  void send(Bytes bytes) {
    Demand demand;
    (one_domain() ? demand.nvlink_hops : demand.network_hops) = 1;
    if (!one_domain()) demand.crossings = 1;
    (one_domain() ? demand.nvlink : demand.nic) = bytes;
    add("send", nvlink_.point_to_point, nic_.send, demand);
  }

  const GroupShape& group_;
  bool generation_known_ = false;
  bool transport_known_ = false;
  const NvlinkLaws& nvlink_;
  const NicLaws& nic_;
  int nvls_min_ranks_;
  std::vector<CollectiveEstimate> list_;
};

}  // namespace

std::vector<CollectiveEstimate> collective_candidates(const NetworkLaws& laws, const GroupShape& group, CollectiveOp op,
                                                      Bytes bytes) {
  if (group.size > 1) return Candidates(laws, group).of(op, bytes);
  CollectiveEstimate none;
  none.algorithm = "none";
  none.bottleneck = "none";
  none.measured = true;
  return {none};
}

CollectiveEstimate collective_estimate(const NetworkLaws& laws, const GroupShape& group, CollectiveOp op, Bytes bytes) {
  const auto list = collective_candidates(laws, group, op, bytes);
  return *std::min_element(list.begin(), list.end(),
                           [](const CollectiveEstimate& a, const CollectiveEstimate& b) { return a.time < b.time; });
}

double bus_factor(CollectiveOp op, int ranks) {
  const double others = (ranks - 1.0) / ranks;
  switch (op) {
    case CollectiveOp::all_reduce:
      return 2.0 * others;
    case CollectiveOp::all_gather:
    case CollectiveOp::reduce_scatter:
    case CollectiveOp::all_to_all:
      return others;
    case CollectiveOp::broadcast:
    case CollectiveOp::send:
      break;
  }
  return 1.0;
}

}  // namespace gpuhours
