#include <fmt/format.h>

#include <cassert>

#include "cluster/graph.hpp"

namespace gpuhours {
namespace {

// splitmix64's finaliser: spreads every input bit.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

std::vector<double> ClusterGraph::capacities() const {
  std::vector<double> rates;
  rates.reserve(links_.size());
  for (const GraphLink& link : links_) rates.push_back(link.bytes_per_second);
  return rates;
}

int ClusterGraph::nic_of(int gpu) const {
  const int node = gpu / gpus_per_node_;
  return node * nics_per_node_ + gpu % gpus_per_node_ * nics_per_node_ / gpus_per_node_;
}

void ClusterGraph::append(Route& route, std::uint32_t from, std::uint32_t to) const {
  for (const std::uint32_t link : out_links(from)) {
    if (links_[link].to != to) continue;
    route.links.push_back(link);
    return;
  }
  assert(false && "devices are not neighbours");
}

void ClusterGraph::through_fabric(Route& route, int from_nic, int to_nic, Routing routing, std::uint64_t key) const {
  std::uint32_t at = leaf_of_nic_[static_cast<std::size_t>(from_nic)];
  const std::uint32_t target = leaf_of_nic_[static_cast<std::size_t>(to_nic)];
  const std::uint8_t* const distance =
      distance_.data() + static_cast<std::size_t>(row_of_switch_[target - first_switch_]) * switches_;
  const auto to = static_cast<std::uint64_t>(to_nic);
  const std::uint64_t hash = mixed(mixed(static_cast<std::uint64_t>(from_nic) ^ key) ^ to);
  append(route, nic_devices_[static_cast<std::size_t>(from_nic)], at);
  // Destinations on one leaf count on in this number, so that its remainder spreads them over the up links.
  std::uint64_t spread = forwards_to_rail_ ? to / static_cast<std::uint64_t>(nics_per_node_) : to;
  int hops = 0;
  for (; at != target; ++hops) {
    const auto nearer = [&](std::uint32_t link) {
      const std::uint32_t next = links_[link].to;
      return next >= first_switch_ && distance[next - first_switch_] + 1 == distance[at - first_switch_];
    };
    std::uint64_t choices = 0;
    for (const std::uint32_t link : out_links(at)) choices += nearer(link) ? 1 : 0;
    assert(choices > 0);
    if (routing == Routing::ecmp) spread = mixed(hash + static_cast<std::uint64_t>(hops));
    std::uint64_t pick = spread % choices;
    spread /= choices;  // the next layer looks at the next digit
    for (const std::uint32_t link : out_links(at)) {
      if (!nearer(link) || pick-- > 0) continue;
      route.links.push_back(link);
      at = links_[link].to;
      break;
    }
  }
  append(route, at, nic_devices_[static_cast<std::size_t>(to_nic)]);
  const Seconds further = latency_cross_leaf_ - latency_same_leaf_;  // of two more switches
  route.latency += latency_same_leaf_ + (hops / 2.0) * further;
}

Route ClusterGraph::route(int from, int to, Routing routing, std::uint64_t key) const {
  Route route;
  if (from == to) return route;
  const auto source = static_cast<std::size_t>(from);
  const auto sink = static_cast<std::size_t>(to);
  if (from / domain_ == to / domain_) {
    append(route, static_cast<std::uint32_t>(from), nvswitch_of_gpu_[source]);
    append(route, nvswitch_of_gpu_[source], static_cast<std::uint32_t>(to));
    route.latency = latency_nvlink_;
    return route;
  }
  int sender = from;
  if (forwards_to_rail_ && from % gpus_per_node_ != to % gpus_per_node_) {
    sender = from / gpus_per_node_ * gpus_per_node_ + to % gpus_per_node_;
    append(route, static_cast<std::uint32_t>(from), nvswitch_of_gpu_[source]);
    append(route, nvswitch_of_gpu_[source], static_cast<std::uint32_t>(sender));
    route.latency += latency_nvlink_;
  }
  const int from_nic = nic_of(sender), to_nic = nic_of(to);
  const auto pcie = pcie_of_gpu_[static_cast<std::size_t>(sender)];
  append(route, static_cast<std::uint32_t>(sender), pcie);
  append(route, pcie, nic_devices_[static_cast<std::size_t>(from_nic)]);
  through_fabric(route, from_nic, to_nic, routing, key);
  append(route, nic_devices_[static_cast<std::size_t>(to_nic)], pcie_of_gpu_[sink]);
  append(route, pcie_of_gpu_[sink], static_cast<std::uint32_t>(to));
  return route;
}

std::string ClusterGraph::device_name(std::uint32_t device) const {
  constexpr const char* kNames[] = {"gpu", "nvswitch", "pcie", "nic", "leaf", "spine", "core"};
  const Device& d = devices_[device];
  const char* name = kNames[static_cast<int>(d.kind)];
  if (d.kind == DeviceKind::gpu) return fmt::format("gpu {}", device);
  if (d.kind == DeviceKind::nvswitch || d.node < 0) return fmt::format("{} {}", name, d.index);
  return fmt::format("{} {}.{}", name, d.node, d.index);
}

std::string ClusterGraph::link_name(std::uint32_t link) const {
  return device_name(links_[link].from) + " -> " + device_name(links_[link].to);
}

}  // namespace gpuhours
