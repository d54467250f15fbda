// Building fabrics: build/tests/bench/cluster_graph_bench
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "cluster/graph.hpp"

namespace {

using namespace gpuhours;

Cluster cluster_of(int gpus, FabricKind kind) {
  Cluster c;
  c.gpus = gpus;
  c.gpu.nvlink_per_direction = BytesPerSecond(450e9);
  c.gpu.pcie_per_direction = BytesPerSecond(63e9);
  c.node.nic_per_direction = BytesPerSecond(50e9);
  c.fabric.id = "bench";
  c.fabric.kind = kind;
  c.fabric.planes = kind == FabricKind::multi_plane_fat_tree ? 8 : 1;
  c.fabric.endpoints = gpus;
  c.fabric.port_per_direction = BytesPerSecond(50e9);
  return c;
}

// The graph of 16,384 GPUs and 64 routes from each of them (1,048,576).
void build_with_routes(benchmark::State& state, FabricKind kind) {
  const Cluster cluster = cluster_of(16384, kind);
  for (auto _ : state) {
    Diagnostics diagnostics;
    const auto graph = cluster_graph(cluster, {}, diagnostics);
    std::size_t links = 0;
    for (int from = 0; from < cluster.gpus; ++from) {
      for (int k = 1; k <= 64; ++k) links += graph->route(from, (from + k * 251) % cluster.gpus).links.size();
    }
    benchmark::DoNotOptimize(links);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_MiB"] = static_cast<double>(usage.ru_maxrss) / 1024.0;
}
BENCHMARK_CAPTURE(build_with_routes, multi_plane, FabricKind::multi_plane_fat_tree)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build_with_routes, three_layer, FabricKind::fat_tree_three_layer)->Unit(benchmark::kMillisecond);

void build_only(benchmark::State& state) {
  const Cluster cluster = cluster_of(16384, FabricKind::multi_plane_fat_tree);
  for (auto _ : state) {
    Diagnostics diagnostics;
    benchmark::DoNotOptimize(cluster_graph(cluster, {}, diagnostics));
  }
}
BENCHMARK(build_only)->Unit(benchmark::kMillisecond);

}  // namespace
