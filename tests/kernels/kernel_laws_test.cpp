#include "kernels/kernel_laws.hpp"

#include <doctest/doctest.h>

#include "kernels/recipe.hpp"
#include "near.hpp"
#include "scenario/enum_names.hpp"
#include "shared.hpp"

namespace gpuhours {

namespace {

Gpu hopper(const std::string& id) {
  Gpu gpu;
  gpu.id = id;
  gpu.generation = Generation::hopper;
  gpu.sms = 132;
  gpu.peak_dense = {{Format::bf16, FlopsPerSecond(989.5e12)},
                    {Format::fp16, FlopsPerSecond(989.5e12)},
                    {Format::fp8, FlopsPerSecond(1979e12)}};
  gpu.memory_bandwidth = BytesPerSecond(3.35e12);
  gpu.tdp = Watts(700);
  return gpu;
}

std::shared_ptr<const KernelLaws> shipped(const Gpu& gpu, const std::string& family) {
  Diagnostics diagnostics;
  auto laws = kernel_laws(gpu, enum_value<KernelFamily>(family), test::repository_path("calibration/kernels"), diagnostics);
  INFO(text(diagnostics));
  REQUIRE(laws != nullptr);
  return laws;
}

Operator block_gemm(Pass pass, std::int64_t m, std::int64_t n, std::int64_t k) {
  Operator op;
  op.kind = OperatorKind::gemm;
  op.pass = pass;
  op.accumulate = pass == Pass::backward_weight;
  op.format = Format::fp8;
  op.scaling = Scaling::block_128;
  op.gemm = {m, n, k, 1};
  op.bytes = Bytes(static_cast<double>(m * k + n * k) + (op.accumulate ? 8.0 : 2.0) * static_cast<double>(m * n));
  return op;
}

}  // namespace

TEST_CASE("o_proj of the H800 trace: 901 us beside 60 % of transfer time") {
  const auto laws = shipped(hopper("h800_sxm"), "deepgemm");
  const KernelContext context{112, 20, 1.0};
  const KernelTime t = laws->time(block_gemm(Pass::forward, 4096, 7168, 16384), context);
  const double beside = 0.4 * t.alone.value() + 0.6 * t.beside.value();
  CHECK(beside == gpuhours::test::near(901e-6).epsilon(0.05));
  CHECK(t.beside / t.alone == gpuhours::test::near(1.05));  // sized to the 112 SMs left
  CHECK(t.provenance == Provenance::measured);
}

TEST_CASE("a format that the family's file lacks comes from the same die's other file") {
  const auto laws = shipped(hopper("h800_sxm"), "deepgemm");
  Operator op = block_gemm(Pass::forward, 4096, 4096, 4096);
  op.format = Format::bf16;
  op.scaling = Scaling::none;
  const KernelTime t = laws->time(op, {});
  CHECK(t.provenance == Provenance::interpolated);
  CHECK(t.alone.value() > 137.4e9 / 989.5e12);
}

TEST_CASE("every memory-bound law resolves") {
  for (const char* family : {"cublas", "deepgemm"}) {
    const auto laws = shipped(hopper("h100_sxm"), family);
    for (const std::string_view law : memory_law_names()) {
      Operator op;
      op.kind = OperatorKind::elementwise;
      op.law = law;
      op.bytes = Bytes(1e8);
      const KernelTime t = laws->time(op, {0, 20, 1});
      INFO(law);
      CHECK(t.alone.value() >= 1e8 / 3.35e12 * 0.999);
      CHECK(t.beside.value() >= t.alone.value());
    }
  }
}

}  // namespace gpuhours
