// What a figure of a GPU may do to the time of its kernels: nothing jumps, and more is never slower. Over all GPUs of
// the catalogue, both kernel families, operators of every law and random figures.

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <functional>
#include <random>

#include "kernels/kernel_laws.hpp"
#include "kernels/recipe.hpp"
#include "scenario/catalogue.hpp"
#include "scenario/complete.hpp"
#include "scenario/enum_names.hpp"
#include "shared.hpp"

namespace gpuhours {
namespace {

constexpr const char* kGpus[] = {"a100_sxm_40", "a100_sxm_80",    "a800_sxm", "h100_sxm", "h800_sxm", "h200_sxm",
                                 "h20",         "h100_96gb_500w", "b200",     "b300",     "gb200",    "gb300"};

/// A change of a figure and the most that times may change with it.
constexpr double kStep = 0.001;
constexpr double kJump = 0.005;

/// The same bits with every standard library, unlike its distributions.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : engine_(seed) {}
  double between(double low, double high) {
    return low + (high - low) * (static_cast<double>(engine_() >> 11) * 0x1.0p-53);
  }
  std::int64_t log_whole(double low, double high) {
    return static_cast<std::int64_t>(std::exp(between(std::log(low), std::log(high))));
  }

 private:
  std::mt19937_64 engine_;
};

Gpu catalogued(const std::string& id) {
  Diagnostics diagnostics;
  const auto gpu = read_gpu(id, test::repository_path(""), diagnostics);
  REQUIRE(gpu);
  return *gpu;
}

std::shared_ptr<const KernelLaws> laws_of(const Gpu& gpu, KernelFamily family) {
  Diagnostics diagnostics;
  auto laws = kernel_laws(gpu, family, test::repository_path("calibration/kernels"), diagnostics);
  REQUIRE(laws);
  return laws;
}

Operator random_product(Draws& draw, const Gpu& gpu) {
  constexpr std::pair<Format, Scaling> kFormats[] = {
      {Format::bf16, Scaling::none},     {Format::fp16, Scaling::none},          {Format::fp8, Scaling::block_128},
      {Format::fp8, Scaling::mx_32},     {Format::fp8, Scaling::tensor_delayed}, {Format::fp4, Scaling::nv_16},
      {Format::tf32, Scaling::none},     {Format::fp32, Scaling::none},          {Format::fp64, Scaling::none},
      {Format::int8, Scaling::block_128}};
  Operator op;
  do {
    const auto& [format, scaling] = kFormats[static_cast<std::size_t>(draw.between(0, std::size(kFormats)))];
    op.format = format;
    op.scaling = scaling;
  } while (!matrix_format(gpu, op.format));
  op.kind = draw.between(0, 1) < 0.3 ? OperatorKind::grouped_gemm : OperatorKind::gemm;
  op.pass = static_cast<Pass>(draw.between(0, 3));
  op.accumulate = op.pass == Pass::backward_weight && draw.between(0, 1) < 0.5;
  const int groups = op.kind == OperatorKind::grouped_gemm ? 8 : 1;
  op.gemm = {draw.log_whole(256, 32768) * groups, draw.log_whole(256, 32768), draw.log_whole(256, 32768), groups};
  const auto [m, n, k] =
      std::tuple(static_cast<double>(op.gemm.m), static_cast<double>(op.gemm.n), static_cast<double>(op.gemm.k));
  op.flops = Flops(2 * m * n * k);
  op.bytes = Bytes(bytes_per_element(op.format) * (m * k + groups * n * k) + 2 * m * n);
  return op;
}

Operator random_attention(Draws& draw, const Gpu& gpu) {
  constexpr std::pair<int, int> kHeads[] = {{64, 64}, {128, 128}, {192, 128}, {256, 256}, {96, 96}};
  Operator op;
  op.kind = OperatorKind::attention;
  op.pass = draw.between(0, 1) < 0.5 ? Pass::forward : Pass::backward_input;
  op.format = draw.between(0, 1) < 0.2 && matrix_format(gpu, Format::fp8) ? Format::fp8 : Format::bf16;
  if (draw.between(0, 1) < 0.2) op.law = "flash2";
  const auto [qk, v] = kHeads[static_cast<std::size_t>(draw.between(0, std::size(kHeads)))];
  const std::int64_t length = draw.log_whole(512, 65536);
  op.attention = {1, draw.log_whole(8, 128), 8, qk, v, length, length, true, 0};
  return op;
}

Operator random_memory(Draws& draw) {
  Operator op;
  const auto names = memory_law_names();
  op.law = names[static_cast<std::size_t>(draw.between(0, static_cast<double>(names.size())))];
  op.bytes = Bytes(std::exp(draw.between(std::log(1e4), std::log(1e9))));
  return op;
}

std::vector<Operator> operators(Draws& draw, const Gpu& gpu) {
  std::vector<Operator> out;
  for (int i = 0; i < 40; ++i) out.push_back(random_product(draw, gpu));
  for (int i = 0; i < 16; ++i) out.push_back(random_attention(draw, gpu));
  for (int i = 0; i < 12; ++i) out.push_back(random_memory(draw));
  return out;
}

/// What multiplies a figure of a GPU.
struct Figure {
  const char* name;
  std::function<void(Gpu&, double)> multiply;
};

void multiply_peak(Gpu& gpu, Format format, double factor) {
  const auto it = gpu.peak_dense.find(format);
  if (it != gpu.peak_dense.end()) it->second *= factor;
}

const std::vector<Figure>& figures() {
  static const std::vector<Figure> kFigures = {
      {"all peaks",
       [](Gpu& gpu, double f) {
         for (auto& [format, rate] : gpu.peak_dense) rate *= f;
       }},
      {"BF16 peak", [](Gpu& gpu, double f) { multiply_peak(gpu, Format::bf16, f); }},
      {"FP8 peak", [](Gpu& gpu, double f) { multiply_peak(gpu, Format::fp8, f); }},
      {"FP4 peak", [](Gpu& gpu, double f) { multiply_peak(gpu, Format::fp4, f); }},
      {"FP32 peak", [](Gpu& gpu, double f) { multiply_peak(gpu, Format::fp32, f); }},
      {"bandwidth", [](Gpu& gpu, double f) { gpu.memory_bandwidth *= f; }},
      {"TDP", [](Gpu& gpu, double f) { gpu.tdp *= f; }},
      {"TPP cap",
       [](Gpu& gpu, double f) {
         gpu.caps.tpp = processing_performance(gpu).tpp * std::min(1.0, 0.5 * f);
         complete(gpu);
       }},
      {"bandwidth cap",
       [](Gpu& gpu, double f) {
         gpu.caps.memory_bandwidth = gpu.memory_bandwidth * std::min(1.0, 0.5 * f);
         complete(gpu);
       }},
  };
  return kFigures;
}

/// Alone, beside communication with products sized to all SMs and to those left, and in a burst.
std::array<KernelContext, 4> contexts(const Gpu& gpu) {
  return {KernelContext{0, 0, 1.0}, {0, 20, 1.0}, {gpu.sms - 20, 20, 1.0}, {0, 0, 0.0}};
}

struct Compared {
  const Operator& op;
  double before = 0, after = 0;
};

/// Times of `work` on both GPUs in every context, alone and beside communication.
void for_each_time(const std::vector<Operator>& work, const Gpu& less, const Gpu& more, KernelFamily family,
                   const std::function<void(const Compared&)>& check) {
  const auto before = laws_of(less, family);
  const auto after = laws_of(more, family);
  for (const Operator& op : work) {
    for (std::size_t i = 0; i < contexts(less).size(); ++i) {
      const KernelTime a = before->time(op, contexts(less)[i]);
      const KernelTime b = after->time(op, contexts(more)[i]);
      check({op, a.alone.value(), b.alone.value()});
      check({op, a.beside.value(), b.beside.value()});
    }
  }
}

}  // namespace

