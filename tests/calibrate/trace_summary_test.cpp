#include "calibrate/trace_summary.hpp"

#include <doctest/doctest.h>

#include <random>

#include "calibrate/intervals.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

GpuActivity kernel(Trace& trace, const char* name, int stream, std::int64_t start, std::int64_t duration) {
  GpuActivity activity;
  activity.name = trace.names.id(name);
  activity.stream = stream;
  activity.start_ns = start;
  activity.duration_ns = duration;
  return activity;
}

KernelClasses shipped() {
  Diagnostics problems;
  KernelClasses classes = KernelClasses::from_file(test::repository_path("calibration/kernel_classes.yaml"), problems);
  CHECK(text(problems) == "");
  return classes;
}

}  // namespace

TEST_CASE("unions join touching intervals and drop empty ones") {
  CHECK(interval_union({{5, 7}, {1, 3}, {3, 4}, {9, 9}, {6, 8}}) == std::vector<Interval>{{1, 4}, {5, 8}});
  CHECK(intersection({{1, 4}, {5, 8}}, {{0, 2}, {3, 6}}) == std::vector<Interval>{{1, 2}, {3, 4}, {5, 6}});
  CHECK(length({{1, 4}, {5, 8}}) == 6);
}

TEST_CASE("unions and intersections agree with counting every moment") {
  std::mt19937 random(7);  // its bits are fixed by the standard; no distribution is used
  for (int round = 0; round < 500; ++round) {
    std::vector<Interval> a, b;
    bool in_a[40] = {}, in_b[40] = {};
    const auto draw = [&](std::vector<Interval>& list, bool* marks) {
      for (unsigned i = 0; i < random() % 6; ++i) {
        const auto begin = static_cast<std::int64_t>(random() % 40);
        const std::int64_t end = std::min<std::int64_t>(40, begin + static_cast<std::int64_t>(random() % 9));
        list.push_back({begin, end});
        for (std::int64_t t = begin; t < end; ++t) marks[t] = true;
      }
    };
    draw(a, in_a);
    draw(b, in_b);
    std::int64_t count_a = 0, count_both = 0;
    for (int t = 0; t < 40; ++t) {
      count_a += in_a[t];
      count_both += in_a[t] && in_b[t];
    }
    REQUIRE(length(interval_union(a)) == count_a);
    REQUIRE(length(intersection(interval_union(a), interval_union(b))) == count_both);
  }
}

