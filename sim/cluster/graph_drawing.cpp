#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "cluster/graph.hpp"

namespace gpuhours {
namespace {

/// A device, or switches that hang on the same switches below and are drawn as one.
struct Box {
  DeviceKind kind;
  std::uint32_t device;  // the first of them
  int count = 1;
};

/// Parallel cables between two boxes, one direction of them.
struct Cable {
  double bytes_per_second = 0;
  int count = 0;
};

/// The first nodes, the switches that they reach upwards, and what joins them.
class Picture {
 public:
  Picture(const ClusterGraph& graph, int max_nodes) : graph_(graph) {
    for (std::uint32_t d = 0; d < graph.devices().size(); ++d) {
      const Device& device = graph.devices()[d];
      if (device.node >= 0 && device.node < max_nodes) add(d);
    }
    for (const DeviceKind layer : {DeviceKind::leaf, DeviceKind::spine, DeviceKind::core}) add_layer(layer);
    for (const auto& [device, box] : box_of_) connect(device, box);
  }

  [[nodiscard]] const std::vector<Box>& boxes() const { return boxes_; }
  [[nodiscard]] const std::map<std::pair<std::size_t, std::size_t>, Cable>& cables() const { return cables_; }
  [[nodiscard]] std::string label(const Box& box) const {
    if (box.count == 1) return graph_.device_name(box.device);
    return fmt::format("{} {}", box.count, box.kind == DeviceKind::core ? "cores" : "spines");
  }
  [[nodiscard]] int node(const Box& box) const { return graph_.devices()[box.device].node; }

 private:
  void add(std::uint32_t device) {
    box_of_[device] = boxes_.size();
    boxes_.push_back({graph_.devices()[device].kind, device});
  }

  void add_layer(DeviceKind layer) {
    std::map<std::uint32_t, std::set<std::size_t>> below;
    for (const auto& [device, box] : box_of_) {
      for (const std::uint32_t link : graph_.out_links(device)) {
        const std::uint32_t to = graph_.links()[link].to;
        if (graph_.devices()[to].kind == layer && box_of_.count(to) == 0) below[to].insert(box);
      }
    }
    std::map<std::set<std::size_t>, std::size_t> alike;
    for (const auto& [device, hangs_on] : below) {
      const auto known = layer == DeviceKind::leaf ? alike.end() : alike.find(hangs_on);
      if (known == alike.end()) {
        add(device);
        alike.emplace(hangs_on, boxes_.size() - 1);
      } else {
        ++boxes_[known->second].count;
        box_of_[device] = known->second;
      }
    }
  }

  void connect(std::uint32_t device, std::size_t box) {
    for (const std::uint32_t link : graph_.out_links(device)) {
      const GraphLink& cable = graph_.links()[link];
      const auto other = box_of_.find(cable.to);
      if (device > cable.to || other == box_of_.end()) continue;
      Cable& drawn = cables_[std::minmax(box, other->second)];
      drawn.bytes_per_second = cable.bytes_per_second;
      ++drawn.count;
    }
  }

  const ClusterGraph& graph_;
  std::vector<Box> boxes_;
  std::map<std::uint32_t, std::size_t> box_of_;
  std::map<std::pair<std::size_t, std::size_t>, Cable> cables_;
};

constexpr int kRows = 7;
constexpr int kBoxHeight = 24, kGap = 6, kMargin = 96, kRowHeight = 92, kNodeGap = 28, kCharacter = 7;

// From the top: cores, spines, leaves, NICs, PCIe switches, GPUs, NVSwitches.
int row_of(DeviceKind kind) {
  constexpr int kRow[kRows] = {5, 6, 4, 3, 2, 1, 0};
  return kRow[static_cast<int>(kind)];
}
constexpr const char* kRowNames[kRows] = {"core", "spine", "leaf", "NIC", "PCIe switch", "GPU", "NVSwitch"};

const char* colour(DeviceKind kind) {
  constexpr const char* kColours[kRows] = {"#a5d46a", "#cde6a5", "#e3e3e3", "#a9d8ef", "#ffd66b", "#ffb066", "#ee9aa0"};
  return kColours[static_cast<int>(kind)];
}

// Planes and rails told apart.
const char* line_colour(int index) {
  constexpr const char* kColours[] = {"#1f77b4", "#d95f02", "#2ca02c", "#9467bd",
                                      "#8c564b", "#d6439c", "#737373", "#17a2b8"};
  return kColours[index % 8];
}

std::string speed_text(const Cable& cable) {
  const std::string speed = fmt::format("{:g} GB/s", cable.bytes_per_second / 1e9);
  return cable.count == 1 ? speed : fmt::format("{} x {}", cable.count, speed);
}

/// Rows of equal boxes; nodes side by side with each row centred in its node, switches centred over all.
class Drawing {
 public:
  explicit Drawing(const Picture& picture) : picture_(picture) {
    for (const Box& box : picture.boxes()) {
      box_width_ = std::max(box_width_, kCharacter * static_cast<int>(picture.label(box).size()) + 10);
      ++widest_[picture.node(box)][static_cast<std::size_t>(row_of(box.kind))];
      used_rows_.insert(row_of(box.kind));
    }
    place();
  }

