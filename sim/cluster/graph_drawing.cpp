#include <fmt/format.h>

#include <map>
#include <set>

#include "cluster/graph.hpp"

namespace gpuhours {
namespace {

// Devices of the first nodes, the switches that they reach upwards, and the cables between them (one direction).
struct Picture {
  std::set<std::uint32_t> devices;
  std::vector<GraphLink> cables;
};

Picture picture(const ClusterGraph& graph, int max_nodes) {
  Picture result;
  for (std::uint32_t d = 0; d < graph.devices().size(); ++d) {
    const Device& device = graph.devices()[d];
    if (device.node >= 0 && device.node < max_nodes) result.devices.insert(d);
  }
  // Switches above what is drawn, layer by layer.
  const std::set<std::uint32_t> nodes = result.devices;
  for (const DeviceKind layer : {DeviceKind::leaf, DeviceKind::spine, DeviceKind::core}) {
    std::set<std::uint32_t> above;
    for (const std::uint32_t d : result.devices) {
      for (const std::uint32_t link : graph.out_links(d)) {
        const std::uint32_t to = graph.links()[link].to;
        if (graph.devices()[to].kind == layer) above.insert(to);
      }
    }
    result.devices.insert(above.begin(), above.end());
  }
  for (const GraphLink& link : graph.links()) {
    if (link.from < link.to && result.devices.count(link.from) != 0 && result.devices.count(link.to) != 0) {
      result.cables.push_back(link);
    }
  }
  return result;
}

const char* colour(DeviceKind kind) {
  constexpr const char* kColours[] = {"#76b900", "#b4d66b", "#d9d9d9", "#8ecae6", "#ffb703", "#fb8500", "#d1495b"};
  return kColours[static_cast<int>(kind)];
}

}  // namespace

std::string dot(const ClusterGraph& graph, int max_nodes) {
  const Picture shown = picture(graph, max_nodes);
  std::string text = "graph cluster {\n  rankdir=BT;\n  node [shape=box, style=filled];\n";
  for (const std::uint32_t d : shown.devices) {
    text += fmt::format("  d{} [label=\"{}\", fillcolor=\"{}\"];\n", d, graph.device_name(d),
                        colour(graph.devices()[d].kind));
  }
  for (const GraphLink& cable : shown.cables) {
    text += fmt::format("  d{} -- d{} [label=\"{:g} GB/s\"];\n", cable.from, cable.to, cable.bytes_per_second / 1e9);
  }
  return text + "}\n";
}

std::string svg(const ClusterGraph& graph, int max_nodes) {
  const Picture shown = picture(graph, max_nodes);
  constexpr int kWidth = 84, kHeight = 22, kGap = 8, kLayer = 90;
  // From the top: cores, spines, leaves, NICs, PCIe switches, GPUs, NVSwitches.
  constexpr int kRow[] = {5, 6, 4, 3, 2, 1, 0};
  std::map<std::uint32_t, std::pair<int, int>> place;
  int used[7] = {};
  int width = 0;
  for (const std::uint32_t d : shown.devices) {
    const int row = kRow[static_cast<int>(graph.devices()[d].kind)];
    place[d] = {kGap + used[row]++ * (kWidth + kGap), kGap + row * kLayer};
    width = std::max(width, place[d].first + kWidth + kGap);
  }
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" font-family=\"sans-serif\" "
      "font-size=\"11\">\n",
      width, 7 * kLayer);
  for (const GraphLink& cable : shown.cables) {
    text += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"#999\"/>\n",
                        place[cable.from].first + kWidth / 2, place[cable.from].second + kHeight / 2,
                        place[cable.to].first + kWidth / 2, place[cable.to].second + kHeight / 2);
  }
  for (const auto& [d, at] : place) {
    text += fmt::format(
        "<rect x=\"{0}\" y=\"{1}\" width=\"{2}\" height=\"{3}\" fill=\"{4}\"/><text x=\"{5}\" y=\"{6}\">{7}</text>\n",
        at.first, at.second, kWidth, kHeight, colour(graph.devices()[d].kind), at.first + 4, at.second + 15,
        graph.device_name(d));
  }
  return text + "</svg>\n";
}

}  // namespace gpuhours
