#include "core/order_statistics.hpp"
#include "workload/routing.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <numeric>

#include "core/random.hpp"

using namespace gpuhours;

namespace {

/// `experts` over `ep` ranks, `tokens` a rank, top_k each.
Scenario natural(int experts, int top_k, int ep, int tokens, double imbalance) {
  Scenario s;
  s.model.experts = experts;
  s.model.top_k = top_k;
  s.parallelism.ep = ep;
  s.cluster.gpus = ep;
  s.cluster.node.gpus = 8;
  s.training.sequence_length = tokens;
  s.training.router_balance = RouterBalance::natural;
  s.training.expert_imbalance = imbalance;
  return s;
}

struct Played {
  double deviation = 0;
  double slowest = 0;
};

/// Tokens that choose `top_k` different experts at random, alike likely.
Played played(const Scenario& s, int trials) {
  const int ep = s.parallelism.ep;
  const int experts = s.model.experts;
  const double mean = s.training.sequence_length * s.model.top_k;
  RandomStream random = random_stream(3, "routing test");
  boost::random::uniform_int_distribution<int> any(0, experts - 1);
  Played out;
  for (int trial = 0; trial < trials; ++trial) {
    std::vector<double> rows(static_cast<std::size_t>(ep));
    for (int token = 0; token < s.training.sequence_length * ep; ++token) {
      std::vector<int> chosen;
      while (static_cast<int>(chosen.size()) < s.model.top_k) {
        const int expert = any(random);
        if (std::find(chosen.begin(), chosen.end(), expert) == chosen.end()) chosen.push_back(expert);
      }
      for (const int expert : chosen) ++rows[static_cast<std::size_t>(expert / (experts / ep))];
    }
    for (const double row : rows) out.deviation += (row / mean - 1) * (row / mean - 1) / ep;
    out.slowest += *std::max_element(rows.begin(), rows.end()) / mean;
  }
  return {std::sqrt(out.deviation / trials), out.slowest / trials};
}

}  // namespace

TEST_CASE("expected maxima of standard normal numbers, from tables of order statistics") {
  CHECK(expected_maximum(1) == 0);
  CHECK(expected_maximum(2) == doctest::Approx(0.56419).epsilon(1e-4));  // 1 / sqrt(pi)
  CHECK(expected_maximum(3) == doctest::Approx(0.84628).epsilon(1e-4));  // 3 / (2 sqrt(pi))
  CHECK(expected_maximum(10) == doctest::Approx(1.53875).epsilon(1e-4));
  CHECK(expected_maximum(100) == doctest::Approx(2.50759).epsilon(1e-4));
}

TEST_CASE("forced routing is even; so is one rank that holds all experts") {
  Scenario s = natural(256, 8, 64, 4096, 0.16);
  s.training.router_balance = RouterBalance::forced;
  CHECK(RankLoads(s).even());
  CHECK(RankLoads(s).slowest() == 1);
  const RankLoads alone(natural(16, 2, 1, 4096, 0.16));
  CHECK(alone.even());
  CHECK(alone.expert_deviation() > 0.16);
}

TEST_CASE("a balanced router's sampling noise on DeepSeek-V3's layout: 0.5 % a rank") {
  // 262,144 tokens, 8 of 256: variance (1 - 1/32) / 8,192 = 1.18256e-4 an expert; x 252 / (4 x 255) a rank of four.
  const RankLoads loads(natural(256, 8, 64, 4096, 0));
  CHECK(loads.expert_deviation() == doctest::Approx(0.0108746).epsilon(1e-4));
  CHECK(loads.deviation() == doctest::Approx(0.0054052).epsilon(1e-4));
}

TEST_CASE("the default reproduces the deviation of the public profile's rows") {
  // Padded rows of rank 0 in four layers forward and four backward.
  const std::vector<double> rows = {31104, 30976, 36864, 31104, 34688, 32512, 32896, 28416};
  const double mean = std::accumulate(rows.begin(), rows.end(), 0.0) / 8;
  double squares = 0;
  for (const double row : rows) squares += (row - mean) * (row - mean);
  const double measured = std::sqrt(squares / 7) / mean;
  Scenario s = natural(256, 8, 64, 4096, 0);
  s.training.expert_imbalance.reset();
  CHECK(RankLoads(s).deviation() == doctest::Approx(measured).epsilon(0.02));
  // Half of the deviations of so small a sample lie within 17 % (chi-square, 7 degrees of freedom).
}

TEST_CASE("sampling noise agrees with tokens played at random") {
  for (const auto& [experts, top_k, ep] : {std::tuple{16, 2, 4}, {16, 4, 16}, {8, 2, 2}}) {
    const Scenario s = natural(experts, top_k, ep, 256, 0);
    const Played found = played(s, 600);
    const RankLoads loads(s);
    CAPTURE(ep);
    CHECK(loads.deviation() == doctest::Approx(found.deviation).epsilon(0.05));
    CHECK(loads.slowest() - 1 == doctest::Approx(found.slowest - 1).epsilon(0.06));
  }
}

TEST_CASE("draws have the stated deviation and maximum, sum to the whole and repeat") {
  const RankLoads loads(natural(64, 8, 16, 4096, 0.3));
  double squares = 0;
  double slowest = 0;
  constexpr int kDraws = 4000;
  for (int i = 0; i < kDraws; ++i) {
    const std::vector<double> drawn = loads.drawn(5, 7, static_cast<std::uint64_t>(i));
    CHECK(std::accumulate(drawn.begin(), drawn.end(), 0.0) == doctest::Approx(16).epsilon(1e-9));
    for (const double load : drawn) squares += (load - 1) * (load - 1) / 16;
    slowest += *std::max_element(drawn.begin(), drawn.end());
  }
  CHECK(std::sqrt(squares / kDraws) == doctest::Approx(loads.deviation()).epsilon(0.02));
  CHECK(slowest / kDraws - 1 == doctest::Approx(loads.slowest() - 1).epsilon(0.02));
  CHECK(loads.drawn(5, 7, 3) == loads.drawn(5, 7, 3));
  CHECK(loads.drawn(5, 7, 3) != loads.drawn(6, 7, 3));
  CHECK(loads.drawn(5, 7, 3) != loads.drawn(5, 8, 3));
}

TEST_CASE("measured loads of experts become those of ranks") {
  // Ranks of two experts: 30 and 10 of 40, mean 20; nearly no noise, since the group routes a billion tokens.
  Scenario s = natural(4, 1, 2, 1 << 29, 0);
  s.training.expert_loads = {20, 10, 4, 6};
  const RankLoads loads(s);
  CHECK(loads.lasting(0) == doctest::Approx(1.5));
  CHECK(loads.lasting(1) == doctest::Approx(0.5));
  CHECK(loads.slowest() == doctest::Approx(1.5).epsilon(1e-4));
}

TEST_CASE("capacity drops what is above it") {
  Scenario s = natural(64, 1, 8, 1 << 20, 0.2);
  CHECK(dropped_share(s) == 0);
  s.training.capacity_factor = 1;
  CHECK(dropped_share(s) == doctest::Approx(0.2 * 0.398942).epsilon(1e-3));  // s phi(0)
  s.training.capacity_factor = 1.2;
  CHECK(dropped_share(s) == doctest::Approx(0.2 * 0.083315).epsilon(1e-3));  // a = 1: phi(1) - 0.158655
  CHECK(RankLoads(s).even());
  s.training.router_balance = RouterBalance::forced;
  CHECK(dropped_share(s) == 0);
  s.training.capacity_factor = 0.75;
  CHECK(dropped_share(s) == doctest::Approx(0.25));
}
