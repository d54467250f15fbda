#pragma once
// Max-min fairness by its definition, as slowly as you like: all open flows rise together to the least fair share of
// any link, the flows of the links that are full stop.

#include <algorithm>
#include <limits>
#include <vector>

namespace gpuhours::test {

struct OracleFlow {
  std::vector<unsigned> route;
  double weight = 1;
};

inline std::vector<double> oracle_rates(const std::vector<double>& capacities, const std::vector<OracleFlow>& flows) {
  std::vector<double> rates(flows.size(), -1.0);
  for (;;) {
    double level = std::numeric_limits<double>::infinity();
    std::vector<double> shares(capacities.size(), level);
    for (unsigned link = 0; link < capacities.size(); ++link) {
      double left = capacities[link];
      double weight = 0;
      for (std::size_t f = 0; f < flows.size(); ++f) {
        if (std::find(flows[f].route.begin(), flows[f].route.end(), link) == flows[f].route.end()) continue;
        if (rates[f] >= 0) left -= rates[f] * flows[f].weight;
        if (rates[f] < 0) weight += flows[f].weight;
      }
      if (weight > 0) shares[link] = std::max(0.0, left) / weight;
      level = std::min(level, shares[link]);
    }
    if (level == std::numeric_limits<double>::infinity()) return rates;
    for (unsigned link = 0; link < capacities.size(); ++link) {
      if (shares[link] > level * (1 + 1e-12)) continue;
      for (std::size_t f = 0; f < flows.size(); ++f) {
        const auto& route = flows[f].route;
        if (rates[f] < 0 && std::find(route.begin(), route.end(), link) != route.end()) rates[f] = level;
      }
    }
  }
}

}  // namespace gpuhours::test