TEST_CASE("busy, both and idle of a hand-made trace") {
  // us:        0    10    20    30    40    50
  // stream 1:  gemm 0-10,   gemm 20-30
  // stream 2:       gemm 5-15
  // stream 3:            all_reduce 12-25       all_reduce 45-50
  // compute union  [0,15] + [20,30] = 25; communication [12,25] + [45,50] = 18; both [12,15] + [20,25] = 8;
  // idle [30,45] = 15; span 50 = (25 - 8) + (18 - 8) + 8 + 15.
  Trace trace;
  trace.activities = {kernel(trace, "nvjet_a", 1, 0, 10'000), kernel(trace, "nvjet_a", 2, 5'000, 10'000),
                      kernel(trace, "ncclDevKernel_AllReduce_Sum_f32", 3, 12'000, 13'000),
                      kernel(trace, "nvjet_a", 1, 20'000, 10'000),
                      kernel(trace, "ncclDevKernel_AllReduce_Sum_f32", 3, 45'000, 5'000)};
  trace.collectives.push_back({trace.names.id("allreduce"), trace.names.id("BFloat16"), 0, 1000, 1000, 8});
  trace.activities[2].collective = 0;
  const TraceSummary summary = trace_summary(trace, shipped());
  CHECK(summary.span_us == doctest::Approx(50));
  CHECK(summary.compute_us == doctest::Approx(17));
  CHECK(summary.communication_us == doctest::Approx(10));
  CHECK(summary.both_us == doctest::Approx(8));
  CHECK(summary.idle_us == doctest::Approx(15));
  REQUIRE(summary.streams.size() == 3);
  CHECK(summary.streams[0].busy_us == doctest::Approx(20));
  CHECK(summary.streams[0].kernels == 2);
  REQUIRE(summary.classes.size() == 2);
  CHECK(summary.classes[0].kernel_class == "gemm");
  CHECK(summary.classes[0].time_us == doctest::Approx(30));
  CHECK(summary.classes[1].side == "communication");
  REQUIRE(summary.collectives.size() == 2);
  CHECK(summary.collectives[0].name == "allreduce");
  CHECK(summary.collectives[0].in_bytes == 2000);  // 1000 elements of 2 bytes
  CHECK(summary.collectives[0].group_size == 8);
  CHECK(summary.collectives[1].in_bytes == -1);
}

TEST_CASE("the written summaries") {
  Trace trace;
  trace.file = "t.json";
  trace.format = "kineto json";
  trace.devices.push_back({0, "NVIDIA H100", 9, 0, 132, 0});
  trace.activities = {kernel(trace, "nvjet_a", 7, 0, 1'500)};
  const TraceSummary summary = trace_summary(trace, shipped());
  CHECK(summary_text(summary) ==
        "t.json: kineto json\n"
        "device       NVIDIA H100\n"
        "events       0, of them on the GPU 1, with an annotation 0\n"
        "span         1.5 us\n"
        "  compute                   1.5 us  100.0 %\n"
        "  communication             0.0 us    0.0 %\n"
        "  both                      0.0 us    0.0 %\n"
        "  idle                      0.0 us    0.0 %\n"
        "\n"
        "stream            busy us           kernels\n"
        "  0:7                 1.5  100.0 %        1\n"
        "\n"
        "class                    count        time us    share\n"
        "  gemm                       1            1.5  100.0 %\n");
  CHECK(summary_csv(summary) == "class,side,count,time_us\ngemm,compute,1,1.5\n");
  const std::string json = summary_json(summary);
  for (const char* part : {"\"device\": \"NVIDIA H100\"", "\"span_us\": 1.5", "\"id\": 7", "\"busy_us\": 1.5",
                           "\"class\": \"gemm\"", "\"time_us\": 1.5", "\"collectives\": []", "\"problems\": []"})
    CHECK(json.find(part) != std::string::npos);
}

TEST_CASE("names are cut before the parameter list, and order decides between rules") {
  CHECK(function_name("void f<(int)4, g(int)>(int, h(float))") == "void f<(int)4, g(int)>");
  CHECK(function_name("void at::(anonymous namespace)::k<a>(b)") == "void at::(anonymous namespace)::k<a>");
  CHECK(function_name("nvjet_sm90") == "nvjet_sm90");
  CHECK(function_name("k(") == "k(");
  CHECK(function_name(")") == ")");
  const KernelClasses classes = shipped();
  CHECK(classes.rule("void m_grouped_fp8_ptp128c(int)").kernel_class == "grouped_gemm");
  CHECK(classes.rule("void fp8_ptp128c(int)").kernel_class == "gemm");
  CHECK(classes.rule("void flash::FlashAttnBwdPreprocess<>(int)").kernel_class == "attention_aux");
  CHECK(classes.rule("void flash::FlashAttnBwd<>(int)").kernel_class == "attention");
  CHECK(classes.rule("f(nvjet_)").kernel_class == "other");  // a parameter type does not make the class
}

TEST_CASE("mistakes in a rule file come out in one run with their places") {
  Diagnostics problems;
  KernelClasses::from_text("rules:\n  - {class: a, contain: x}\n  - {contains: y, side: left, rows: {grid: w}}\n",
                           "k.yaml", problems);
  CHECK(text(problems) ==
        "k.yaml:2:16: error: unknown key 'contain'\n"
        "  = did you mean 'contains'?\n"
        "k.yaml:2:5: error: a rule without 'contains' or 'contains_any'\n"
        "k.yaml:3:25: error: side 'left' is neither compute nor communication\n"
        "k.yaml:3:44: error: grid 'w' is not made of x, y and z\n"
        "k.yaml:3:5: error: a rule without 'class'\n");
}
