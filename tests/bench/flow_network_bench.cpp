// The flow solver's speed: build/tests/bench/flow_network_bench --benchmark_repetitions=5
// Two-level fat tree of h hosts: leaves of 16 hosts, 16 spines, spine chosen by destination (no contention between
// destinations); a route is host up, leaf up, leaf down, host down.

#include <benchmark/benchmark.h>

#include <array>
#include <boost/random/uniform_int_distribution.hpp>
#include <numeric>
#include <vector>

#include "core/random.hpp"
#include "engine/flow_network.hpp"

namespace {

using namespace gpuhours;

struct FatTree {
  explicit FatTree(int host_count, int leaf_size = 0) : hosts(host_count), per_leaf(leaf_size) {
    if (per_leaf == 0) {
      per_leaf = 8;
      while (per_leaf * per_leaf < hosts) per_leaf *= 2;
    }
    leaves = hosts / per_leaf;
    spines = per_leaf;
  }
  [[nodiscard]] std::vector<double> capacities() const {
    return std::vector<double>(static_cast<std::size_t>(2 * hosts + 2 * leaves * spines), 50e9);
  }
  /// Links of the route from a to b.
  [[nodiscard]] std::array<LinkId, 4> route(int a, int b, int& length) const {
    const int from = a / per_leaf, to = b / per_leaf, spine = b % spines;
    const auto up = static_cast<LinkId>(a);
    const auto down = static_cast<LinkId>(hosts + b);
    length = from == to ? 2 : 4;
    if (from == to) return {up, down, 0, 0};
    return {up, static_cast<LinkId>(2 * hosts + from * spines + spine),
            static_cast<LinkId>(2 * hosts + leaves * spines + to * spines + spine), down};
  }
  int hosts, per_leaf, leaves = 0, spines = 0;
};

void add(FlowNetwork& network, const FatTree& tree, int a, int b, double bytes, SimTime start = {}) {
  int length = 0;
  const auto links = tree.route(a, b, length);
  network.add({std::span(links.data(), static_cast<std::size_t>(length)), bytes, 1, start, {}});
}

// One solve from scratch; the counter is time a flow-link element.
void solve(benchmark::State& state) {
  const FatTree tree(static_cast<int>(state.range(0)));
  std::int64_t elements = 0;
  for (auto _ : state) {
    state.PauseTiming();
    MaxMin solver(tree.capacities());
    elements = 0;
    RandomStream stream = random_stream(1, "solve");
    boost::random::uniform_int_distribution<int> any(0, tree.hosts - 1);
    for (int i = 0; i < tree.hosts * 16; ++i) {
      const int a = any(stream);
      const int b = (a + 1 + any(stream) % (tree.hosts - 1)) % tree.hosts;
      int length = 0;
      const auto links = tree.route(a, b, length);
      solver.add(std::span(links.data(), static_cast<std::size_t>(length)));
      elements += length;
    }
    state.ResumeTiming();
    benchmark::DoNotOptimize(solver.solve().size());
  }
  state.counters["s_per_element"] = benchmark::Counter(static_cast<double>(elements * state.iterations()),
                                                       benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(solve)->Arg(64)->Arg(256)->Arg(1024)->Unit(benchmark::kMillisecond);

// The same for an all-to-all, whose flows lie in the order of the links.
void solve_all_to_all(benchmark::State& state) {
  const FatTree tree(static_cast<int>(state.range(0)));
  std::int64_t elements = 0;
  for (auto _ : state) {
    state.PauseTiming();
    MaxMin solver(tree.capacities());
    elements = 0;
    for (int a = 0; a < tree.hosts; ++a) {
      for (int b = 0; b < tree.hosts; ++b) {
        int length = 0;
        const auto links = tree.route(a, b, length);
        if (a != b) solver.add(std::span(links.data(), static_cast<std::size_t>(length)));
        elements += a != b ? length : 0;
      }
    }
    state.ResumeTiming();
    benchmark::DoNotOptimize(solver.solve().size());
  }
  state.counters["s_per_element"] = benchmark::Counter(static_cast<double>(elements * state.iterations()),
                                                       benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(solve_all_to_all)->Arg(64)->Arg(256)->Unit(benchmark::kMillisecond);

void all_to_all_equal(benchmark::State& state) {
  const FatTree tree(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    FlowNetwork network(tree.capacities());
    for (int a = 0; a < tree.hosts; ++a) {
      for (int b = 0; b < tree.hosts; ++b) {
        if (a != b) add(network, tree, a, b, 1e6);
      }
    }
    network.run();
    benchmark::DoNotOptimize(network.now());
    state.counters["solves"] = static_cast<double>(network.solves());
  }
}
BENCHMARK(all_to_all_equal)->Arg(256)->Arg(1024)->Unit(benchmark::kMillisecond);

void all_to_all_own_sizes(benchmark::State& state) {
  const FatTree tree(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    RandomStream stream = random_stream(1, "sizes");
    boost::random::uniform_int_distribution<int> size(1'000'000, 2'000'000);
    FlowNetwork network(tree.capacities());
    for (int a = 0; a < tree.hosts; ++a) {
      for (int b = 0; b < tree.hosts; ++b) {
        if (a != b) add(network, tree, a, b, size(stream));
      }
    }
    network.run();
    benchmark::DoNotOptimize(network.now());
    state.counters["solves"] = static_cast<double>(network.solves());
    state.counters["elements"] = static_cast<double>(network.visited_elements());
  }
}
BENCHMARK(all_to_all_own_sizes)->Arg(64)->Unit(benchmark::kMillisecond);

// Every host sends ten transfers of its own sizes to random partners, one after another.
void random_permutation(benchmark::State& state) {
  const FatTree tree(static_cast<int>(state.range(0)));
  constexpr int kRounds = 10;
  for (auto _ : state) {
    RandomStream stream = random_stream(1, "permutation");
    boost::random::uniform_int_distribution<int> size(1'000'000, 2'000'000);
    FlowNetwork network(tree.capacities());
    std::vector<int> partner(static_cast<std::size_t>(tree.hosts) * kRounds);
    for (int round = 0; round < kRounds; ++round) {
      const auto first = partner.begin() + round * tree.hosts;
      std::iota(first, first + tree.hosts, 0);
      for (int i = tree.hosts - 1; i > 0; --i) {
        boost::random::uniform_int_distribution<int> pick(0, i);
        std::swap(first[i], first[pick(stream)]);
      }
    }
    std::vector<int> sender;
    std::vector<int> sent(static_cast<std::size_t>(tree.hosts), 0);
    const auto send_next = [&](int host) {
      if (sent[static_cast<std::size_t>(host)] == kRounds) return;
      const int round = sent[static_cast<std::size_t>(host)]++;
      int to = partner[static_cast<std::size_t>(round * tree.hosts + host)];
      if (to == host) to = (host + 1) % tree.hosts;
      sender.push_back(host);
      add(network, tree, host, to, size(stream), network.now());
    };
    for (int host = 0; host < tree.hosts; ++host) send_next(host);
    network.run([&](FlowNetwork::Id id) { send_next(sender[id]); });
    benchmark::DoNotOptimize(network.now());
    state.counters["solves"] = static_cast<double>(network.solves());
    state.counters["elements"] = static_cast<double>(network.visited_elements());
  }
}
BENCHMARK(random_permutation)->Arg(1024)->Unit(benchmark::kMillisecond);

// Step k: host i sends to i + k; a step begins when the one before has ended.
void all_to_all_shifted(benchmark::State& state) {
  const FatTree tree(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    FlowNetwork network(tree.capacities());
    int step = 0, open = 0;
    const auto next_step = [&] {
      ++step;
      for (int a = 0; a < tree.hosts && step < tree.hosts; ++a, ++open) {
        add(network, tree, a, (a + step) % tree.hosts, 1e6, network.now());
      }
    };
    next_step();
    network.run([&](FlowNetwork::Id) {
      if (--open == 0) next_step();
    });
    benchmark::DoNotOptimize(network.now());
  }
  state.counters["flows"] = benchmark::Counter(static_cast<double>(tree.hosts * (tree.hosts - 1) * state.iterations()),
                                               benchmark::Counter::kIsRate);
}
BENCHMARK(all_to_all_shifted)->Arg(256)->Arg(1024)->Unit(benchmark::kMillisecond);

}  // namespace