TEST_CASE("figures of a GPU: no jump in any kernel's time, and more is never slower") {
  Draws draw(11);
  for (const char* id : kGpus) {
    const Gpu as_sold = catalogued(id);
    const std::vector<Operator> work = operators(draw, as_sold);
    for (const Figure& figure : figures()) {
      const KernelFamily family = draw.between(0, 1) < 0.5 ? KernelFamily::cublas : KernelFamily::deepgemm;
      // The figure as it is sold, where laws are the part's own, and one at random.
      for (const double factor : {1.0, draw.between(0.4, 2.2)}) {
        Gpu less = as_sold;
        Gpu more = as_sold;
        figure.multiply(less, factor);
        figure.multiply(more, factor * (1 + kStep));
        CAPTURE(std::string(id));
        CAPTURE(std::string(figure.name));
        CAPTURE(factor);
        for_each_time(work, less, more, family, [&](const Compared& time) {
          CAPTURE(time.op.law);
          CAPTURE(name(time.op.format));
          CHECK(std::isfinite(time.before));
          CHECK(time.after <= time.before * (1 + 1e-12));
          CHECK(time.after >= time.before * (1 - kJump));
        });
      }
    }
  }
}

TEST_CASE("far more of a figure is never slower either") {
  Draws draw(13);
  for (const char* id : kGpus) {
    const Gpu as_sold = catalogued(id);
    const std::vector<Operator> work = operators(draw, as_sold);
    for (const Figure& figure : figures()) {
      Gpu less = as_sold;
      Gpu more = as_sold;
      const double factor = draw.between(0.3, 2);
      figure.multiply(less, factor);
      figure.multiply(more, factor * draw.between(1.01, 3));
      CAPTURE(std::string(id));
      CAPTURE(std::string(figure.name));
      for_each_time(work, less, more, KernelFamily::cublas,
                    [](const Compared& time) { CHECK(time.after <= time.before * (1 + 1e-12)); });
    }
  }
}

