#include "plan/compute_optimal.hpp"

#include <cmath>

#include "near.hpp"
#include "plan/plan.hpp"
#include "shared.hpp"
#include "workload/workload.hpp"

using namespace gpuhours;
using namespace gpuhours::test;

namespace {

ScalingLaw law(const std::string& id) {
  Diagnostics diagnostics;
  const auto found = read_scaling_law(id, GPUHOURS_REPOSITORY, diagnostics);
  INFO(text(diagnostics));
  REQUIRE(found);
  return *found;
}

ShapeFamily family() {
  Diagnostics diagnostics;
  const auto found = read_shape_family("llama3", GPUHOURS_REPOSITORY, diagnostics);
  INFO(text(diagnostics));
  REQUIRE(found);
  return *found;
}

double size(const Architecture& model) { return parameter_counts(model).total; }

/// N = sqrt(C / 6): the loss with A = B and alpha = beta.
ScalingLaw square_root() {
  ScalingLaw one;
  one.form = ScalingLaw::Form::loss;
  one.a = one.b = 400;
  one.alpha = one.beta = 0.3;
  return one;
}

PlanProblem problem(double gpu_hours) {
  PlanProblem one;
  one.gpu_hours = gpu_hours;
  one.peak_per_gpu = 1e15;
  one.law = square_root();
  one.batch_law = law("batch_size");
  one.family = family();
  return one;
}

/// Tokens an hour at an MFU that counts 6 N FLOPs a token on 1e15 FLOP/s.
TrainingSpeed speed(const Architecture& model, double mfu, bool fits = true) {
  return {3600 * 1e15 * mfu / (6 * size(model)), mfu, fits};
}

}  // namespace

TEST_CASE("Chinchilla's table is met at its rows and joined by lines in the logarithms") {
  const ScalingLaw one = law("chinchilla");
  CHECK(optimal_flops_per_token(one, 1.23e22) == near(6 * 10e9, 1e-9));
  CHECK(optimal_tokens(one, 1.23e22) == near(205.1e9, 1e-3));  // the table's own tokens
  // halfway in the logarithm between 1.21e20 (1B) and 1.23e22 (10B): sqrt(1e9 x 1e10) = 3.1623e9
  CHECK(optimal_flops_per_token(one, std::sqrt(1.21e20 * 1.23e22)) == near(6 * 3.16228e9, 1e-5));
}

TEST_CASE("the loss fitted anew has its minimum at 72.2B for Chinchilla's compute") {
  // G = (0.3478 x 482.01 / (0.3658 x 2085.43))^(1 / 0.7136) = 0.21976^1.40135 = 0.11963
  // (5.76e23 / 6)^0.512612 = e^(52.9186 x 0.512612) = e^27.1267 = 6.039e11; N = 7.225e10, D = 9.6e22 / N = 1.329e12
  const ScalingLaw one = law("chinchilla_refit");
  CHECK(optimal_flops_per_token(one, 5.76e23) == near(6 * 7.225e10, 2e-3));
  CHECK(optimal_tokens(one, 5.76e23) == near(1.329e12, 2e-3));
  // no pair (N, D) with the same product has less loss
  const auto loss = [&](double n) { return one.a / std::pow(n, one.alpha) + one.b / std::pow(9.6e22 / n, one.beta); };
  const double n = optimal_flops_per_token(one, 5.76e23) / 6;
  CHECK(loss(n) < loss(1.01 * n));
  CHECK(loss(n) < loss(n / 1.01));
}

TEST_CASE("DeepSeek LLM: the size is what the paper's other power law says") {
  // 0.1715 x (1e24)^0.5243 = 0.1715 x e^28.97389 = 0.1715 x 3.8300e12 = 6.5685e11 FLOPs a token
  // 5.8316 x (1e24)^0.4757 = 5.8316 x e^26.28815 = 5.8316 x 2.61095e11 = 1.52260e12 tokens
  const ScalingLaw one = law("deepseek_llm");
  CHECK(optimal_flops_per_token(one, 1e24) == near(6.5685e11, 5e-4));
  CHECK(optimal_tokens(one, 1e24) == near(1.52260e12, 1e-4));
  // its 7B: 30 layers of 4096 at 4096 tokens: 72 x 30 x 4096^2 + 12 x 30 x 4096 x 4096 = 4.22786e10
  Architecture model;
  model.layers = 30;
  model.hidden = 4096;
  CHECK(flops_per_token(one, model, 4096) == near(4.22786e10, 1e-5));
}

