#include "kernels/calibration_file.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "kernels/borrow.hpp"
#include "kernels/kernel_laws.hpp"
#include "near.hpp"
#include "scenario/enum_names.hpp"

namespace gpuhours {

namespace {

/// A folder of its own that is removed at the end.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("gpuhours_laws_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string path() const { return path_.string(); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

/// Lines 1 to 8 of a file; laws follow from line 9.
std::string head(const std::string& gpu, const std::string& family, const std::string& generation = "hopper") {
  return "version: 1\ngpu: " + gpu + "\ngeneration: " + generation + "\nfamily: " + family +
         "\nsms: 132\nmemory_bandwidth_gbps: 3350\npeak_dense_tflops: {bf16: 1000, fp8: 2000}\nlaws:\n";
}

std::string gemm(const std::string& recipe, const std::string& passes, double step) {
  return "  - {form: gemm, kind: dense, recipe: " + recipe + ", passes: " + passes +
         ", tiles: [[128, 128]], parameters: {k_step_area: {value: " + std::to_string(step) +
         ", unit: ns}, memory_share: 0.9}, range: {m: [1024, 8192], n: [1024, 8192], k: [1024, 8192]}, "
         "relative_error: 0.04}\n";
}

const std::string kRest =
    "  - {form: attention, recipe: bf16, passes: [forward, backward], qk_dim: 128, v_dim: 128, parameters: {step_dim: "
    "{value: 5, unit: ns}}}\n"
    "  - {form: memory, kind: add, parameters: {memory_share: 0.9}}\n"
    "  - {form: memory, kind: small, parameters: {kernel_fixed: {value: 3, unit: us}, memory_share: 0.5}}\n";

Gpu hopper(const std::string& id) {
  Gpu gpu;
  gpu.id = id;
  gpu.generation = Generation::hopper;
  gpu.sms = 132;
  gpu.peak_dense = {{Format::bf16, FlopsPerSecond(1000e12)}, {Format::fp8, FlopsPerSecond(2000e12)}};
  gpu.memory_bandwidth = BytesPerSecond(3350e9);
  return gpu;
}

Operator product(std::int64_t side, Format format) {
  Operator op;
  op.kind = OperatorKind::gemm;
  op.format = format;
  op.scaling = format == Format::fp8 ? Scaling::block_128 : Scaling::none;
  op.gemm = {side, side, side, 1};
  return op;
}

KernelTime time_on(const Gpu& gpu, const std::string& family, const std::string& directory, const Operator& op) {
  Diagnostics diagnostics;
  const auto laws = kernel_laws(gpu, enum_value<KernelFamily>(family), directory, diagnostics);
  INFO(text(diagnostics));
  REQUIRE(laws != nullptr);
  return laws->time(op, {});
}

}  // namespace

TEST_CASE("mistakes of a calibration file come out together, each with its place") {
  const Folder folder;
  const std::string path = folder.write(
      "x.yaml", head("h800_sxm", "deepgemm") +
                    "  - form: gemm\n    kind: dense\n    recipe: bf16\n    pases: [fprop]\n    tiles: [[128, 128]]\n"
                    "    parameters: {k_step_area: {value: fast, unit: ns}, memory_share: 0.9}\n"
                    "  - form: gem\n");
  Diagnostics diagnostics;
  CHECK(!read_calibration(path, diagnostics));
  CHECK(text(diagnostics) ==
        path + ":12:5: error: unknown key 'pases'\n  |     pases: [fprop]\n  |     ^\n  = did you mean 'passes'?\n" +
            path +
            ":14:39: error: 'value' is not a number\n"
            "  |     parameters: {k_step_area: {value: fast, unit: ns}, memory_share: 0.9}\n"
            "  |                                       ^\n" +
            path +
            ":9:5: error: the law has no 'k_step_area' above 0\n"
            "  |   - form: gemm\n"
            "  |     ^\n" +
            path +
            ":15:11: error: unknown form 'gem'\n"
            "  |   - form: gem\n"
            "  |           ^\n"
            "  = gemm, attention and memory are known\n");
}

TEST_CASE("a missing file and a folder without laws are errors") {
  const Folder folder;
  Diagnostics diagnostics;
  CHECK(!read_calibration(folder.path() + "/none.yaml", diagnostics));
  CHECK(text(diagnostics) == folder.path() + "/none.yaml: error: cannot read the calibration file\n");
  Diagnostics empty;
  CHECK(kernel_laws(hopper("h100_sxm"), KernelFamily::cublas, folder.path(), empty) == nullptr);
  CHECK(text(empty) == folder.path() + ": error: no calibration file in this directory\n");
}

TEST_CASE("own law: measured inside the fitted range, interpolated outside with half as much error again") {
  const Folder folder;
  folder.write("h100_sxm_cublas.yaml", head("h100_sxm", "cublas") + gemm("bf16", "[fprop, dgrad, wgrad]", 5) + kRest);
  const KernelTime inside = time_on(hopper("h100_sxm"), "cublas", folder.path(), product(4096, Format::bf16));
  CHECK(inside.provenance == Provenance::measured);
  CHECK(inside.relative_error == gpuhours::test::near(0.04));
  // 32 x 32 = 1,024 tiles on 132 SMs: 8 waves of 5 ns x 4096 = 20.48 us.
  CHECK(inside.alone.value() == gpuhours::test::near(163.84e-6));
  const KernelTime outside = time_on(hopper("h100_sxm"), "cublas", folder.path(), product(16384, Format::bf16));
  CHECK(outside.provenance == Provenance::interpolated);
  CHECK(outside.relative_error == gpuhours::test::near(0.06));
}

TEST_CASE("the same die lends its law unchanged, another recipe by peak, another generation by peak per SM") {
  const Folder folder;
  folder.write("h100_sxm_cublas.yaml", head("h100_sxm", "cublas") + gemm("bf16", "[fprop, dgrad, wgrad]", 5) + kRest);
  const KernelTime lent = time_on(hopper("h800_sxm"), "deepgemm", folder.path(), product(4096, Format::bf16));
  CHECK(lent.alone.value() == gpuhours::test::near(163.84e-6));
  CHECK(lent.provenance == Provenance::interpolated);

  const KernelTime fp8 = time_on(hopper("h100_sxm"), "cublas", folder.path(), product(4096, Format::fp8));
  CHECK(fp8.alone.value() == gpuhours::test::near(81.92e-6));  // twice the peak
  CHECK(fp8.provenance == Provenance::guessed);

  Gpu half = hopper("small");
  half.generation = Generation::ampere;
  half.sms = 66;
  half.peak_dense = {{Format::bf16, FlopsPerSecond(250e12)}};  // half the rate an SM
  const KernelTime guessed = time_on(half, "cublas", folder.path(), product(4096, Format::bf16));
  // 1,024 tiles in 8 waves on 132 SMs as laid out, of 5 ns x 4096, at a quarter of the chip's peak.
  CHECK(guessed.alone.value() == gpuhours::test::near(655.36e-6));
  CHECK(guessed.provenance == Provenance::guessed);
  // Errors add in quadrature: 4 % of the fit and 20 % of another generation.
  CHECK(guessed.relative_error == gpuhours::test::near(0.20396).epsilon(1e-4));
}

TEST_CASE("own family before another, own GPU before another of its die") {
  const Folder folder;
  folder.write("h100_sxm_cublas.yaml", head("h100_sxm", "cublas") + gemm("bf16", "[fprop]", 5) + kRest);
  folder.write("h100_sxm_deepgemm.yaml", head("h100_sxm", "deepgemm") + gemm("bf16", "[fprop]", 7) + kRest);
  folder.write("h800_sxm_deepgemm.yaml", head("h800_sxm", "deepgemm") + gemm("bf16", "[fprop]", 9) + kRest);
  const Operator op = product(4096, Format::bf16);  // 8 waves x 4096 = 32,768 steps
  CHECK(time_on(hopper("h100_sxm"), "cublas", folder.path(), op).alone.value() == gpuhours::test::near(5 * 32768e-9));
  CHECK(time_on(hopper("h100_sxm"), "deepgemm", folder.path(), op).alone.value() == gpuhours::test::near(7 * 32768e-9));
  CHECK(time_on(hopper("h800_sxm"), "deepgemm", folder.path(), op).alone.value() == gpuhours::test::near(9 * 32768e-9));
  // H800 under cuBLAS: the same die's cublas file (2) before its own deepgemm file (3).
  CHECK(time_on(hopper("h800_sxm"), "cublas", folder.path(), op).alone.value() == gpuhours::test::near(5 * 32768e-9));
}

namespace {

/// A file of generation `blackwell` whose GPU has 100 SMs and BF16 at 1,000 TFLOP/s.
std::string design(const std::string& gpu, const std::string& tdp, const std::string& fp4, const std::string& laws) {
  return "version: 1\ngpu: " + gpu +
         "\ngeneration: blackwell\nfamily: cublas\nsms: 100\nmemory_bandwidth_gbps: 8000\ntdp_w: " + tdp +
         "\npeak_dense_tflops: {bf16: 1000, fp8: 2000, fp4: " + fp4 + "}\nlaws:\n" + laws + kRest;
}

std::string limited(const std::string& recipe, const std::string& power) {
  return "  - {form: gemm, kind: dense, recipe: " + recipe +
         ", passes: [fprop], tiles: [[128, 128]], parameters: {k_step_area: {value: 5, unit: ns}, memory_share: 0.9, "
         "power: " +
         power + "}}\n";
}

Gpu blackwell(double tdp, double bf16, double fp4) {
  Gpu gpu;
  gpu.id = "served";
  gpu.generation = Generation::blackwell;
  gpu.sms = 100;
  gpu.peak_dense = {{Format::bf16, FlopsPerSecond(bf16)},
                    {Format::fp8, FlopsPerSecond(2 * bf16)},
                    {Format::fp4, FlopsPerSecond(fp4)}};
  gpu.memory_bandwidth = BytesPerSecond(8e12);
  gpu.tdp = Watts(tdp);
  return gpu;
}

/// Power that a kernel at the peak of `gpu` needs, over a burst's budget.
double need_at_peak(const LawFiles& lent, const Gpu& gpu, Recipe recipe) {
  const FoundLaw found = find_gemm(lent.files, recipe, false, GemmPass::fprop);
  REQUIRE(found.law != nullptr);
  const ServedGemm served = gemm_law(found, gpu, lent.laid_out_sms, recipe);
  return served.law.power * gpu.peak(format_of(recipe)).value() / served.power_peak;
}

}  // namespace

TEST_CASE("a lent law needs more of a lower power limit, by its root, and of a higher peak") {
  const Folder folder;
  folder.write("a.yaml", design("a", "1000", "4000", limited("bf16", "2")));
  Diagnostics diagnostics;
  const Gpu gpu = blackwell(250, 2000e12, 8000e12);
  const LawFiles lent = law_files(gpu, KernelFamily::cublas, folder.path(), diagnostics);
  REQUIRE(lent.files.size() == 1);
  CHECK(lent.files.front().origin.cost == 20);
  // 2 at 1,000 TFLOP/s and 1,000 W: twice as much at twice the peak, and again for the root of a quarter of the power.
  CHECK(need_at_peak(lent, gpu, Recipe::bf16) == gpuhours::test::near(8));
}

TEST_CASE("FP8 of another design stands to BF16 as on that design") {
  const Folder folder;
  folder.write("a.yaml", design("a", "1000", "4000", limited("bf16", "3")));
  folder.write("b.yaml", design("b", "1000", "6000", limited("bf16", "1.5") + limited("fp8_tensor", "1.6")));
  Diagnostics diagnostics;
  const Gpu gpu = blackwell(1000, 1500e12, 6000e12);  // FP4 four times BF16, as a
  const LawFiles lent = law_files(gpu, KernelFamily::cublas, folder.path(), diagnostics);
  REQUIRE(lent.files.size() == 2);
  CHECK(lent.files[0].file.gpu == "a");
  CHECK(lent.files[1].origin.cost == 24);
  // Peaks are 1.5 times those of both files. BF16: 3 x 1.5. FP8: 1.6 x 1.5 as b's, x 3 / 1.5 for what a's BF16 says.
  CHECK(need_at_peak(lent, gpu, Recipe::bf16) == gpuhours::test::near(4.5));
  CHECK(need_at_peak(lent, gpu, Recipe::fp8_tensor) == gpuhours::test::near(4.8));
}

TEST_CASE("of two other generations the nearer one lends") {
  const Folder folder;
  const std::string laws = gemm("bf16", "[fprop]", 5) + kRest;
  folder.write("a.yaml", head("a", "cublas", "ampere") + laws);
  folder.write("h.yaml", head("h", "cublas", "hopper") + laws);
  Diagnostics diagnostics;
  const Gpu gpu = blackwell(1000, 2000e12, 8000e12);
  const auto files = law_files(gpu, KernelFamily::cublas, folder.path(), diagnostics).files;
  REQUIRE(files.size() == 2);
  CHECK(files[0].file.gpu == "h");
  CHECK(files[0].rank.cost == 40);
  CHECK(files[1].rank.cost == 42);  // Ada and Hopper lie between
}

}  // namespace gpuhours
