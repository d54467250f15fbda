#pragma once
// `gpuhours plan`: money, days and a GPU -> GPU hours -> the model and tokens that a scaling law finds best for what
// those hours compute at the simulated speed.

#include <optional>
#include <string>
#include <vector>

#include "plan/compute_optimal.hpp"
#include "plan/layout_choice.hpp"

namespace gpuhours {

struct PlanRequest {
  double budget = 0;  ///< USD
  double days = 0;
  std::string gpu;
  int gpus = 0;  ///< 0: as many as money and days give
  std::string law = "chinchilla";
  std::string family = "llama3";
  std::string system;   ///< of the catalogue; empty: the first that has the GPU
  std::string pricing;  ///< price list; empty: the newest on-demand one for the GPU
  double price = 0;     ///< USD per GPU and hour, 0: the price list's
  std::vector<std::string> overrides;
};

/// What the money and the days buy.
struct GpuBudget {
  int gpus = 0;
  double gpu_hours = 0;
  double days = 0;  ///< of those hours on those GPUs
  double spent = 0;
  bool budget_binds = false;
  bool days_bind = false;
};

/// `gpus` 0: the most that the money pays for until the deadline, in whole nodes and rounded down by up to 5 % to a
/// multiple that layouts divide; one node at least.
GpuBudget gpu_budget(double budget, double price_per_hour, double days, int gpus, int node_gpus);

struct Plan {
  PlanRequest request;
  PlanProblem problem;
  GpuBudget budget;
  FixedPoint point;
  double tokens = 0;    ///< that the GPU hours pay for
  ChosenLayout chosen;  ///< of the last round, with those tokens

  [[nodiscard]] bool met() const { return point.met(); }
};

std::optional<Plan> plan(const PlanRequest& request, const DataPaths& paths, int jobs, Diagnostics& diagnostics);

}  // namespace gpuhours