TEST_CASE("Llama 3: the paper's flagship, within the rounding of its printed constants") {
  // 0.299 x (3.8e25)^0.537 = 0.299 x e^31.62910 = 0.299 x 5.4493e13 = 1.6294e13; N = 3.8e25 / (6 D) = 3.887e11
  const ScalingLaw one = law("llama3");
  CHECK(optimal_tokens(one, 3.8e25) == near(1.6294e13, 1e-3));
  CHECK(optimal_tokens(one, 3.8e25) == near(16.55e12, 0.02));            // the paper: 16.55T
  CHECK(optimal_flops_per_token(one, 3.8e25) / 6 == near(402e9, 0.04));  // and 402B
}

TEST_CASE("the batch law") {
  // 0.2920 x (1e20)^0.3271 = 0.2920 x e^15.06351 = 0.2920 x 3.4834e6 = 1.0171e6 tokens
  CHECK(optimal_tokens(law("batch_size"), 1e20) == near(1.0171e6, 1e-3));
}

TEST_CASE("a law's inverse") {
  for (const std::string& id : scaling_law_ids(GPUHOURS_REPOSITORY)) {
    const ScalingLaw one = law(id);
    for (const double flops : {1e20, 3e23, 1e26}) {
      CHECK(flops_of_size(one, optimal_flops_per_token(one, flops)) == near(flops, 1e-6));
    }
  }
}

TEST_CASE("an unknown law names the nearest") {
  Diagnostics diagnostics;
  CHECK_FALSE(read_scaling_law("chinchila", GPUHOURS_REPOSITORY, diagnostics));
  CHECK(text(diagnostics) == "error: unknown scaling law 'chinchila'\n  = did you mean 'chinchilla'?\n");
}

TEST_CASE("the family gives the published models back") {
  // parameters of the published 8B and 70B: 8.03e9, 70.55e9
  const Architecture eight = member_of_size(family(), 8.03e9, size);
  CHECK(eight.hidden == 4096);
  CHECK(eight.layers == 32);
  CHECK(eight.ffn_hidden == 14336);
  const Architecture seventy = member_of_size(family(), 70.55e9, size);
  CHECK(seventy.hidden == 8192);
  CHECK(seventy.layers == 80);
  CHECK(seventy.heads == 64);
  CHECK(seventy.kv_heads == 8);
  CHECK(seventy.ffn_hidden == 28672);
  // embeddings 2 x 128256 x 2048 + 16 x (2048 x 4096 + 2048^2 + 3 x 2048 x 7168 + 2 x 2048) + 2048
  CHECK(size(smallest_member(family())) == 1431373824.0);
}

TEST_CASE("any size is met within 3 %, in the family's proportions") {
  for (double wanted = 1.6e9; wanted < 1e12; wanted *= 1.7) {
    const Architecture model = member_of_size(family(), wanted, size);
    CHECK(size(model) == near(wanted, 0.03));
    CHECK(model.hidden > 70 * model.layers);  // the rungs: 102 to 130 wide a layer
    CHECK(model.hidden < 210 * model.layers);
    CHECK(model.heads % model.kv_heads == 0);
  }
}

TEST_CASE("a constant MFU settles in two rounds at GPU hours x peak x MFU") {
  // 1e6 hours x 3600 s x 1e15 FLOP/s x 0.5 = 1.8e24; N = sqrt(1.8e24 / 6) = 5.477e11
  const FixedPoint point = fixed_point(problem(1e6), [](const Architecture& m, double) { return speed(m, 0.5); });
  CHECK(point.end == FixedPoint::End::converged);
  CHECK(point.met());
  CHECK(point.rounds.size() == 2);
  CHECK(point.rounds[0].flops == near(1.44e24, 1e-9));  // at the assumed 0.4
  CHECK(point.last().flops == near(1.8e24, 1e-9));
  CHECK(size(point.last().model) == near(5.477e11, 0.02));
  CHECK(tokens_paid(problem(1e6), point.last()) == near(1.8e24 / (6 * size(point.last().model)), 1e-9));
}