  std::string svg() const {
    std::string text = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
        "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
        width_, static_cast<int>(used_rows_.size()) * kRowHeight);
    for (const int row : used_rows_) {
      text += fmt::format("<text x=\"8\" y=\"{}\" fill=\"#444\">{}</text>\n", top(row) + 16, kRowNames[row]);
    }
    return text + lines() + speeds() + rectangles() + "</svg>\n";
  }

 private:
  [[nodiscard]] int top(int row) const {
    return kRowHeight / 3 + kRowHeight * static_cast<int>(std::distance(used_rows_.begin(), used_rows_.find(row)));
  }

  void place() {
    const int step = box_width_ + kGap;
    std::map<int, int> left, span;
    width_ = kMargin;
    for (const auto& [node, rows] : widest_) {
      span[node] = step * *std::max_element(rows.begin(), rows.end());
      if (node < 0) continue;
      left[node] = width_;
      width_ += span[node] + kNodeGap;
    }
    width_ = std::max(width_, kMargin + span[-1]);
    left[-1] = kMargin;
    span[-1] = width_ - kMargin - kNodeGap;
    std::map<int, std::array<int, kRows>> next;
    for (const Box& box : picture_.boxes()) {
      const int node = picture_.node(box), row = row_of(box.kind);
      const auto r = static_cast<std::size_t>(row);
      // Rows of few boxes are spread over the room, so that lines run upright.
      const int room = span[node] / widest_[node][r];
      x_.push_back(left[node] + next[node][r]++ * room + (room - box_width_) / 2);
    }
  }

  [[nodiscard]] std::string lines() const {
    std::string text;
    for (const auto& [ends, cable] : picture_.cables()) {
      const Box& a = picture_.boxes()[ends.first];
      const Box& b = picture_.boxes()[ends.second];
      const bool fabric = a.kind >= DeviceKind::nic && b.kind >= DeviceKind::nic;
      // The switch below decides: leaves stand for planes and rails.
      const std::size_t lower = a.kind == DeviceKind::nic ? ends.second : ends.first;
      text += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{}\" stroke-width=\"{}\"/>\n",
                          x_[ends.first] + box_width_ / 2, top(row_of(a.kind)) + kBoxHeight / 2,
                          x_[ends.second] + box_width_ / 2, top(row_of(b.kind)) + kBoxHeight / 2,
                          fabric ? line_colour(rank_in_row(lower)) : "#999", cable.count > 1 ? 3 : 1.2);
    }
    return text;
  }

  [[nodiscard]] int rank_in_row(std::size_t box) const {
    int rank = 0;
    for (std::size_t i = 0; i < box; ++i) rank += picture_.boxes()[i].kind == picture_.boxes()[box].kind ? 1 : 0;
    return rank;
  }

  /// Between two rows: what one of the lines there carries.
  [[nodiscard]] std::string speeds() const {
    std::map<std::pair<int, int>, std::string> between;
    for (const auto& [ends, cable] : picture_.cables()) {
      const int a = row_of(picture_.boxes()[ends.first].kind), b = row_of(picture_.boxes()[ends.second].kind);
      between.emplace(std::minmax(a, b), speed_text(cable));
    }
    std::string text;
    for (const auto& [rows, speed] : between) {
      const int y = (top(rows.first) + top(rows.second) + kBoxHeight) / 2 + 4;
      text += fmt::format("<text x=\"8\" y=\"{}\" fill=\"#888\" font-size=\"10\">{}</text>\n", y, speed);
    }
    return text;
  }

  [[nodiscard]] std::string rectangles() const {
    std::string text;
    for (std::size_t i = 0; i < x_.size(); ++i) {
      const Box& box = picture_.boxes()[i];
      const int y = top(row_of(box.kind));
      text += fmt::format(
          "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"3\" fill=\"{}\" stroke=\"#555\"/>"
          "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
          x_[i], y, box_width_, kBoxHeight, colour(box.kind), x_[i] + box_width_ / 2, y + 16, picture_.label(box));
    }
    return text;
  }

  const Picture& picture_;
  std::map<int, std::array<int, kRows>> widest_;  // boxes by node (-1: switches) and row
  std::set<int> used_rows_;
  std::vector<int> x_;  // by box
  int box_width_ = 0;
  int width_ = 0;
};

}  // namespace

std::string dot(const ClusterGraph& graph, int max_nodes) {
  const Picture picture(graph, max_nodes);
  std::string text = "graph cluster {\n  rankdir=BT;\n  node [shape=box, style=filled];\n";
  for (std::size_t i = 0; i < picture.boxes().size(); ++i) {
    const Box& box = picture.boxes()[i];
    text += fmt::format("  d{} [label=\"{}\", fillcolor=\"{}\"];\n", i, picture.label(box), colour(box.kind));
  }
  for (const auto& [ends, cable] : picture.cables()) {
    text += fmt::format("  d{} -- d{} [label=\"{}\"];\n", ends.first, ends.second, speed_text(cable));
  }
  return text + "}\n";
}

std::string svg(const ClusterGraph& graph, int max_nodes) {
  const Picture picture(graph, max_nodes);
  return Drawing(picture).svg();
}

}  // namespace gpuhours
