// Every file of the reference traces reads, or is refused with its reason; the figures are those of the reference pages
// and of counting the events of the files themselves.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

#include "calibrate/trace_command.hpp"
#include "calibrate/trace_file.hpp"
#include "calibrate/trace_sqlite.hpp"
#include "calibrate/trace_summary.hpp"
#include "shared.hpp"

using namespace gpuhours;

namespace {

struct Expected {
  const char* file;
  std::size_t activities;  ///< events of kernel, gpu_memcpy and gpu_memset; 0: refused
  const char* device;      ///< or the reason
};

constexpr Expected kFiles[] = {
    {"cpu_only_rank-34.Jul_15_10_52_41.1074.pt.trace.json.gz", 0,
     "no GPU activity among 30 events: nothing to calibrate from"},
    {"critical_path_cuda_event_sync_multi_stream_event_sync_trace.json.gz", 6, "NVIDIA A100-PG509-200"},
    {"deepseek_v3_h800_train_trace.json", 983, "NVIDIA H800"},
    {"execution_trace_benchmark_simple_add_trace.json.gz", 4, "NVIDIA A100-PG509-200"},
    {"h100__Qwen_Qwen1.5-0.5B-Chat__1016005.json.gz", 1465 + 241 + 1, "NVIDIA H100 80GB HBM3"},
    {"h100__gaunernst_bert-small-uncased__1016001.json.gz", 61, "NVIDIA H100 80GB HBM3"},
    {"h100_cupti_llama2-7b-8l_s4096_b2.json.gz", 1073 + 18 + 214, "NVIDIA H100 80GB HBM3"},
    {"h100_cupti_llama3-8b-4l_s4096.json.gz", 739, "NVIDIA H100 80GB HBM3"},
    {"h100_cupti_mixtral-8x7b-2l_s4096_b2.json.gz", 814, "NVIDIA H100 80GB HBM3"},
    {"h100_cupti_qwen3-30b-a3b-4l_s4096.json.gz", 1209 + 44 + 133, "NVIDIA H100 80GB HBM3"},
    {"nccl_parser_config_nccl_data.json.gz", 2700 + 114 + 960, "NVIDIA A100-PG509-200"},
    {"negative_queue_length_values_check_rank0.json.gz", 6080 + 1390 + 277, "NVIDIA A100-SXM4-80GB"},
    {"ns_resolution_trace_rank-0.Apr_03_18_51_38.1102.pt.trace.json.gz", 4350 + 1600 + 145, "Tesla V100-SXM2-32GB"},
    {"nsys_tui_mock.sqlite", 3, "NVIDIA GeForce RTX 3080"},
    {"torch_compile_triton__trace.json.gz", 12, "AMD Instinct MI300X"},
    {"trace_diff_control_control.json.gz", 8568 + 228 + 654, "NVIDIA A100-PG509-200"},
    {"triton_example_triton_example.json.gz", 1, "NVIDIA A100-PG509-200"},
};

KernelClasses shipped() {
  Diagnostics problems;
  return KernelClasses::from_file(test::repository_path("calibration/kernel_classes.yaml"), problems);
}

}  // namespace

TEST_CASE("every reference trace reads or is refused with its reason") {
  if (test::shared_path("traces").empty()) return;
  std::set<std::string> told;
  for (const Expected& expected : kFiles) {
    CAPTURE(expected.file);
    told.insert(expected.file);
    Diagnostics problems;
    const std::string path = test::shared_path(std::string("traces/") + expected.file);
    REQUIRE_FALSE(path.empty());
    const auto trace = read_trace(path, problems);
    if (expected.activities == 0) {
      CHECK_FALSE(trace);
      CHECK(text(problems) == path + ": error: " + expected.device + "\n");
      continue;
    }
    CHECK(text(problems) == "");
    REQUIRE(trace);
    CHECK(trace->activities.size() == expected.activities);
    const TraceSummary summary = trace_summary(*trace, shipped());
    CHECK(summary.device == expected.device);
    const double parts = summary.compute_us + summary.communication_us + summary.both_us + summary.idle_us;
    CHECK(parts == doctest::Approx(summary.span_us).epsilon(1e-9));
  }
  for (const auto& entry : std::filesystem::directory_iterator(test::shared_path("traces"))) {
    const std::string name = entry.path().filename().string();
    if (name == "README.md") continue;
    CAPTURE(name);
    CHECK(told.contains(name));
  }
}

