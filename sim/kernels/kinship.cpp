#include "kernels/kinship.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <tuple>

#include "kernels/borrow.hpp"
#include "kernels/recipe.hpp"

namespace gpuhours {

namespace {

/// What is known of a generation besides its laws.
struct GenerationFacts {
  std::string_view name;
  std::string_view first;      ///< id of the part that stands for those without laws of their own
  double energy_per_flop = 0;  ///< J, power limit over dense 16-bit peak
};

/// In the order of the enum. V100 SXM2 300 W, 125 TFLOP/s; Quadro RTX 8000 260 W, 130.5; A100 SXM 400 W, 312; L40S
/// 350 W, 362; H100 SXM 700 W, 989.4; B200 1,000 W, 2,250 (NVIDIA data sheets).
constexpr std::array<GenerationFacts, 7> kGenerations = {{{"volta", "", 300 / 125e12},
                                                          {"turing", "", 260 / 130.5e12},
                                                          {"ampere", "a100_sxm_80", 400 / 312e12},
                                                          {"ada", "", 350 / 362e12},
                                                          {"hopper", "h100_sxm", 700 / 989.4e12},
                                                          {"blackwell", "b200", 1000 / 2250e12},
                                                          {"other", "", 0}}};

/// Place in the row of generations. A part of none of them is served as Hopper, whose laws are the fullest.
int place_of(std::string_view generation) {
  const auto it = std::find_if(kGenerations.begin(), kGenerations.end(),
                               [&](const GenerationFacts& one) { return one.name == generation; });
  const bool known = it != kGenerations.end() && it->name != name(Generation::other);
  return known ? static_cast<int>(it - kGenerations.begin()) : static_cast<int>(Generation::hopper);
}

int generations_apart(std::string_view a, std::string_view b) {
  return a == b ? 0 : std::max(1, std::abs(place_of(a) - place_of(b)));
}

bool stands_for_generation(const CalibrationFile& file) {
  return kGenerations[static_cast<std::size_t>(place_of(file.generation))].first == file.gpu;
}

/// The figures that tell chips apart.
struct Chip {
  std::string id;  ///< empty: laws are lent to it, none is its own
  std::string generation;
  int sms = 0;
  double tdp = 0;
  double bf16 = 0, fp8 = 0, fp4 = 0;
};

Chip chip_of(const Gpu& gpu) {
  return {gpu.id,
          std::string(name(gpu.generation)),
          gpu.sms,
          gpu.tdp.value(),
          gpu.peak(Format::bf16).value(),
          gpu.peak(Format::fp8).value(),
          gpu.peak(Format::fp4).value()};
}

double peak_of(const CalibrationFile& file, const char* key) {
  const auto it = file.peak.find(key);
  return it == file.peak.end() ? 0 : it->second;
}

Chip chip_of(const CalibrationFile& file) {
  return {
      file.gpu, file.generation, file.sms, file.tdp, peak_of(file, "bf16"), peak_of(file, "fp8"), peak_of(file, "fp4")};
}

bool is_same_chip(const Chip& lender, const Chip& chip) {
  return lender.generation == chip.generation && lender.sms == chip.sms && lender.bf16 > 0 &&
         near_equal(lender.bf16, chip.bf16);
}

/// Blackwell Ultra has more FP4 beside the same BF16.
bool is_same_design(const Chip& lender, const Chip& chip) {
  if (lender.generation != chip.generation || lender.bf16 <= 0 || chip.bf16 <= 0) return false;
  const auto alike = [&](double of_lender, double of_chip) {
    return std::abs(of_lender / lender.bf16 - of_chip / chip.bf16) <= 0.1 * of_chip / chip.bf16;
  };
  return alike(lender.fp8, chip.fp8) && alike(lender.fp4, chip.fp4);
}

Distance distance(const Chip& lender, const Chip& chip, bool same_family) {
  Distance out;
  const bool own = lender.id == chip.id && (lender.bf16 <= 0 || is_same_chip(lender, chip));
  out.same_chip = own || is_same_chip(lender, chip);
  out.same_design = own || is_same_design(lender, chip);
  const bool same_limit = lender.tdp <= 0 || chip.tdp <= 0 || near_equal(lender.tdp, chip.tdp);
  out.cost = same_family ? 0 : 3;
  if (own) {
    out.cost += same_limit ? 0 : 2;
  } else if (out.same_chip) {
    out.cost += 2;
  } else if (const int apart = generations_apart(lender.generation, chip.generation); apart > 0) {
    out.cost += 39 + apart;
  } else {
    out.cost += out.same_design ? 20 : 24;
  }
  return out;
}

/// Top-level texts of a file that say whom it serves, without reading all of it.
struct FileHead {
  std::string generation;
  bool kernel_laws = false;  ///< names a kernel family; other files of calibrations do not
};

FileHead file_head(const std::string& path) {
  FileHead head;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line) && line != "laws:";) {
    if (line.rfind("family:", 0) == 0) head.kernel_laws = true;
    if (line.rfind("generation: ", 0) == 0) head.generation = line.substr(12);
  }
  return head;
}

