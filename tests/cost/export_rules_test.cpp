// The worked examples of export classes: figures from the chips' data sheets, arithmetic beside each.

#include "cost/export_rules.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "near.hpp"
#include "scenario/catalogue.hpp"
#include "shared.hpp"

using namespace gpuhours;
using gpuhours::test::near;
using gpuhours::test::repository_path;

namespace {

const std::string kRoot = repository_path(".");

std::vector<ExportRule> rules() {
  Diagnostics diagnostics;
  std::vector<ExportRule> all = export_rules(kRoot, diagnostics);
  REQUIRE_MESSAGE(!diagnostics.has_errors(), text(diagnostics));
  return all;
}

/// A chip of no catalogue file: TFLOP/s by format, die area, memory and links in GB/s, links both directions.
Gpu chip(std::map<Format, double> tflops, double area, double memory, double links) {
  Gpu gpu;
  for (const auto& [format, rate] : tflops) gpu.peak_dense[format] = FlopsPerSecond(rate * 1e12);
  gpu.die_area_mm2 = area;
  gpu.memory_bandwidth = BytesPerSecond(memory * 1e9);
  gpu.nvlink_per_direction = BytesPerSecond(links / 2 * 1e9);
  return gpu;
}

Gpu of_catalogue(const std::string& id) {
  Diagnostics diagnostics;
  const auto gpu = read_gpu(id, kRoot, diagnostics);
  REQUIRE_MESSAGE(gpu.has_value(), text(diagnostics));
  return *gpu;
}

struct Example {
  std::string name;
  Gpu gpu;
  double tpp;
  double density;  ///< 0: no area
  bool caught_2022;
  std::string class_2023;  ///< empty: none
  bool caught_2025_04;
  std::optional<bool> case_by_case_2026;  ///< empty: not controlled before
};

ExportFinding finding(const Gpu& gpu, const char* rule) {
  const std::vector<ExportRule> all = rules();
  return export_finding(chip_figures(gpu), *find_rule(all, rule), all);
}

void check(const Example& e) {
  CAPTURE(e.name);
  const ChipFigures figures = chip_figures(e.gpu);
  CHECK(figures.tpp == near(e.tpp, 1e-3));
  CHECK(figures.performance_density == near(e.density, 5e-3));
  CHECK((finding(e.gpu, "us_2022_10").treatment == Treatment::denial) == e.caught_2022);
  CHECK(finding(e.gpu, "us_2023_10").class_name == e.class_2023);
  CHECK(finding(e.gpu, "us_2025_01").class_name == e.class_2023);  // the same classes
  CHECK((finding(e.gpu, "us_2025_04").own_class == "bandwidth letter") == e.caught_2025_04);
  const ExportFinding last = finding(e.gpu, "us_2026_01");
  if (!e.case_by_case_2026) {
    CHECK(last.treatment == Treatment::uncontrolled);
  } else {
    CHECK((last.treatment == Treatment::case_by_case) == *e.case_by_case_2026);
  }
}

constexpr auto kFp4 = Format::fp4;
constexpr auto kFp8 = Format::fp8;
constexpr auto kBf16 = Format::bf16;
constexpr auto kFp16 = Format::fp16;

}  // namespace

TEST_CASE("Volta and Ampere") {
  // 125 x 16 = 2,000; 2,000 / 815 = 2.45: below 2,400 and below 3.2. 900 GB/s < 1,400, 300 < 1,100, 1,200 < 1,700.
  check({"V100", chip({{kFp16, 125}}, 815, 900, 300), 2000, 2.454, false, "", false, std::nullopt});
  // 312 x 16 = 4,992; / 826 = 6.044. Links 600 + 64 GB/s >= 600; A800 400 + 64 < 600. 2,039 GB/s >= 1,400.
  check({"A100 80", of_catalogue("a100_sxm_80"), 4992, 6.044, true, "3A090.a", true, true});
  check({"A100 40", of_catalogue("a100_sxm_40"), 4992, 6.044, true, "3A090.a", true, true});
  check({"A800 80", of_catalogue("a800_sxm"), 4992, 6.044, false, "3A090.a", true, true});
}

TEST_CASE("Hopper") {
  // 1,978.9 x 8 = 15,831; / 814 = 19.45. Links 900 + 126; H800 400 + 126 = 526 < 600. 15,831 < 21,000, 3,350 < 6,500.
  check({"H100 SXM", of_catalogue("h100_sxm"), 15831, 19.45, true, "3A090.a", true, true});
  check({"H800 SXM", of_catalogue("h800_sxm"), 15831, 19.45, false, "3A090.a", true, true});
  check({"H200", of_catalogue("h200_sxm"), 15831, 19.45, true, "3A090.a", true, true});
  // 1,513 x 8 = 12,104; / 814 = 14.87. A pair bridge of 600 GB/s.
  check({"H100 PCIe", chip({{kBf16, 756}, {kFp8, 1513}}, 814, 2000, 600), 12104, 14.87, true, "3A090.a", true, true});
  // 1,671 x 8 = 13,368; / 814 = 16.42.
  check({"H100 NVL", chip({{kBf16, 835}, {kFp8, 1671}}, 814, 3938, 600), 13368, 16.42, true, "3A090.a", true, true});
  // 296 x 8 = 2,368 < 2,400; / 814 = 2.909 < 3.2: no class. Links 900 + 126 = 1,026 < 1,100, but 4,000 GB/s >= 1,400.
  check({"H20", of_catalogue("h20"), 2368, 2.909, false, "", true, true});
}