TEST_CASE("DeepSeek's trace adds up to the figures of its analysis") {
  const std::string path = test::shared_path("traces/deepseek_v3_h800_train_trace.json");
  if (path.empty()) return;
  Diagnostics problems;
  const auto trace = read_trace(path, problems);
  REQUIRE(trace);
  const TraceSummary summary = trace_summary(*trace, shipped());
  CHECK(summary.owned == 983);  // 983 of 983 activities have an owner
  CHECK(summary.span_us == doctest::Approx(129'012).epsilon(1e-4));
  REQUIRE(summary.streams.size() == 3);
  CHECK(summary.streams[0].id == 7);
  CHECK(summary.streams[0].kernels == 927);
  CHECK(summary.streams[0].busy_us == doctest::Approx(118'190).epsilon(1e-4));
  CHECK(summary.streams[1].kernels == 16);
  CHECK(summary.streams[1].busy_us == doctest::Approx(11'360).epsilon(1e-3));
  CHECK(summary.streams[2].kernels == 40);
  CHECK(summary.streams[2].busy_us == doctest::Approx(114'520).epsilon(1e-4));
  const auto of = [&](const std::string& name) {
    return *std::find_if(summary.classes.begin(), summary.classes.end(),
                         [&](const ClassUse& use) { return use.kernel_class == name; });
  };
  // Per layer: 16 + 7 dense FP8, 8 expert wgrads, 3 BF16; 4 grouped; 4 layers.
  CHECK(of("gemm").count == 4 * (16 + 7 + 8 + 3));
  CHECK(of("grouped_gemm").count == 4 * 4);
  CHECK(of("attention").count == 4 * 2);
  CHECK(of("attention_aux").count == 4 * 2);
  CHECK(of("cast").count == 4 * 24);
  CHECK(of("activation").count == 4 * 6);       // 5 swiglu rows and the one that also casts and transposes
  CHECK(of("cast_transpose").count == 4 * 17);  // 18 rows less that one
  CHECK(of("transpose").count == 4 * 9);
  CHECK(of("permute").count == 4 * 4);
  CHECK(of("dispatch").count == 8);
  CHECK(of("combine").count == 8);
  CHECK(of("expert_wait").time_us == doctest::Approx(32'578));  // 32.6 ms waiting
  CHECK(of("rope").count == 4 * 6);
}

TEST_CASE("NCCL kernels carry the size of the call that launched them") {
  const std::string path = test::shared_path("traces/nccl_parser_config_nccl_data.json.gz");
  if (path.empty()) return;
  Diagnostics problems;
  const auto trace = read_trace(path, problems);
  REQUIRE(trace);
  const TraceSummary summary = trace_summary(*trace, shipped());
  const auto found = std::find_if(summary.collectives.begin(), summary.collectives.end(),
                                  [](const CollectiveUse& use) { return use.in_bytes == 2'049'000.0 * 4; });
  REQUIRE(found != summary.collectives.end());
  CHECK(found->name == "allreduce");
  CHECK(found->group_size == 2);
  CHECK(found->type == "Float");
}

TEST_CASE("older NCCL annotations give the size by their inputs") {
  const std::string path = test::shared_path("traces/negative_queue_length_values_check_rank0.json.gz");
  if (path.empty()) return;
  Diagnostics problems;
  const auto trace = read_trace(path, problems);
  REQUIRE(trace);
  const TraceSummary summary = trace_summary(*trace, shipped());
  const auto found = std::find_if(summary.collectives.begin(), summary.collectives.end(), [](const CollectiveUse& use) {
    return use.in_bytes == 65536.0 * 384 * 4;
  });  // [[65536, 384]] of float
  REQUIRE(found != summary.collectives.end());
  CHECK(found->name == "_reduce_scatter_base");
}

TEST_CASE("a database by hand: kernel, launch, range, device, and tables that are not there") {
  // tiny.sqlite: kernel 10-20 ns, correlation 3; its launch at 5 on global thread 2^24 + 1; range "step" 1-9 there.
  Diagnostics problems;
  const auto trace = read_trace(test::repository_path("tests/fuzz/seeds/sqlite/tiny.sqlite"), problems);
  CHECK(text(problems) == "");
  REQUIRE(trace);
  REQUIRE(trace->activities.size() == 1);
  const GpuActivity& kernel = trace->activities[0];
  CHECK(trace->name(kernel) == "nvjet_a");
  CHECK(kernel.duration_ns == 10);
  CHECK(kernel.stream == 7);
  CHECK(kernel.grid == std::array<std::int32_t, 3>{1, 0, 0});
  CHECK(trace->threads == std::vector<std::string>{"1/1"});
  REQUIRE(kernel.annotation == 0);
  CHECK(trace->names[trace->annotations[0].name] == "step");
  CHECK(trace->devices[0].name == "NVIDIA H100");
  CHECK(trace->problems == std::map<std::string, std::int64_t>{{"no table CUPTI_ACTIVITY_KIND_MEMCPY", 1},
                                                               {"no table CUPTI_ACTIVITY_KIND_MEMSET", 1}});
}

TEST_CASE("a cut gzip trace, a missing file and a folder are refused") {
  const std::string path = test::shared_path("traces/triton_example_triton_example.json.gz");
  if (path.empty()) return;
  std::ifstream whole(path, std::ios::binary);
  std::string bytes(1000, '\0');
  whole.read(bytes.data(), 1000);
  std::ofstream("trace_files_test_cut.gz", std::ios::binary) << bytes;
  Diagnostics problems;
  CHECK_FALSE(read_trace("trace_files_test_cut.gz", problems));
  std::remove("trace_files_test_cut.gz");
  REQUIRE(problems.errors() == 1);
  CHECK(problems.all()[0].message.rfind("gzip data are cut short or damaged after ", 0) == 0);
  Diagnostics others;
  CHECK_FALSE(read_trace("no/such/trace.json", others));
  CHECK_FALSE(read_trace(".", others));
  CHECK(text(others) ==
        "no/such/trace.json: error: cannot read: No such file or directory\n"
        ".: error: cannot read: Is a directory\n");
}

TEST_CASE("the command prints the summary or gives the reasons") {
  const std::string path = test::shared_path("traces/nsys_tui_mock.sqlite");
  if (path.empty()) return;
  Diagnostics problems;
  const auto json =
      trace_command(path, TraceFormat::json, problems, test::repository_path("calibration/kernel_classes.yaml"));
  REQUIRE(json);
  CHECK(json->find("\"device\": \"NVIDIA GeForce RTX 3080\"") != std::string::npos);
  // First start 1517727052 to last end 1540180111 ns.
  CHECK(json->find("\"span_us\": 22453.059") != std::string::npos);
  CHECK(json->find("no table CUPTI_ACTIVITY_KIND_MEMSET") != std::string::npos);
  CHECK(json->find("no table NVTX_EVENTS") != std::string::npos);
  CHECK_FALSE(trace_command("none.json", TraceFormat::table, problems));
}

TEST_CASE("a damaged database is refused") {
  Diagnostics problems;
  CHECK_FALSE(trace_from_sqlite_bytes("SQLite format 3\0 and then nothing of use", "d.sqlite", problems));
  CHECK(text(problems) == "d.sqlite: error: SQLite: file is not a database\n");
}