TEST_CASE("an MFU that falls with the size settles where both agree") {
  // MFU = 0.5 (N / 1e10)^(-1/4). At N = 1.6e11 it is 0.25, and N = sqrt(C / 6) asks for C = 1.536e23:
  // GPU hours = 1.536e23 / (3600 x 1e15 x 0.25) = 170,667
  const FixedPoint point = fixed_point(problem(170'666.7), [](const Architecture& m, double) {
    return speed(m, 0.5 * std::pow(size(m) / 1e10, -0.25));
  });
  CHECK(point.met());
  CHECK(size(point.last().model) == near(1.6e11, 0.02));
  CHECK(point.last().speed.mfu == near(0.25, 0.01));
}

TEST_CASE("an MFU that jumps between shapes ends, with the round that agrees best") {
  // wide models run at 0.3, narrow ones at 0.6: neither side of the jump is its own fixed point
  const FixedPoint point =
      fixed_point(problem(1e6), [](const Architecture& m, double) { return speed(m, size(m) > 5e11 ? 0.3 : 0.6); });
  CHECK(point.end == FixedPoint::End::alternates);
  REQUIRE(point.rounds.size() < kMaxRounds);
  const auto gap = [](const PlanRound& round) { return std::abs(round.flops_paid / round.flops - 1); };
  for (std::size_t i = point.rounds.size() - 2; i < point.rounds.size(); ++i) {
    CHECK(gap(point.last()) <= gap(point.rounds[i]));
  }
}

TEST_CASE("too little for the family says how much is enough") {
  // the smallest model, N = 1.431373824e9, is best for 6 N^2 = 1.22930e19 FLOPs: at half of 1e15 FLOP/s 6.8294 hours
  const FixedPoint point = fixed_point(problem(0.5), [](const Architecture& m, double) { return speed(m, 0.5); });
  CHECK(point.end == FixedPoint::End::too_small);
  CHECK_FALSE(point.met());
  CHECK(point.last().model.hidden == 2048);
  CHECK(point.gpu_hours_needed == near(6.8294, 1e-4));
}

TEST_CASE("a model that does not fit is made smaller until one does") {
  const FixedPoint point =
      fixed_point(problem(1e6), [](const Architecture& m, double) { return speed(m, 0.5, size(m) < 100e9); });
  CHECK_FALSE(point.met());
  REQUIRE_FALSE(point.smaller.empty());
  // 5.477e11 x 0.8^8 = 9.19e10 is the first below 100e9
  CHECK(point.smaller.size() == 8);
  CHECK(point.last().speed.fits);
  CHECK(size(point.last().model) == near(9.19e10, 0.03));
}

TEST_CASE("money and days to GPUs") {
  // 5.6M at 2 USD: 2.8M hours; in 60 days 1,944.4 GPUs; 5 % of that is 97, so multiples of 64: 1,920
  const GpuBudget most = gpu_budget(5.6e6, 2, 60, 0, 8);
  CHECK(most.gpus == 1920);
  CHECK(most.gpu_hours == 1920 * 24 * 60.0);
  CHECK(most.days_bind);
  CHECK_FALSE(most.budget_binds);
  CHECK(most.spent == 5529600);
  const GpuBudget few = gpu_budget(5.6e6, 2, 60, 1024, 8);  // 1,024 x 1,440 h = 1,474,560 h
  CHECK(few.gpu_hours == 1474560);
  CHECK(few.days_bind);
  const GpuBudget many = gpu_budget(5.6e6, 2, 60, 4096, 8);  // 2.8M h / 4,096 = 28.48 days
  CHECK(many.budget_binds);
  CHECK(many.days == near(28.483, 1e-4));
  const GpuBudget little = gpu_budget(100, 2, 60, 0, 8);  // a node for 6.25 hours
  CHECK(little.gpus == 8);
  CHECK(little.budget_binds);
  CHECK(little.gpu_hours == 50);
}
