#include "plan/attribution.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <optional>

#include "plan/parallel.hpp"
#include "report/search_report.hpp"
#include "scenario/layout_problem.hpp"

namespace gpuhours {
namespace {

constexpr int kOtherInputs = kHardwareGroups;
constexpr unsigned kAllHardware = (1u << kHardwareGroups) - 1;

void take_compute(const Cluster& from, Cluster& to) {
  const Gpu old = to.gpu;
  to.gpu = from.gpu;
  to.gpu.memory_bandwidth = old.memory_bandwidth;
  to.gpu.nvlink_per_direction = old.nvlink_per_direction;
  to.gpu.nvlink_links = old.nvlink_links;
}
void take_hbm(const Cluster& from, Cluster& to) { to.gpu.memory_bandwidth = from.gpu.memory_bandwidth; }
void take_nvlink(const Cluster& from, Cluster& to) {
  to.gpu.nvlink_per_direction = from.gpu.nvlink_per_direction;
  to.gpu.nvlink_links = from.gpu.nvlink_links;
  to.node.nvswitches = from.node.nvswitches;
  to.node.nvlink_sharp = from.node.nvlink_sharp;
  to.fabric.latency_nvlink = from.fabric.latency_nvlink;
}
void take_nic(const Cluster& from, Cluster& to) {
  const Seconds nvlink = to.fabric.latency_nvlink;
  to.node.nics = from.node.nics;
  to.node.nic_per_direction = from.node.nic_per_direction;
  to.latency_factor = from.latency_factor;
  to.fabric = from.fabric;
  to.fabric.latency_nvlink = nvlink;
}

using Take = void (*)(const Cluster& from, Cluster& to);
constexpr std::array<Take, kHardwareGroups> kTake = {take_compute, take_hbm, take_nvlink, take_nic};

/// What is divided among the groups.
struct Worth {
  double step = 0, gpu_hours = 0;
};

Worth worth_of(const Estimate& e) { return {e.step.time.value(), e.run.gpu_hours}; }

/// Empty with the reason in `refused` when the mixture cannot run.
std::optional<Worth> worth_of(const Scenario& scenario, const Calibration& calibration, std::string& refused) {
  if (std::optional<std::string> problem = layout_problem(scenario)) {
    refused = "a mixture of both cannot run: " + *problem;
    return std::nullopt;
  }
  Diagnostics found;
  if (const auto result = estimate(scenario, calibration, {}, found)) return worth_of(*result);
  refused = "a mixture of both cannot run: " + (found.all().empty() ? "" : found.all().front().message);
  return std::nullopt;
}

/// The groups of the bits, in order.
std::vector<int> members(unsigned bits) {
  std::vector<int> out;
  for (int group = 0; group <= kOtherInputs; ++group) {
    if ((bits >> group & 1u) != 0) out.push_back(group);
  }
  return out;
}

/// The groups of `players` that are in `set`, whose bits count players.
unsigned groups_of(const std::vector<int>& players, unsigned set) {
  unsigned bits = 0;
  for (std::size_t i = 0; i < players.size(); ++i) {
    if ((set >> i & 1u) != 0) bits |= 1u << players[i];
  }
  return bits;
}

}  // namespace

std::vector<double> shapley_values(int players, const std::vector<double>& worth) {
  // weight[s] = s! (players - s - 1)! / players!: the share of orders in which a given set of s comes just before.
  std::vector<double> weight(static_cast<std::size_t>(players));
  for (int s = 0; s < players; ++s) {
    double w = 1.0 / players;
    for (int i = 1; i <= s; ++i) w *= static_cast<double>(i) / (players - i);
    weight[static_cast<std::size_t>(s)] = w;
  }
  std::vector<double> out(static_cast<std::size_t>(players));
  for (int player = 0; player < players; ++player) {
    const unsigned bit = 1u << player;
    for (unsigned set = 0; set < worth.size(); ++set) {
      if ((set & bit) != 0) continue;
      out[static_cast<std::size_t>(player)] +=
          weight[static_cast<std::size_t>(std::popcount(set))] * (worth[set | bit] - worth[set]);
    }
  }
  return out;
}

std::string_view attribution_group(int group) {
  static constexpr std::array<std::string_view, kHardwareGroups + 1> kNames = {"compute", "HBM", "NVLink",
                                                                               "NIC and fabric", "other inputs"};
  return kNames[static_cast<std::size_t>(group)];
}

Scenario mixed_hardware(const Scenario& base, const Scenario& first, const Scenario& second, unsigned set) {
  Scenario mixed = base;
  for (int group = 0; group < kHardwareGroups; ++group) {
    const bool changed = (set >> group & 1u) != 0;
    kTake[static_cast<std::size_t>(group)](changed ? second.cluster : first.cluster, mixed.cluster);
  }
  return mixed;
}

unsigned different_hardware(const Cluster& first, const Cluster& second) {
  unsigned bits = 0;
  for (int group = 0; group < kHardwareGroups; ++group) {
    Cluster taken = first;
    kTake[static_cast<std::size_t>(group)](second, taken);
    if (taken != first) bits |= 1u << group;
  }
  return bits;
}

std::string different_shape(const Scenario& first, const Scenario& second) {
  const Cluster& a = first.cluster;
  const Cluster& b = second.cluster;
  if (a.gpus != b.gpus) return fmt::format("{} GPUs against {}", b.gpus, a.gpus);
  if (a.node.gpus != b.node.gpus) return fmt::format("nodes of {} GPUs against {}", b.node.gpus, a.node.gpus);
  if (a.node.nvlink_domain != b.node.nvlink_domain) {
    return fmt::format("NVLink domains of {} GPUs against {}", b.node.nvlink_domain, a.node.nvlink_domain);
  }
  Scenario same_precision = second;  // precision is an input like others, and stands in the text of a layout
  same_precision.precision = first.precision;
  const bool same = layout_text(first) == layout_text(same_precision) &&
                    first.parallelism.layers_per_stage == second.parallelism.layers_per_stage &&
                    first.parallelism.sequence_parallel == second.parallelism.sequence_parallel;
  return same ? "" : "another layout";
}

Attribution attribution(const Scenario& first, const Estimate& first_estimate, const Scenario& second,
                        const Estimate& second_estimate, const Calibration& calibration, int jobs) {
  Attribution out;
  out.refused = different_shape(first, second);
  if (!out.refused.empty()) return out;
  unsigned different = different_hardware(first.cluster, second.cluster);
  const Worth last = worth_of(second_estimate);
  // Other inputs differ when the first with all hardware of the second is not the second.
  const auto hardware = worth_of(mixed_hardware(first, first, second, kAllHardware), calibration, out.refused);
  if (!hardware) return out;
  if (hardware->step != last.step || hardware->gpu_hours != last.gpu_hours) different |= 1u << kOtherInputs;

  const std::vector<int> players = members(different);
  const auto count = static_cast<int>(players.size());
  const unsigned sets = 1u << count;
  std::vector<std::optional<Worth>> worth(sets);
  std::vector<std::string> refusals(sets);
  for_each_index(static_cast<int>(sets), jobs, [&](int i) {
    const auto set = static_cast<unsigned>(i);
    const unsigned groups = groups_of(players, set);
    const bool others = (groups >> kOtherInputs & 1u) != 0;
    if (set == 0) {
      worth[set] = worth_of(first_estimate);
    } else if (set == sets - 1) {
      worth[set] = last;
    } else {
      worth[set] = worth_of(mixed_hardware(others ? second : first, first, second, groups), calibration, refusals[set]);
    }
  });
  std::vector<double> steps(sets);
  std::vector<double> hours(sets);
  for (unsigned set = 0; set < sets; ++set) {
    if (!worth[set]) {
      out.refused = refusals[set];
      return out;
    }
    steps[set] = worth[set]->step;
    hours[set] = worth[set]->gpu_hours;
  }
  const std::vector<double> step_parts = shapley_values(count, steps);
  const std::vector<double> hour_parts = shapley_values(count, hours);
  for (int group = 0; group <= kOtherInputs; ++group) {
    AttributedPart part{std::string(attribution_group(group)), {}, 0};
    for (std::size_t i = 0; i < players.size(); ++i) {
      if (players[i] != group) continue;
      part.step = Seconds(step_parts[i]);
      part.gpu_hours = hour_parts[i];
    }
    out.parts.push_back(std::move(part));
  }
  return out;
}

}  // namespace gpuhours
