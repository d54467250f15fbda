#include "kernels/law_forms.hpp"

#include <doctest/doctest.h>

#include "near.hpp"

namespace gpuhours {

namespace {

/// The trace's FP8 law: 3.30 ns a step in k and 1.73 us a tile of 128 x 128.
GemmLaw trace_law() {
  GemmLaw law;
  law.k_step_area = 3.30e-9;
  law.tile_fixed = 1.73e-6;
  law.tiles = 1;
  law.tile_m[0] = 128;
  law.tile_n[0] = 128;
  return law;
}

constexpr GpuRates kH800{112, 3.35e12, 1979e12};

}  // namespace

TEST_CASE("o_proj fprop 4096 x 7168 x 16384 on 112 SMs: 16 waves of 55.8 us") {
  // 32 x 56 = 1,792 tiles = 16 waves; a wave 3.30 ns x 16384 + 1.73 us = 55.797 us; 892.75 us in all.
  const LawTime time = gemm_time(trace_law(), {4096, 7168, 16384, 1, 0}, kH800, 1, {});
  CHECK(time.seconds == gpuhours::test::near(892.75e-6).epsilon(1e-5));
}

TEST_CASE("waves are whole unless `partial` says otherwise") {
  // kv_b dgrad: 32 x 4 = 128 tiles on 112 SMs = 1.142857: 2 waves of 3.30 x 1000 + 1730 = 5,030 ns.
  GemmLaw law = trace_law();
  const GemmCase shape{4096, 512, 1000, 1, 0};
  CHECK(gemm_time(law, shape, kH800, 1, {}).seconds == gpuhours::test::near(2 * 5.03e-6));
  law.partial = 1;  // 1.142857 x 5.03 us
  CHECK(gemm_time(law, shape, kH800, 1, {}).seconds == gpuhours::test::near(5.74857e-6).epsilon(1e-5));
  law.partial = 0.5;  // 1.5714286 waves
  CHECK(gemm_time(law, shape, kH800, 1, {}).seconds == gpuhours::test::near(7.904286e-6).epsilon(1e-5));
}

TEST_CASE("the tile that takes least time is chosen") {
  // 256 x 256 on 2 SMs: 4 tiles of 128 x 128 (2 waves x 1 us) against 1 tile of 256 x 256 (1 wave x 4 us).
  GemmLaw law;
  law.k_step_area = 1e-9;
  law.tiles = 2;
  law.tile_m = {256, 128};
  law.tile_n = {256, 128};
  CHECK(gemm_time(law, {256, 256, 1000, 1, 0}, {2, 1e12, 1e15}, 0, {}).seconds == gpuhours::test::near(2e-6));
  // On 1 SM they are equal: 4 us.
  CHECK(gemm_time(law, {256, 256, 1000, 1, 0}, {1, 1e12, 1e15}, 0, {}).seconds == gpuhours::test::near(4e-6));
}

TEST_CASE("compute and memory join by the fourth power") {
  // 1 tile: 1 us; bytes for 2 us: (1 + 16)^(1/4) = 2.030543.
  GemmLaw law;
  law.k_step_area = 1e-9;
  law.tiles = 1;
  law.tile_m[0] = law.tile_n[0] = 128;
  law.memory_share = 0.5;
  CHECK(gemm_time(law, {128, 128, 1000, 1, 1e6}, {1, 1e12, 1e15}, 0, {}).seconds ==
        gpuhours::test::near(2.030543e-6).epsilon(1e-6));
}

TEST_CASE("the power limit slows a kernel as its need passes the budget") {
  // need 1 at a budget of 1: 2^(1/16) = 1.044274; need 2: 65537^(1/16) = 2.000002.
  CHECK(power_slowdown(1, 0, {}) == gpuhours::test::near(1.044274));
  CHECK(power_slowdown(2, 0, {}) == gpuhours::test::near(2.000002));
  CHECK(power_slowdown(0.4, 0, {}) == 1);
  // A long phase with 80 % of the budget: need 1.6 is twice the budget.
  CHECK(power_slowdown(1.6, 1, {0.8, 0, 0}) == gpuhours::test::near(2.000002));
}

TEST_CASE("causal attention counts blocks of 128: 4 query blocks take 1 + 2 + 3 + 4 steps") {
  // 10 heads, 10 steps of (1 ns x 256 + 44 ns = 300 ns) and 4 blocks of 1 us each over 5 SMs:
  // 10 x (3,000 + 4,000) / 5 = 14,000 ns; tail 0.5 x 4 steps = 600 ns; fixed 2,000 ns.
  AttentionLaw law;
  law.step_dim = 1e-9;
  law.step_fixed = 44e-9;
  law.block_fixed = 1e-6;
  law.kernel_fixed = 2e-6;
  law.tail = 0.5;
  AttentionCase shape{10, 512, 512, 128, 128, 0, true, false};
  CHECK(attention_time(law, shape, {5, 1e12, 1e15}, 0, {}).seconds == gpuhours::test::near(16.6e-6));
  // Without the mask 4 x 4 steps: 10 x (4,800 + 4,000) / 5 + 600 + 2,000.
  shape.causal = false;
  CHECK(attention_time(law, shape, {5, 1e12, 1e15}, 0, {}).seconds == gpuhours::test::near(20.2e-6));
  // A window of 128 reaches 2 blocks back: at most 4 x 2 steps, longest 2: 10 x (2,400 + 4,000) / 5 + 300 + 2,000.
  shape.causal = true;
  shape.window = 128;
  CHECK(attention_time(law, shape, {5, 1e12, 1e15}, 0, {}).seconds == gpuhours::test::near(15.1e-6));
}

TEST_CASE("a copier that takes 20 of 132 SMs costs 512 tiles a fifth wave") {
  // 512 / 132 = 3.88: 4 waves; 512 / 112 = 4.57: 5 waves.
  const LawTime alone = gemm_time(trace_law(), {4096, 2048, 64, 1, 0}, {132, 1e12, 1e15}, 0, {});
  CHECK(alone.filled == gpuhours::test::near(512.0 / 132));
  CHECK(wave_ratio(alone.filled, 132, 112) == gpuhours::test::near(1.25));
}

TEST_CASE("more of anything is never faster, more SMs never slower with whole waves") {
  const GemmLaw law = trace_law();
  double last = 1e300;
  for (double sms = 1; sms <= 200; ++sms) {
    const double now = gemm_time(law, {4096, 4096, 4096, 1, 1e8}, {sms, 3e12, 1e15}, 1, {}).seconds;
    CHECK(now <= last);
    last = now;
  }
  last = 0;
  for (double k = 64; k < 1e5; k *= 1.7) {
    const double now = gemm_time(law, {4096, 4096, k, 1, 1e8}, kH800, 1, {}).seconds;
    CHECK(now > last);
    last = now;
  }
  CHECK(memory_time({1e-6, 0.5}, 2e6, 1, 1e12) == gpuhours::test::near(5e-6));
  CHECK(memory_time({1e-6, 0.5}, 2e6, 3, 1e12) == gpuhours::test::near(7e-6));
}

}  // namespace gpuhours
