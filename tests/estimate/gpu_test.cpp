// What the GPU of a scenario does to the whole: its power limit, formats that it lacks, floors, energy.

#include <doctest/doctest.h>

#include <cmath>

#include "estimate/checks.hpp"
#include "estimate/estimate.hpp"
#include "estimate/node_power.hpp"
#include "scenario/read_scenario.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

using Overrides = std::vector<std::string>;

std::optional<Scenario> read(const std::string& path, const Overrides& overrides, Diagnostics& diagnostics) {
  return read_scenario(path, overrides, test::repository_path("."), diagnostics);
}

Scenario shipped(const std::string& file, const Overrides& overrides = {}) {
  Diagnostics diagnostics;
  const auto found = read(test::repository_path("scenarios/" + file), overrides, diagnostics);
  INFO(text(diagnostics));
  REQUIRE(found);
  return *found;
}

Estimate estimated(const Scenario& scenario) {
  static const Calibration calibration(DataPaths{test::repository_path(".")});
  Diagnostics diagnostics;
  const auto found = estimate(scenario, calibration, {}, diagnostics);
  INFO(text(diagnostics));
  REQUIRE(found);
  return *found;
}

Estimate estimated(const std::string& file, const Overrides& overrides = {}) {
  return estimated(shipped(file, overrides));
}

/// The first error of reading with these overrides, empty when there is none.
std::string refusal(const std::string& file, const Overrides& overrides) {
  Diagnostics diagnostics;
  read(test::repository_path("scenarios/" + file), overrides, diagnostics);
  for (const Diagnostic& one : diagnostics.all()) {
    if (one.severity == Severity::error) return one.message + (one.hint.empty() ? "" : " | " + one.hint);
  }
  return {};
}

constexpr const char* kV100 =
    "cluster.gpu={id: v100, generation: volta, default_node: dgx_a100, sms: 80, peak_dense: {fp16: 125 TFLOP/s, fp32: "
    "15.7 TFLOP/s}, memory_capacity: 80 GB, memory_bandwidth: 900 GB/s, nvlink_per_direction: 150 GB/s, tdp: 300 W}";

bool has_note(const Estimate& e, const std::string& wanted) {
  return std::find(e.notes.begin(), e.notes.end(), wanted) != e.notes.end();
}

}  // namespace

TEST_CASE("a power limit below that of the laws' own GPU is felt, and laws are not shared across limits") {
  const double free = estimated("llama3.1_8b_h100.yaml").step.time.value();
  const double capped = estimated("llama3.1_8b_h100.yaml", {"cluster.gpu.tdp=350 W"}).step.time.value();
  CHECK(capped > 1.05 * free);
  // At half the limit a kernel that is limited throughout takes the root of 2 longer, no kernel more.
  CHECK(capped <= std::sqrt(2.0) * free);
  CHECK(estimated("llama3.1_8b_h100.yaml").step.time.value() == free);
}

TEST_CASE("a GPU that differs in any figure has laws of its own") {
  const Calibration calibration(DataPaths{test::repository_path(".")});
  Diagnostics diagnostics;
  const Gpu gpu = shipped("llama3.1_8b_h100.yaml").cluster.gpu;
  const auto laws = calibration.kernels(gpu, KernelFamily::cublas, diagnostics);
  CHECK(calibration.kernels(Gpu(gpu), KernelFamily::cublas, diagnostics) == laws);
  CHECK(calibration.kernels(gpu, KernelFamily::deepgemm, diagnostics) != laws);
  const auto differs = [&](auto change) {
    Gpu other = gpu;
    change(other);
    return calibration.kernels(other, KernelFamily::cublas, diagnostics) != laws;
  };
  CHECK(differs([](Gpu& g) { g.tdp *= 0.5; }));
  CHECK(differs([](Gpu& g) { g.id += "x"; }));
  CHECK(differs([](Gpu& g) { g.generation = Generation::ada; }));
  CHECK(differs([](Gpu& g) { g.sms -= 1; }));
  CHECK(differs([](Gpu& g) { g.peak_dense[Format::fp4] = g.peak(Format::bf16); }));
  CHECK(differs([](Gpu& g) { g.memory_bandwidth *= 1.1; }));
  CHECK(differs([](Gpu& g) { g.l2_cache *= 2; }));
}