TEST_CASE("more SMs are never slower, at the chip's peak nor at an SM's; one SM less is not faster") {
  Draws draw(17);
  for (const char* id : kGpus) {
    const Gpu as_sold = catalogued(id);
    const std::vector<Operator> work = operators(draw, as_sold);
    for (const bool same_chip_peak : {true, false}) {
      for (const int from : {as_sold.sms - 1, as_sold.sms, as_sold.sms / 2 + 60}) {
        Gpu less = as_sold;
        Gpu more = as_sold;
        less.sms = from;
        more.sms = from + 1;
        if (!same_chip_peak) {
          for (auto& [format, rate] : less.peak_dense) rate *= static_cast<double>(less.sms) / as_sold.sms;
          for (auto& [format, rate] : more.peak_dense) rate *= static_cast<double>(more.sms) / as_sold.sms;
        }
        CAPTURE(std::string(id));
        CAPTURE(from);
        CAPTURE(same_chip_peak);
        for_each_time(work, less, more, KernelFamily::cublas,
                      [](const Compared& time) { CHECK(time.after <= time.before * (1 + 1e-12)); });
      }
    }
  }
}

TEST_CASE("no matrix product is faster than the peak of the format that runs") {
  Draws draw(19);
  for (const char* id : kGpus) {
    Gpu gpu = catalogued(id);
    gpu.tdp *= draw.between(0.5, 4);
    for (auto& [format, rate] : gpu.peak_dense) rate *= draw.between(0.01, 3);
    const auto laws = laws_of(gpu, KernelFamily::cublas);
    for (int i = 0; i < 100; ++i) {
      const Operator op = random_product(draw, gpu);
      CAPTURE(std::string(id));
      CAPTURE(name(op.format));
      const Seconds least = op.flops / matrix_peak(gpu, op.format);
      CHECK(laws->time(op, {0, 0, 0.0}).alone >= least * (1 - 1e-12));
    }
  }
}

TEST_CASE("a GPU's own figures under another name: other certainty, the same times") {
  const Gpu own = catalogued("h100_sxm");
  Gpu renamed = own;
  renamed.id = "somebody_elses_h100";
  Draws draw(23);
  const auto a = laws_of(own, KernelFamily::cublas);
  const auto b = laws_of(renamed, KernelFamily::cublas);
  for (const Operator& op : operators(draw, own)) {
    CHECK(b->time(op, {}).alone == a->time(op, {}).alone);
    CHECK(b->time(op, {}).relative_error >= a->time(op, {}).relative_error);
  }
}

TEST_CASE(
    "a format that the part lacks runs at FP32's rate where software does that, and not at all where it does not") {
  Gpu v100 = catalogued("a100_sxm_80");
  v100.id = "v100";
  v100.generation = Generation::volta;
  v100.peak_dense = {{Format::fp16, FlopsPerSecond(125e12)}, {Format::fp32, FlopsPerSecond(15.7e12)}};
  CHECK(matrix_format(v100, Format::fp16) == Format::fp16);
  CHECK(matrix_format(v100, Format::bf16) == Format::fp32);
  CHECK(matrix_format(v100, Format::tf32) == Format::fp32);
  for (const Format none : {Format::fp8, Format::fp6, Format::fp4, Format::int8, Format::fp64}) {
    CHECK_FALSE(matrix_format(v100, none));
  }
  const auto laws = laws_of(v100, KernelFamily::cublas);
  Operator op;
  op.kind = OperatorKind::gemm;
  op.format = Format::bf16;
  op.gemm = {8192, 8192, 8192, 1};
  op.flops = Flops(2 * std::pow(8192.0, 3));
  op.bytes = Bytes(3 * 2 * std::pow(8192.0, 2));
  CHECK(laws->time(op, {}).alone.value() >= 1.0995e12 / 15.7e12);  // 70 ms
  op.format = Format::fp8;
  CHECK(std::isinf(laws->time(op, {}).alone.value()));
}

}  // namespace gpuhours
