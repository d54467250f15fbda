#pragma once
// What a search over layouts found. JSON as in DESIGN 3.3: {announced, visited, simulated, feasible, seconds, best:
// [objects with `layout`]}; CSV: a row a layout; text: counts, why layouts were left out, the best with their reasons.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "report/metrics.hpp"
#include "report/text_table.hpp"

namespace gpuhours {

enum class Objective { step_time, gpu_hours, usd, pareto };
std::string_view name(Objective objective);

struct FoundLayout {
  Scenario scenario;
  Estimate estimate;
  [[nodiscard]] Result result() const { return {scenario, estimate}; }
};

struct SearchReport {
  Objective objective = Objective::step_time;
  std::int64_t announced = 0;  ///< layouts of the space, counted before the search
  std::int64_t visited = 0;
  std::int64_t feasible = 0;                         ///< of them allowed and within memory
  std::int64_t simulated = 0;                        ///< of them simulated: the lower bound did not rule them out
  std::map<std::string, std::int64_t> broken_rules;  ///< a rule with N for its numbers, and the layouts that break it
  std::int64_t out_of_memory = 0;
  std::int64_t above_bound = 0;
  double seconds = 0;             ///< of the whole search
  double simulating_seconds = 0;  ///< of one thread's share of the simulations
  bool interrupted = false;
  std::vector<std::string> left_out;  ///< choices that no layout may make, with the reason
  std::vector<FoundLayout> best;      ///< first is best
  std::optional<FoundLayout>
      own;            ///< the layout that the scenario itself describes; empty: not in the space, or no fit
  std::string unmet;  ///< not empty: nothing meets budget or deadline; what the nearest lacks. best.front() is it
};

/// "tp 8, pp 16, vpp 6, dp 32, micro-batch 1, interleaved, recompute none, ZeRO-1".
std::string layout_text(const Scenario& scenario);
/// "compute 84.1 %, bubble 9.2 %, exposed TP 4.0 %": a step's largest parts.
std::string bottleneck_text(const StepEstimate& step);

std::string search_text(const SearchReport& report, TextStyle style);
std::string search_json(const SearchReport& report);
std::string search_csv(const SearchReport& report);

}  // namespace gpuhours
