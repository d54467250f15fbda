// Keys of hardware/gpus, nodes and fabrics. Rates are dense, link speeds per direction, both nominal.

#include "core/limits.hpp"
#include "scenario/keys.hpp"

namespace gpuhours {

void Keys::rates(KeyInfo key, std::map<Format, FlopsPerSecond>& member) {
  if (!visitor_.begin_map(key, nullptr, true)) return;
  const ValueType type{.kind = ValueType::Kind::number, .unit = Unit::arithmetic, .range = greater_than(0)};
  for (std::size_t i = 0; i < EnumNames<Format>::kNames.size(); ++i) {
    const auto format = static_cast<Format>(i);
    const auto it = member.find(format);
    Value value = it == member.end() ? Value() : Value(it->second.value());
    visitor_.leaf({EnumNames<Format>::kNames[i], "dense peak of this format; absent: not supported"}, type, value);
    if (const auto* rate = std::get_if<double>(&value)) member[format] = FlopsPerSecond(*rate);
  }
  visitor_.end_map();
}

void describe(Keys& keys, Gpu& gpu) {
  keys.text({"id", "name of the catalogue file"}, gpu.id);
  keys.text({"name", "name in plain words"}, gpu.name);
  keys.choice({"generation", "architecture, whose kernel laws may be borrowed; other: none of these"}, gpu.generation);
  keys.text({"released", "YYYY-MM"}, gpu.released);
  keys.text({"default_node", "node where the scenario names none"}, gpu.default_node);
  keys.whole({"sms", "streaming multiprocessors", kRequired}, gpu.sms, between(1, kMostHeads));
  keys.quantity({"peak_clock", "clock behind peak_dense"}, Unit::frequency, gpu.peak_clock, at_least(0));
  keys.quantity({"max_clock", "highest boost clock"}, Unit::frequency, gpu.max_clock, at_least(0));
  keys.rates({"peak_dense", "dense peak of each supported number format", kRequired}, gpu.peak_dense);
  keys.quantity({"memory_capacity", "memory that a program can use", kRequired}, Unit::data, gpu.memory_capacity,
                greater_than(0));
  keys.quantity({"memory_bandwidth", "nominal memory bandwidth", kRequired}, Unit::data_rate, gpu.memory_bandwidth,
                greater_than(0));
  keys.quantity({"l2_cache", "size of the last-level cache"}, Unit::data, gpu.l2_cache, at_least(0));
  keys.quantity({"nvlink_per_direction", "all NVLinks together, one direction"}, Unit::data_rate,
                gpu.nvlink_per_direction, at_least(0));
  keys.whole({"nvlink_links", "NVLinks of the GPU"}, gpu.nvlink_links, between(0, kMostHeads));
  keys.quantity({"pcie_per_direction", "to the host, one direction"}, Unit::data_rate, gpu.pcie_per_direction,
                at_least(0));
  keys.quantity({"tdp", "thermal design power"}, Unit::power, gpu.tdp, at_least(0));
  keys.number({"die_area_mm2", "logic dies on a non-planar node, for performance density"}, Unit::area,
              gpu.die_area_mm2, at_least(0), true);
  keys.flag({"data_centre", "designed or marketed for data centres, for export rules"}, gpu.data_centre);
  keys.map({"caps", "ceilings of a hypothetical part"}, gpu.caps);
  keys.list({"sources", "citations of the figures above"}, gpu.sources);
}

void describe(Keys& keys, GpuCaps& caps) {
  keys.number({"tpp", "total processing performance; every peak rate is cut by the same factor; 0: none"}, Unit::ratio,
              caps.tpp, between(0, 1e9));
  keys.quantity({"nvlink_total", "all NVLinks, both directions together; 0: none"}, Unit::data_rate, caps.nvlink_total,
                at_least(0));
  keys.quantity({"memory_bandwidth", "nominal memory bandwidth; 0: none"}, Unit::data_rate, caps.memory_bandwidth,
                at_least(0));
}

void describe(Keys& keys, Node& node) {
  keys.text({"id", "name of the catalogue file"}, node.id);
  keys.text({"name", "name in plain words"}, node.name);
  keys.whole({"gpus", "GPUs of a node"}, node.gpus, between(1, kMostHeads));
  keys.whole({"nvlink_domain", "GPUs that reach each other over NVLink"}, node.nvlink_domain, between(1, kMostHeads));
  keys.whole({"nvswitches", "NVSwitches of an NVLink domain"}, node.nvswitches, between(0, kMostHeads));
  keys.flag({"nvlink_sharp", "NVSwitches reduce in the network"}, node.nvlink_sharp);
  keys.whole({"nics", "NICs of a node for the training network"}, node.nics, between(0, kMostHeads));
  keys.quantity({"nic_per_direction", "each NIC, one direction"}, Unit::data_rate, node.nic_per_direction, at_least(0));
  keys.quantity({"max_power", "nameplate of the whole node"}, Unit::power, node.max_power, at_least(0));
  keys.number({"training_power_share", "measured power while training over max_power"}, Unit::ratio,
              node.training_power_share, between(0, 1));
  keys.quantity({"gpu_tdp", "TDP of the GPUs that max_power and training_power_share are of; 0: not said"}, Unit::power,
                node.gpu_tdp, at_least(0));
  keys.list({"sources", "citations of the figures above"}, node.sources);
}

void describe(Keys& keys, Fabric& fabric) {
  keys.text({"id", "name of the catalogue file"}, fabric.id);
  keys.text({"name", "name in plain words"}, fabric.name);
  keys.choice({"kind", "topology"}, fabric.kind);
  keys.flag({"rail_optimised", "NIC i of every node of a pod hangs on leaf switch i"}, fabric.rail_optimised);
  keys.whole({"planes", "separate networks, NIC i on plane i"}, fabric.planes, between(1, kMostHeads));
  keys.whole({"switch_ports", "ports of a switch"}, fabric.switch_ports, between(1, kMostHeads));
  keys.quantity({"port_per_direction", "each port, one direction"}, Unit::data_rate, fabric.port_per_direction,
                at_least(0));
  keys.whole({"endpoints", "NIC ports that the fabric is built for"}, fabric.endpoints, between(0, kMostNics));
  keys.whole({"pod_endpoints", "NIC ports below one pod's switches, 0: the fabric is one pod"}, fabric.pod_endpoints,
             between(0, kMostNics));
  keys.number({"oversubscription", "above the pod, 1: none"}, Unit::ratio, fabric.oversubscription, between(1, 1e4));
  keys.number({"leaf_oversubscription", "above the leaf, 1: none"}, Unit::ratio, fabric.leaf_oversubscription,
              between(1, 1e4));
  keys.quantity({"latency_same_leaf", "end to end, 64 B, below one leaf"}, Unit::time, fabric.latency_same_leaf,
                at_least(0));
  keys.quantity({"latency_cross_leaf", "end to end, 64 B, across leaves"}, Unit::time, fabric.latency_cross_leaf,
                at_least(0));
  keys.quantity({"latency_nvlink", "end to end, 64 B, over NVLink"}, Unit::time, fabric.latency_nvlink, at_least(0));
  keys.quantity({"cost_per_endpoint", "switches, optics and cables for one endpoint"}, Unit::money,
                fabric.cost_per_endpoint, at_least(0));
  keys.whole({"dragonfly_routers_per_group", "dragonfly: routers of a group"}, fabric.dragonfly_routers_per_group,
             between(0, kMostHeads));
  keys.whole({"dragonfly_endpoints_per_router", "dragonfly: endpoints of a router"},
             fabric.dragonfly_endpoints_per_router, between(0, kMostHeads));
  keys.whole({"dragonfly_global_links_per_router", "dragonfly: links of a router to other groups"},
             fabric.dragonfly_global_links_per_router, between(0, kMostHeads));
  keys.whole({"slim_fly_q", "slim fly: the prime power that builds it"}, fabric.slim_fly_q, between(0, kMostHeads));
  keys.list({"sources", "citations of the figures above"}, fabric.sources);
}

}  // namespace gpuhours