/// Whether these files have a law for every use, so that none of another generation is needed.
bool serve_all(const std::vector<RankedFile>& files) {
  if (files.empty()) return false;
  for (const std::string_view law : memory_law_names()) {
    if (find_memory(files, law).law == nullptr) return false;
  }
  return find_gemm(files, Recipe::bf16, false, GemmPass::fprop).law != nullptr &&
         find_attention(files, false, 128, 128).law != nullptr && find_attention(files, true, 128, 128).law != nullptr;
}

std::vector<std::string> paths_in(const std::string& directory, Diagnostics& diagnostics) {
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".yaml" && it->is_regular_file()) paths.push_back(it->path().string());
  }
  if (error) diagnostics.error({directory, 0, 0, {}}, "cannot read the calibration directory: " + error.message());
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// The file that says how the part was laid out: its own, else the one that stands for the nearest generation.
const CalibrationFile& layout_file(const std::vector<RankedFile>& files, const Gpu& gpu) {
  const auto order = [&](const RankedFile& one) {
    return std::tuple(one.file.gpu != gpu.id, generations_apart(one.file.generation, name(gpu.generation)),
                      !stands_for_generation(one.file));
  };
  return std::min_element(files.begin(), files.end(),
                          [&](const RankedFile& a, const RankedFile& b) { return order(a) < order(b); })
      ->file;
}

void rank(const Gpu& gpu, KernelFamily family, LawFiles& out) {
  const CalibrationFile& layout = layout_file(out.files, gpu);
  const bool own = layout.gpu == gpu.id;
  out.laid_out_sms = layout.sms;
  out.nominal_tdp = own && layout.tdp > 0 ? layout.tdp : gpu.tdp.value();
  const Chip figures = chip_of(gpu);
  Chip laid_out = chip_of(layout);
  if (!own) laid_out.id.clear();
  if (!own && generations_apart(layout.generation, figures.generation) > 0) laid_out.generation = figures.generation;
  for (RankedFile& one : out.files) {
    const bool same_family = one.file.family == name(family);
    one.rank = distance(chip_of(one.file), laid_out, same_family);
    one.origin = distance(chip_of(one.file), figures, same_family);
  }
  std::stable_sort(out.files.begin(), out.files.end(),
                   [](const RankedFile& a, const RankedFile& b) { return a.rank.cost < b.rank.cost; });
}

}  // namespace

bool near_equal(double a, double b) { return std::abs(a - b) <= 0.005 * std::max(std::abs(a), std::abs(b)); }

double energy_per_flop(Generation generation) {
  return kGenerations[static_cast<std::size_t>(generation)].energy_per_flop;
}

double energy_per_flop(const std::string& generation) {
  for (const GenerationFacts& one : kGenerations) {
    if (one.name == generation) return one.energy_per_flop;
  }
  return 0;
}

LawFiles law_files(const Gpu& gpu, KernelFamily family, const std::string& directory, Diagnostics& diagnostics) {
  LawFiles out;
  const std::vector<std::string> paths = paths_in(directory, diagnostics);
  for (const bool own_generation : {true, false}) {
    if (!own_generation && serve_all(out.files)) break;
    for (const std::string& path : paths) {
      const FileHead head = file_head(path);
      if (!head.kernel_laws || (head.generation == name(gpu.generation)) != own_generation) continue;
      auto file = read_calibration(path, diagnostics, CalibrationPart::laws);
      if (file) out.files.push_back({std::move(*file), {}, {}});
    }
  }
  if (!out.files.empty()) rank(gpu, family, out);
  return out;
}

}  // namespace gpuhours