TEST_CASE("Blackwell: FP4 decides") {
  // 3,500 x 8 = 28,000 = 7,000 x 4; / 1,600 = 17.5. 28,000 >= 21,000: stays presumed denied.
  check({"B100", chip({{kBf16, 1750}, {kFp8, 3500}, {kFp4, 7000}}, 1600, 8000, 1800), 28000, 17.5, true, "3A090.a",
         true, false});
  // 9,000 x 4 = 36,000; / 1,600 = 22.5.
  check({"B200", of_catalogue("b200"), 36000, 22.5, true, "3A090.a", true, false});
  // 10,000 x 4 = 40,000; / 1,600 = 25.
  check({"GB200", of_catalogue("gb200"), 40000, 25, true, "3A090.a", true, false});
  // 14,000 x 4 = 56,000; / 1,600 = 35. 15,000 x 4 = 60,000; / 1,600 = 37.5.
  check({"B300", of_catalogue("b300"), 56000, 35, true, "3A090.a", true, false});
  check({"GB300", of_catalogue("gb300"), 60000, 37.5, true, "3A090.a", true, false});
  // Rumour: one die of B300 with half of 15,000: 7,500 x 4 = 30,000; / 800 = 37.5.
  check({"B30A", chip({{kBf16, 1125}, {kFp4, 7500}}, 800, 4000, 1800), 30000, 37.5, true, "3A090.a", true, false});
  // 936 x 8 = 7,488, 1,871 x 4 = 7,484; / 750 = 9.98. No NVLink: 128 GB/s over PCIe 5. 1,792 GB/s >= 1,400.
  check({"RTX PRO 6000", chip({{kBf16, 468}, {kFp8, 936}, {kFp4, 1871}}, 750, 1792, 128), 7488, 9.984, false, "3A090.a",
         true, true});
}

TEST_CASE("AMD, Huawei, Google") {
  // 383 x 16 = 6,128; / (2 x 724 = 1,448) = 4.232. Eight links of 100 GB/s.
  check({"MI250X", chip({{kBf16, 383}}, 1448, 3280, 800), 6128, 4.232, true, "3A090.a", true, true});
  // 2,614.9 x 8 = 20,919; / 2,400 = 8.716. 20,919 < 21,000; 5,300 and 6,000 < 6,500.
  check({"MI300X", chip({{kBf16, 1307}, {kFp8, 2614.9}}, 2400, 5300, 896), 20919, 8.716, true, "3A090.a", true, true});
  check({"MI325X", chip({{kBf16, 1307}, {kFp8, 2614.9}}, 2400, 6000, 896), 20919, 8.716, true, "3A090.a", true, true});
  // 10,066 x 6 = 60,396.
  check({"MI355X", chip({{kBf16, 2517}, {kFp8, 5033}, {Format::fp6, 10066}, {kFp4, 10066}}, 0, 8000, 1071), 60396, 0,
         true, "3A090.a", true, false});
  // If they were exports: 320 x 16 = 5,120, 640 x 8 = 5,120; / 665.6 = 7.69. 780 x 16 = 12,480; / 1,332 = 9.37.
  CHECK(finding(chip({{kFp16, 320}, {Format::int8, 640}}, 665.6, 1600, 392), "us_2023_10").class_name == "3A090.a");
  CHECK(finding(chip({{kBf16, 780}}, 1332, 3200, 784), "us_2023_10").class_name == "3A090.a");
  // 459 x 16 = 7,344 = 918 x 8; 1,836 x 8 = 14,688: class a by TPP alone. 2,765 and 1,640 GB/s >= 1,400.
  const Gpu v5p = chip({{kBf16, 459}, {Format::int8, 918}}, 0, 2765, 600);
  const Gpu v6e = chip({{kBf16, 918}, {Format::int8, 1836}}, 0, 1640, 448);
  CHECK(chip_figures(v5p).tpp == near(7344));
  CHECK(chip_figures(v6e).tpp == near(14688));
  CHECK(finding(v5p, "us_2023_10").class_name == "3A090.a");
  CHECK(finding(v6e, "us_2025_04").own_class == "bandwidth letter");
}

