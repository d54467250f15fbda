#include "estimate/node_power.hpp"

#include <algorithm>

namespace gpuhours {
namespace {

/// Of a node's power while training, what its GPUs draw, where their limit is not said: 8 x 700 W of the 7.75 kW of the
/// H100 node that Latif et al. measured.
constexpr double kGpusOfTraining = 0.72;

Watts training_power(const Node& node) { return node.max_power * node.training_power_share; }

/// The power limit of a GPU; where it is not said, that of the GPUs the node was measured with.
Watts gpu_limit(const Cluster& cluster) {
  if (cluster.gpu.tdp.value() > 0) return cluster.gpu.tdp;
  if (cluster.node.gpu_tdp.value() > 0) return cluster.node.gpu_tdp;
  return training_power(cluster.node) * (kGpusOfTraining / cluster.node.gpus);
}

}  // namespace

Watts mean_gpu_power(const StepModel& model, const StepResult& step) {
  double share = 0;
  for (const RankStep& rank : step.ranks) {
    const double busy = rank.use.account.kernel_seconds();
    const double whole = step.length.seconds().value();
    const double idle = std::max(0.0, whole - busy);
    share += (rank.use.account.power_seconds + model.laws().idle_power_share() * idle) / whole;
  }
  share = std::clamp(share / static_cast<double>(step.ranks.size()), 0.0, 1.0);
  return gpu_limit(model.scenario().cluster) * share;
}

Watts other_parts_power(const Node& node) {
  const Watts training = training_power(node);
  if (node.gpu_tdp.value() <= 0) return training * (1 - kGpusOfTraining);
  return std::max(Watts{}, training - node.gpu_tdp * static_cast<double>(node.gpus));
}

double node_power_share(const Cluster& cluster, Watts mean_gpu_power) {
  const Node& node = cluster.node;
  const Watts training = training_power(node);
  if (training.value() <= 0) return 0;
  return (other_parts_power(node) + mean_gpu_power * static_cast<double>(node.gpus)) / training;
}

}  // namespace gpuhours
