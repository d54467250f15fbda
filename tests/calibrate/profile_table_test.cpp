// Measurements of gpuhours-profile as rows of the laws.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "calibrate/law_fits.hpp"
#include "calibrate/measurement_tables.hpp"
#include "scenario/catalogue.hpp"
#include "shared.hpp"

namespace gpuhours {

namespace {

const std::string kHeader =
    "id,gpu,uuid,sms,driver,toolkit,date,op,direction,dtype,m,n,k,groups,batch,heads,kv_heads,head_dim_qk,head_dim_v,"
    "seq,causal,rows,cols,elements,time_us,kernels,calls,bytes\n";
const std::string kDevice = ",NVIDIA H100 80GB HBM3,GPU-1,132,580,13.0,2026-11-22,";

Gpu h100() {
  Diagnostics diagnostics;
  const auto gpu = read_gpu("h100_sxm", test::repository_path(""), diagnostics);
  REQUIRE(gpu);
  return *gpu;
}

/// What a table of these rows gives; its messages in `errors`, the file called T.
MeasurementSet read_rows(const std::string& rows, std::string& errors) {
  const std::string path =
      (std::filesystem::temp_directory_path() / (std::to_string(getpid()) + "_profile.csv")).string();
  std::ofstream(path) << kHeader << rows;
  MeasurementSet set;
  Diagnostics diagnostics;
  read_measurements(path, h100(), set, diagnostics);
  std::filesystem::remove(path);
  errors = text(diagnostics);
  for (std::size_t at = errors.find(path); at != std::string::npos; at = errors.find(path)) {
    errors.replace(at, path.size(), "T");
  }
  return set;
}

}  // namespace

TEST_CASE("every row of the H100 measurements is read or passed over for a named reason") {
  Diagnostics diagnostics;
  MeasurementSet set;
  read_measurements(test::repository_path("tools/profile/measurements/h100_2026-11-22.csv"), h100(), set, diagnostics);
  INFO(text(diagnostics));
  CHECK(!diagnostics.has_errors());
  // 1,022 rows less 18 grouped GEMMs of uneven groups, 110 beside a copier, 8 launch gaps.
  CHECK(set.kernels.size() == 886);
  const auto count = [&](LawForm form) {
    return std::count_if(set.kernels.begin(), set.kernels.end(), [&](const Measurement& m) { return m.form == form; });
  };
  CHECK(count(LawForm::gemm) == 720 + 18);
  CHECK(count(LawForm::attention) == 42);
  CHECK(count(LawForm::memory) == 106);
  CHECK(set.interference.empty());
}

TEST_CASE("a wgrad adds into FP32 and a grouped GEMM is one launch a group") {
  std::string errors;
  const MeasurementSet set =
      read_rows("a" + kDevice + "gemm,wgrad,bf16,6144,4096,8192,,,,,,,,,,,,600,2,40,1\n" + "b" + kDevice +
                    "grouped_gemm,wgrad,fp8_block,4096,7168,32768,4,,,,,,,,8192|8192|8192|8192,,,2200,8,33,1\n" + "c" +
                    kDevice + "permute,fwd,bf16,,,8,,,,,,,,,4096,7168,,289,1,40,939524096\n",
                errors);
  CHECK(errors.empty());
  REQUIRE(set.kernels.size() == 3);
  const Measurement& dense = set.kernels[0];
  CHECK(dense.pass == "wgrad_accumulate");
  // Operands of 2 bytes, the result read and written in FP32: (6144 + 4096) x 8192 x 2 + 6144 x 4096 x 8.
  CHECK(dense.gemm.bytes == 369098752);
  CHECK(dense.run_seconds == doctest::Approx(40 * 600e-6));  // 40 calls back to back
  CHECK(dense.shape_family == "1x6144x4096");
  CHECK(dense.source == "gpuhours-profile 2026-11-22");
  CHECK(!dense.own_kernel);
  const Measurement& grouped = set.kernels[1];
  CHECK(grouped.kind == "dense");
  CHECK(grouped.kernels == 4);
  CHECK(grouped.gemm.k == 8192);
  CHECK(grouped.gemm.groups == 1);
  // A token's row read once and written for each of 8 experts: 4096 x 7168 x 2 x 9.
  CHECK(set.kernels[2].bytes == 528482304);
  CHECK(set.kernels[2].own_kernel);
}

TEST_CASE("mistakes in a profile's rows come out with their place") {
  std::string errors;
  read_rows("a" + kDevice + "gemm,fprop,bf16,8192,8192,8192,,,,,,,,,,,,0,1,40,1\n", errors);
  CHECK(errors ==
        // 85 characters to the third 8192 and its comma, 11 empty fields: the time stands at 97.
        "T:2:97: error: a time of 0 cannot be measured\n"
        "  | a,NVIDIA H100 80GB HBM3,GPU-1,132,580,13.0,2026-11-22,gemm,fprop,bf16,8192,8192,8192,,,,,,,,,,,,0,1,40,1\n"
        "  | " +
            std::string(96, ' ') + "^\n");
  // 2 x 8192^3 FLOP in 1.5 us.
  read_rows("a" + kDevice + "gemm,fprop,bf16,8192,8192,8192,,,,,,,,,,,,1.5,1,40,1\n", errors);
  CHECK(errors.find("error: implies 733,008 TFLOP/s, the bf16 peak is 989\n") != std::string::npos);
  read_rows("a" + kDevice + "conv,fwd,bf16,,,,,,,,,,,,8,8,,1,1,40,256\n", errors);
  CHECK(errors.find("error: no law for 'conv'\n") != std::string::npos);
  // A row that could not be measured has no time and is no mistake.
  CHECK(read_rows("a" + kDevice + "gemm,fprop,bf16,8192,8192,8192,,,,,,,,,,,,,,,\n", errors).kernels.empty());
  CHECK(errors.empty());
}

TEST_CASE("H100 laws leaving one source out: GEMM and attention within 20 %") {
  Diagnostics diagnostics;
  const auto file = read_calibration(test::repository_path("calibration/kernels/h100_sxm_cublas.yaml"), diagnostics);
  REQUIRE(file);
  int tested = 0;
  for (const FittedLaw& law : file->laws) {
    for (const CrossValidation& v : law.validation) {
      if (v.left_out != "source" || law.form == "memory") continue;
      CAPTURE(law.kind + " " + law.recipe + " " + law.passes.front());
      CHECK(v.mape <= 0.20);
      ++tested;
    }
  }
  // Dense BF16 fprop, dgrad, accumulating wgrad; FP8 tensor fprop, dgrad; FP8 block fprop; attention of three head
  // sizes.
  CHECK(tested == 6 + 6);
}

}  // namespace gpuhours
