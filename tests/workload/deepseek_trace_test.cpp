#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>

#include "core/csv.hpp"
#include "fixtures.hpp"
#include "shared.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

namespace {

struct Launches {
  int count = 0;
  double megabytes = 0;
};
using ByClass = std::map<std::string, Launches>;

/// The trace's class of an operator (names of its class summary).
std::string trace_class(const Operator& op) {
  if (op.law == laws::kAttentionPre || op.law == laws::kAttentionPost) return "attention_aux";
  if (op.law == laws::kPermuteIndex) return "permute_index";
  if (op.law == laws::kTransposeFp8) return "weight_transpose";
  switch (op.kind) {
    case OperatorKind::gemm:
      return op.format == Format::fp8 ? "gemm_fp8" : "gemm_bf16";
    case OperatorKind::grouped_gemm:
      return op.pass == Pass::backward_weight ? "grouped_wgrad_fp8" : "grouped_gemm_fp8";
    case OperatorKind::transpose:
      return "scale_transpose";
    case OperatorKind::activation:
      return "swiglu";
    case OperatorKind::router:
      return "router_small";
    case OperatorKind::cast_transpose:
      return "cast_transpose";
    default:
      return std::string(name(op.kind));
  }
}

void add_pass(const LayerPass& pass, const std::string& chunk, ByClass& classes) {
  for_each_operator(pass, [&](const ComputeBlock&, const Operator& op) {
    Launches& launches = classes[chunk + " " + trace_class(op)];
    // The class summary counts the four experts' launches of a grouped wgrad as one span.
    launches.count += op.kind == OperatorKind::grouped_gemm ? 1 : op.kernels;
    launches.megabytes += op.bytes.value() / 1e6;
  });
}

}  // namespace

TEST_CASE("a layer pair launches what the trace shows, class by class") {
  const std::string path = shared_path("measurements/deepseek_trace_class_summary.csv");
  if (path.empty()) return;
  const Workload w = workload(deepseek_run());
  ByClass ours;
  add_pass(w.moe.forward, "F", ours);
  add_pass(w.moe.backward_input, "B", ours);
  add_pass(w.moe.backward_weight, "W", ours);

  Diagnostics problems;
  const CsvTable table = CsvTable::from_file(path, problems);
  int compared = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string chunk(table.cell(row, 0));
    if (chunk.starts_with("comm")) continue;
    const std::string key = chunk + " " + std::string(table.cell(row, 1));
    CAPTURE(key);
    REQUIRE(ours.count(key) == 1);
    CHECK(ours[key].count == finite_number(table.cell(row, 2)).value_or(-1));
    // Rows of the trace's routed tensors are 1 to 2 % fewer than a balanced 32,768.
    const double megabytes = finite_number(table.cell(row, 6)).value_or(0);
    if (megabytes > 0) CHECK(ours[key].megabytes == doctest::Approx(megabytes).epsilon(0.025));
    ++compared;
  }
  CHECK(compared == 34);
  CHECK(ours.size() == 34);
}

TEST_CASE("FLOPs of the passes are the trace's") {
  // Forward 5459, backward 6987 (recompute included), weights 4723 GFLOP at 32,512 and 32,128 routed rows instead of
  // 32,768: 5459 + 256 x 88.08e6 = 5482, 6987 + 640 x 88.08e6 = 7043, 4723 + 640 x 88.08e6 = 4779.
  const Workload w = workload(deepseek_run());
  const auto gigaflops = [](const LayerPass& pass) {
    double sum = 0;
    for_each_operator(pass, [&](const ComputeBlock&, const Operator& op) { sum += op.flops.value() / 1e9; });
    return sum;
  };
  CHECK(gigaflops(w.moe.forward) == doctest::Approx(5482).epsilon(0.001));
  CHECK(gigaflops(w.moe.backward_input) == doctest::Approx(7043).epsilon(0.001));
  CHECK(gigaflops(w.moe.backward_weight) == doctest::Approx(4779).epsilon(0.001));
}