TEST_CASE("a lower cap is not faster, and nothing falls off an edge") {
  const auto step = [](const std::string& override) {
    return estimated("deepseek_v3_h800.yaml", {override}).step.time.value();
  };
  const double as_sold = estimated("deepseek_v3_h800.yaml").step.time.value();
  // TPP of H800: 1978.9 x 8 = 15,831.
  double last = as_sold;
  for (const char* tpp : {"15815", "15760", "15740", "15500", "14000"}) {
    const double now = step(std::string("cluster.gpu.caps.tpp=") + tpp);
    CAPTURE(tpp);
    CHECK(now >= last);
    last = now;
  }
  CHECK(step("cluster.gpu.caps.tpp=15740") < 1.006 * as_sold);  // 0.6 % less of the peak
  CHECK(step("cluster.gpu.sms=131") >= as_sold);
  CHECK(step("cluster.gpu.sms=133") <= as_sold);
}

TEST_CASE("energy: never negative, node power below the sum of its limits, and no less for a higher limit") {
  for (const char* file : {"llama3.1_8b_h100.yaml", "mixtral_8x7b_h100.yaml"}) {
    double last_gpu_joules = 0;
    double last_power = 0;
    for (const int watts : {100, 200, 350, 500, 700, 701, 1000, 1400, 3000}) {
      const Scenario s = shipped(file, {"cluster.gpu.tdp=" + std::to_string(watts) + " W"});
      const Estimate e = estimated(s);
      CAPTURE(file);
      CAPTURE(watts);
      const Node& node = s.cluster.node;
      const double training = node.max_power.value() * node.training_power_share;
      const double power = e.step.mean_power_share * training;
      const double others = other_parts_power(node).value();
      CHECK(others == doctest::Approx(0.76 * 10200 - 8 * 700));  // whatever the limit
      const double gpus = power - others;
      CHECK(gpus > 0);
      CHECK(gpus <= 8 * watts * (1 + 1e-12));
      // A step may end sooner with a higher limit, so that the other parts draw for a shorter time: what must not fall
      // is the node's power and the energy of its GPUs in a step.
      CHECK(power >= last_power);
      CHECK(gpus * e.step.time.value() >= last_gpu_joules);
      last_power = power;
      last_gpu_joules = gpus * e.step.time.value();
      CHECK(e.cost.energy.value() > 0);
    }
  }
}

TEST_CASE("a GPU whose power limit is not said draws as those that its node was measured with") {
  const Estimate said = estimated("llama3.1_8b_h100.yaml");
  const Estimate unsaid = estimated("llama3.1_8b_h100.yaml", {"cluster.gpu.tdp=0 W"});
  CHECK(unsaid.step.time == said.step.time);
  CHECK(unsaid.cost.energy.value() == doctest::Approx(said.cost.energy.value()));
}

TEST_CASE("a node whose GPUs' limit is not said: its other parts are a share of its training power") {
  Node node;
  node.gpus = 4;
  node.max_power = Watts(5000);
  node.training_power_share = 0.8;
  CHECK(other_parts_power(node).value() == doctest::Approx(0.28 * 4000));
  node.gpu_tdp = Watts(2000);
  CHECK(other_parts_power(node).value() == 0);
}

TEST_CASE("formats that a part lacks are refused by name, with what it has") {
  const char* file = "llama3.1_8b_h100.yaml";
  const std::string formats = "h100_sxm has no matrix units for 'precision.";
  const std::string has = " | its formats are fp64, fp32, tf32, bf16, fp16, fp8, int8; 'precision: bf16' would do";
  CHECK(refusal(file, {"precision.head=fp4"}) == formats + "head: fp4'" + has);
  CHECK(refusal(file, {"precision.gemm=fp6"}) == formats + "gemm: fp6'" + has);
  CHECK(refusal(file, {"precision=mxfp8"}) == formats + "scaling: mx_32', which is Blackwell's" + has);
  CHECK(refusal("mixtral_8x7b_h100.yaml", {"precision.router=fp6"}) == formats + "router: fp6'" + has);
  CHECK(refusal(file, {"precision.router=fp6"}).empty());  // no router
  CHECK(refusal(file, {"precision.attention=int8"}) ==
        "no attention kernel computes in int8 | bf16, fp16, fp8, tf32 and fp32 have one");
  CHECK(refusal(file, {kV100, "precision=fp8_current"}) ==
        "v100 has no matrix units for 'precision.gemm: fp8' | its formats are fp32, fp16; 'precision: fp16' would do");
}