TEST_CASE("treatments: strictest of letter and class; relaxed case by case only for what is controlled") {
  CHECK(finding(of_catalogue("h20"), "us_2023_10").treatment == Treatment::uncontrolled);
  CHECK(finding(of_catalogue("h20"), "us_2025_04").treatment == Treatment::licence);
  CHECK(finding(of_catalogue("h100_sxm"), "us_2025_04").treatment == Treatment::denial);  // class a stays
  CHECK(finding(of_catalogue("h100_sxm"), "us_2026_01").treatment == Treatment::case_by_case);
  CHECK(finding(of_catalogue("b200"), "us_2026_01").treatment == Treatment::denial);
  // 150 x 16 = 2,400 over 814 mm2 = 2.95: class b by its first line; without an area no density is known.
  CHECK(finding(chip({{kBf16, 150}}, 814, 1000, 200), "us_2023_10").treatment == Treatment::notice);
  CHECK(finding(chip({{kBf16, 150}}, 0, 1000, 200), "us_2023_10").treatment == Treatment::uncontrolled);
  // 294 x 16 = 4,704 / 609 mm2 = 7.7: class a in a data centre; a part for gamers stays out below 4,800.
  Gpu gaming = chip({{kBf16, 294}}, 609, 1008, 64);
  CHECK(finding(gaming, "us_2023_10").class_name == "3A090.a");
  gaming.data_centre = false;
  CHECK(finding(gaming, "us_2023_10").treatment == Treatment::uncontrolled);
  CHECK(may_be_sold(Treatment::notice));
  CHECK_FALSE(may_be_sold(Treatment::case_by_case));
}

TEST_CASE("the duty of January 2026: H200 and MI325X lie in its bands, H100 does not") {
  // 15,831 in 14,000..17,500 and 4,800 GB/s in 4,500..5,000; 20,919 in 20,800..21,100 and 6,000 in 5,800..6,200.
  CHECK(finding(of_catalogue("h200_sxm"), "us_2026_01").duty_share == 0.25);
  CHECK(finding(chip({{kFp8, 2614.9}}, 2400, 6000, 896), "us_2026_01").duty_share == 0.25);
  CHECK(finding(of_catalogue("h100_sxm"), "us_2026_01").duty_share == 0);  // 3,350 GB/s
}

TEST_CASE("dates: a month is compared as a month, a rescinded rule is no longer in force") {
  const std::vector<ExportRule> all = rules();
  CHECK(all.size() == 5);
  CHECK(is_date("2023-03"));
  CHECK(is_date("2023-03-21"));
  CHECK_FALSE(is_date("2023"));
  CHECK_FALSE(is_date("2023-13"));
  CHECK_FALSE(is_date("03/2023"));
  CHECK(is_before("2022-09", "2022-10-07"));
  CHECK_FALSE(is_before("2022-10", "2022-10-07"));
  CHECK(is_before("2022-10-06", "2022-10-07"));
  CHECK(rule_in_force(all, "2022-08") == nullptr);
  CHECK(rule_in_force(all, "2023-03")->id == "us_2022_10");
  CHECK(rule_in_force(all, "2023-10-17")->id == "us_2023_10");
  CHECK(rule_in_force(all, "2025-02")->id == "us_2025_01");
  CHECK(rule_in_force(all, "2025-04-09")->id == "us_2025_04");
  CHECK(rule_in_force(all, "2026-08")->id == "us_2026_01");
}

TEST_CASE("49,900 H100 are the quota of a tier-2 country") {
  // 790e6 / 15,831 = 49,902.
  CHECK(790e6 / chip_figures(of_catalogue("h100_sxm")).tpp == near(49902, 1e-4));
}

TEST_CASE("a hypothetical chip is cut down to its caps") {
  Diagnostics diagnostics;
  const auto gpu =
      read_gpu_with("h100_sxm", {"caps.tpp=4799", "caps.nvlink_total=400 GB/s", "caps.memory_bandwidth=1399 GB/s"},
                    kRoot, diagnostics);
  REQUIRE_MESSAGE(gpu.has_value(), text(diagnostics));
  const ChipFigures figures = chip_figures(*gpu);
  CHECK(figures.tpp == near(4799));
  CHECK(gpu->peak(Format::bf16).value() == near(989.4e12 * 4799 / 15831.2));  // every rate by the same factor
  CHECK(gpu->nvlink_per_direction.value() == 200e9);                          // half of the total
  CHECK(figures.memory_bandwidth == 1399e9);
  CHECK(figures.io_bidirectional == near(526e9));  // 400 + 2 x 63
  // TPP below 4,800, but 4,799 / 814 = 5.896 < 5.92 and >= 3.2: class b by its density, free after notice.
  CHECK(finding(*gpu, "us_2022_10").treatment == Treatment::uncontrolled);
  CHECK(finding(*gpu, "us_2023_10").class_name == "3A090.b");
  // 1,399 < 1,400 and 526 < 1,100, but together 1,925 >= 1,700.
  CHECK(finding(*gpu, "us_2025_04").because == "memory and I/O 1925 GB/s >= 1700 GB/s");
}

TEST_CASE("mistakes in a hypothetical chip come out with their place") {
  Diagnostics diagnostics;
  CHECK_FALSE(read_gpu_with("h100_sxm", {"caps.tpps=4799"}, kRoot, diagnostics).has_value());
  CHECK(text(diagnostics) ==
        "--set: error: unknown key 'tpps' in 'caps'\n  | caps.tpps=4799\n  |      ^\n  = did you mean 'tpp'?\n");
}
