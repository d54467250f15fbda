#pragma once
// Nelder and Mead's simplex search (1965) for fits whose objective has kinks: the fastest protocol wins, so gradients
// jump. Deterministic; restarted from its own result until that no longer helps.

#include <algorithm>
#include <functional>
#include <vector>

namespace gpuhours {

/// A local minimum of `objective` near `start`; `step` is the first simplex's size along each axis.
inline std::vector<double> nelder_mead(const std::function<double(const std::vector<double>&)>& objective,
                                       std::vector<double> start, double step, int iterations, int restarts) {
  struct Vertex {
    std::vector<double> at;
    double value;
  };
  const std::size_t n = start.size();
  const auto blend = [n](const std::vector<double>& a, const std::vector<double>& b, double t) {
    std::vector<double> point(n);
    for (std::size_t i = 0; i < n; ++i) point[i] = a[i] + t * (b[i] - a[i]);
    return point;
  };
  for (int restart = 0; restart < restarts; ++restart) {
    std::vector<Vertex> simplex{{start, objective(start)}};
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<double> point = start;
      point[i] += restart % 2 == 0 ? step : -step;
      simplex.push_back({point, objective(point)});
    }
    for (int iteration = 0; iteration < iterations; ++iteration) {
      std::stable_sort(simplex.begin(), simplex.end(),
                       [](const Vertex& a, const Vertex& b) { return a.value < b.value; });
      Vertex& worst = simplex.back();
      std::vector<double> centre(n, 0.0);
      for (std::size_t v = 0; v < n; ++v) {
        for (std::size_t i = 0; i < n; ++i) centre[i] += simplex[v].at[i] / static_cast<double>(n);
      }
      const auto at = [&](double t) {
        Vertex vertex{blend(centre, worst.at, t), 0};
        vertex.value = objective(vertex.at);
        return vertex;
      };
      Vertex reflected = at(-1.0);
      if (reflected.value < simplex[0].value) {
        Vertex expanded = at(-2.0);
        worst = expanded.value < reflected.value ? expanded : reflected;
      } else if (reflected.value < simplex[n - 1].value) {
        worst = reflected;
      } else {
        Vertex contracted = reflected.value < worst.value ? at(-0.5) : at(0.5);
        if (contracted.value < std::min(reflected.value, worst.value)) {
          worst = contracted;
        } else {
          for (std::size_t v = 1; v <= n; ++v) {
            simplex[v].at = blend(simplex[0].at, simplex[v].at, 0.5);
            simplex[v].value = objective(simplex[v].at);
          }
        }
      }
    }
    start = std::min_element(simplex.begin(), simplex.end(), [](const Vertex& a, const Vertex& b) {
              return a.value < b.value;
            })->at;
  }
  return start;
}

}  // namespace gpuhours