TEST_CASE("formats that software emulates run at the rate that is said") {
  const Estimate bf16 = estimated("llama3.1_8b_h100.yaml", {kV100, "precision=bf16"});
  CHECK(has_note(bf16, "v100 has no bf16 units: such products run at its fp32 rate, 15.7 TFLOP/s"));
  CHECK(bf16.step.model_flops_per_gpu.value() < 15.7e12);
  const Estimate fp16 = estimated("llama3.1_8b_h100.yaml", {kV100, "precision=fp16"});
  CHECK(fp16.step.mfu <= 1);
  CHECK(fp16.step.mfu == doctest::Approx(fp16.step.model_flops_per_gpu.value() / 125e12));
  CHECK(fp16.step.time < bf16.step.time);
}

TEST_CASE("FP64 and FP32 products run at their own peaks") {
  const char* formats[] = {"fp64", "fp32", "tf32", "bf16"};
  double last = 0;
  for (const char* format : formats) {
    const Estimate e = estimated("llama3.1_8b_h100.yaml", {std::string("precision.gemm=") + format});
    CAPTURE(format);
    CHECK(e.step.mfu_native <= 1);
    const Scenario s = shipped("llama3.1_8b_h100.yaml", {std::string("precision.gemm=") + format});
    Diagnostics diagnostics;
    const auto model = StepModel::make(s, test::repository_path("calibration"), diagnostics);
    REQUIRE(model);
    CHECK(e.step.time >= compute_floor(*model, s.training.global_batch));
    CHECK(e.step.time >= products_floor(*model, s.training.global_batch));
    if (last > 0) CHECK(e.step.time.value() <= last);
    last = e.step.time.value();
  }
}

TEST_CASE("a part without BF16 has a step above its floor") {
  const std::string path = test::shared_path("cases/r04_gpu_without_bf16.yaml");
  if (path.empty()) return;
  Diagnostics diagnostics;
  const auto s = read(path, {}, diagnostics);
  INFO(text(diagnostics));
  REQUIRE(s);
  const Estimate e = estimated(*s);
  // 7 billion parameters, 64 sequences of 2,048 tokens, 8 GPUs of 65 TFLOP/s: 6 x 6.7e9 x 131072 / 520e12 = 10 s.
  CHECK(e.step.time.value() > 10);
  CHECK(e.step.mfu <= 1);
  CHECK(e.step.mfu > 0.1);
}

TEST_CASE("no constant of a stack makes products faster than the peak") {
  const Scenario s = shipped("llama3.1_8b_h100.yaml", {"stack.gemm_factor=0.2", "stack.attention_factor=0.05"});
  const Estimate e = estimated(s);
  CHECK(e.step.mfu <= 1);
}

TEST_CASE("floors hold in every phase") {
  const Scenario s = shipped("deepseek_v3_h800.yaml");
  const Estimate e = estimated(s);
  for (std::size_t i = 0; i < e.run.phases.size(); ++i) {
    if (!e.run.phases[i].simulated) continue;
    const Scenario phase = phase_scenario(s, static_cast<int>(i));
    Diagnostics diagnostics;
    const auto model = StepModel::make(phase, test::repository_path("calibration"), diagnostics);
    REQUIRE(model);
    CAPTURE(e.run.phases[i].name);
    CHECK(e.run.phases[i].step_time >= compute_floor(*model, phase.training.global_batch));
    CHECK(e.run.phases[i].step_time >= products_floor(*model, phase.training.global_batch));
    CHECK(e.run.phases[i].step_time >= bytes_floor(*model, phase.training.global_batch));
  }
}

TEST_CASE("texts that steer have one spelling: generations and kernel families") {
  CHECK(refusal("llama3.1_8b_h100.yaml", {"cluster.gpu.generation=Hopper"}) != "");
  CHECK(refusal("llama3.1_8b_h100.yaml", {"stack.kernels=foo"}) != "");
}
