#include "kernels/borrow.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace gpuhours {

namespace {

bool near_equal(double a, double b) { return std::abs(a - b) <= 0.005 * std::max(std::abs(a), std::abs(b)); }

bool is_same_die(const CalibrationFile& file, const Gpu& gpu) {
  const auto bf16 = file.peak.find("bf16");
  return file.generation == gpu.generation && file.sms == gpu.sms && bf16 != file.peak.end() &&
         near_equal(bf16->second, gpu.peak(Format::bf16).value());
}

int generations_apart(const std::string& a, const std::string& b) {
  constexpr std::string_view kOrder[] = {"ampere", "hopper", "blackwell"};
  const auto place = [&](const std::string& g) { return std::find(std::begin(kOrder), std::end(kOrder), g) - kOrder; };
  return std::max(1, static_cast<int>(std::abs(place(a) - place(b))));
}

/// Blackwell Ultra has more FP4 beside the same BF16.
bool is_same_design(const CalibrationFile& file, const Gpu& gpu) {
  const auto bf16 = file.peak.find("bf16");
  if (file.generation != gpu.generation || bf16 == file.peak.end()) return false;
  constexpr std::pair<const char*, Format> kFormats[] = {{"fp8", Format::fp8}, {"fp4", Format::fp4}};
  for (const auto& [key, format] : kFormats) {
    const auto it = file.peak.find(key);
    const double law_ratio = it == file.peak.end() ? 0 : it->second / bf16->second;
    const double ratio = gpu.peak(format).value() / gpu.peak(Format::bf16).value();
    if (std::abs(law_ratio - ratio) > 0.1 * ratio) return false;
  }
  return true;
}

/// The file's own GPU, not a hypothetical part of its name with other peaks.
bool is_own(const CalibrationFile& file, const Gpu& gpu) {
  return file.gpu == gpu.id && (file.peak.find("bf16") == file.peak.end() || is_same_die(file, gpu));
}

int file_cost(const CalibrationFile& file, const Gpu& gpu, const std::string& family, bool same_die, bool same_design) {
  const int other_family = file.family == family ? 0 : 3;
  if (is_own(file, gpu)) return other_family;
  if (same_die) return 2 + other_family;
  if (file.generation != gpu.generation) return 39 + generations_apart(file.generation, gpu.generation) + other_family;
  return (same_design ? 20 : 24) + other_family;
}

bool has_pass(const FittedLaw& law, std::string_view pass) {
  return std::find(law.passes.begin(), law.passes.end(), pass) != law.passes.end();
}

/// What it costs to use a law of `law_recipe` for `recipe`; related formats first.
int recipe_cost(Recipe recipe, std::string_view law_recipe) {
  if (name(recipe) == law_recipe) return 0;
  const auto eight_bit = [](std::string_view r) { return r.substr(0, 3) == "fp8" || r == "mxfp8"; };
  if (eight_bit(name(recipe)) && eight_bit(law_recipe)) return 10;
  const auto sixteen_bit = [](std::string_view r) { return r == "bf16" || r == "fp16"; };
  if (sixteen_bit(name(recipe)) && sixteen_bit(law_recipe)) return 4;
  if (recipe == Recipe::nvfp4 && eight_bit(law_recipe)) return 12;
  return law_recipe == "bf16" ? 13 : 14;
}

int pass_cost(GemmPass pass, const FittedLaw& law) {
  if (has_pass(law, name(pass))) return 0;
  if (pass == GemmPass::wgrad_accumulate && has_pass(law, "wgrad")) return 3;
  if (pass == GemmPass::wgrad && has_pass(law, "wgrad_accumulate")) return 3;
  if (pass == GemmPass::wgrad || pass == GemmPass::wgrad_accumulate) return has_pass(law, "dgrad") ? 6 : 7;
  return has_pass(law, "fprop") || has_pass(law, "dgrad") ? 6 : 9;
}

double value(const FittedLaw& law, const char* parameter) {
  const LawParameter* p = law.parameter(parameter);
  return p == nullptr ? 0 : p->value;
}

/// Peak of the law's GPU in the law's format, 0 when its file does not say.
double peak_of_law(const RankedFile& from, const std::string& law_recipe) {
  for (int r = 0; r < kRecipes; ++r) {
    if (name(static_cast<Recipe>(r)) != law_recipe) continue;
    const auto it = from.file.peak.find(std::string(peak_key(static_cast<Recipe>(r))));
    if (it != from.file.peak.end()) return it->second;
  }
  return 0;
}

/// Peak per SM of the law's GPU and format over that of `gpu` in `format`: how much longer the same tile takes.
double tile_scale(const RankedFile& from, const std::string& law_recipe, const Gpu& gpu, Format format) {
  const double law_peak = peak_of_law(from, law_recipe);
  double peak = gpu.peak(format).value();
  if (peak <= 0) peak = gpu.peak(Format::bf16).value();
  if (law_peak <= 0 || peak <= 0) return 1;
  return law_peak / from.file.sms / (peak / gpu.sms);
}

/// The rate at a power limit goes with this power of it, since a lower clock also needs a lower voltage: an H100 capped
/// at 500 W (pytorch/FBGEMM PR 2546) does long BF16 and FP8 products at 0.79 to 0.89 of the rate at 700 W, exponents
/// 0.35 to 0.7.
constexpr double kPowerExponent = 0.5;

/// What to multiply a law's `power` by: for a kernel at the peak of `gpu` over one at the law's peak, by their limits.
/// A law of another format keeps its need at peak: half the bits take about half the energy.
double power_scale(const RankedFile& from, const FittedLaw& law, const Gpu& gpu, std::string_view recipe,
                   Format format) {
  if (from.file.tdp <= 0 || gpu.tdp.value() <= 0 || from.file.gpu == gpu.id) return 1;
  if (from.file.generation != gpu.generation) return 1;  // a FLOP's energy is another too
  const bool other_format = law.recipe != recipe || gpu.peak(format).value() <= 0;
  const double peak = gpu.peak(other_format ? Format::bf16 : format).value();
  const double law_peak = peak_of_law(from, other_format ? "bf16" : law.recipe);
  if (peak <= 0 || law_peak <= 0) return 1;
  return peak / law_peak * std::pow(from.file.tdp / gpu.tdp.value(), kPowerExponent);
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

}  // namespace

Provenance best_provenance(int cost, bool assumed) {
  if (assumed || cost >= 6) return Provenance::guessed;
  return cost == 0 ? Provenance::measured : Provenance::interpolated;
}

double error_for_cost(int cost) {
  if (cost == 0) return 0;
  if (cost <= 3) return 0.03;
  if (cost <= 5) return 0.05;
  if (cost < 10) return 0.08;
  return cost < 40 ? 0.12 : 0.20;
}

std::vector<RankedFile> ranked_files(const Gpu& gpu, const std::string& family, const std::string& directory,
                                     Diagnostics& diagnostics) {
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".yaml" && it->is_regular_file()) paths.push_back(it->path().string());
  }
  if (error) diagnostics.error({directory, 0, 0, {}}, "cannot read the calibration directory: " + error.message());
  std::sort(paths.begin(), paths.end());
  std::vector<RankedFile> files;
  for (const bool own_generation : {true, false}) {
    if (!own_generation && serve_all(files)) break;
    for (const std::string& path : paths) {
      const FileHead head = file_head(path);
      if (!head.kernel_laws || (head.generation == gpu.generation) != own_generation) continue;
      auto file = read_calibration(path, diagnostics, CalibrationPart::laws);
      if (!file) continue;
      RankedFile ranked;
      ranked.same_die = is_own(*file, gpu) || is_same_die(*file, gpu);
      ranked.same_design = is_own(*file, gpu) || is_same_design(*file, gpu);
      ranked.cost = file_cost(*file, gpu, family, ranked.same_die, ranked.same_design);
      ranked.file = std::move(*file);
      files.push_back(std::move(ranked));
    }
  }
  std::stable_sort(files.begin(), files.end(),
                   [](const RankedFile& a, const RankedFile& b) { return a.cost < b.cost; });
  return files;
}

namespace {

/// Whether both tell what a power limit does: fitted above half of the peak, under a limit that their files name.
bool tells_power(const RankedFile& file, const FittedLaw& law) { return file.file.tdp > 0 && value(law, "power") > 1; }

void add_bf16_laws(const std::vector<RankedFile>& files, GemmPass pass, FoundLaw& found) {
  if (found.law == nullptr || !tells_power(*found.from, *found.law)) return;
  const FoundLaw here = find_gemm(files, Recipe::bf16, false, pass);
  if (here.from == found.from || here.law->recipe != "bf16" || !tells_power(*here.from, *here.law)) return;
  if (here.from->file.generation != found.from->file.generation) return;
  for (const FittedLaw& law : found.from->file.laws) {
    if (law.form == "gemm" && law.recipe == "bf16" && law.kind != "grouped" && tells_power(*found.from, law) &&
        (found.bf16_beside == nullptr || pass_cost(pass, law) < pass_cost(pass, *found.bf16_beside))) {
      found.bf16_beside = &law;
    }
  }
  found.bf16_from = here.from;
  found.bf16_law = here.law;
}

}  // namespace

FoundLaw find_gemm(const std::vector<RankedFile>& files, Recipe recipe, bool grouped, GemmPass pass) {
  FoundLaw found;
  for (const RankedFile& ranked : files) {
    for (const FittedLaw& law : ranked.file.laws) {
      if (law.form != "gemm" || (!grouped && law.kind == "grouped")) continue;
      const int kind = grouped && law.kind == "dense" ? 3 : 0;  // "all" serves both
      const int cost = ranked.cost + kind + recipe_cost(recipe, law.recipe) + pass_cost(pass, law);
      if (cost < found.cost) found = {&ranked, &law, cost, error_for_cost(cost), nullptr, nullptr, nullptr};
    }
  }
  if (recipe != Recipe::bf16) add_bf16_laws(files, pass, found);
  return found;
}

FoundLaw find_attention(const std::vector<RankedFile>& files, bool backward, int qk_dim, int v_dim,
                        std::string_view kernel) {
  FoundLaw found;
  for (const RankedFile& ranked : files) {
    for (const FittedLaw& law : ranked.file.laws) {
      if (law.form != "attention" || law.kind != kernel || !has_pass(law, backward ? "backward" : "forward")) continue;
      const int apart = std::abs(law.qk_dim - qk_dim) + std::abs(law.v_dim - v_dim);
      // Blackwell Ultra also has twice the exponentials a clock.
      const int design = ranked.cost < 20 && !ranked.same_design ? 20 : 0;
      const int cost = ranked.cost + design + (apart == 0 ? 0 : std::min(6 + apart / 32, 15));
      if (cost < found.cost) found = {&ranked, &law, cost, error_for_cost(cost), nullptr, nullptr, nullptr};
    }
  }
  return found;
}

FoundLaw find_memory(const std::vector<RankedFile>& files, std::string_view law_name) {
  FoundLaw found;
  int detour = 0;
  for (std::string_view wanted = law_name; !wanted.empty(); wanted = stand_in(wanted), detour += 8) {
    for (const RankedFile& ranked : files) {
      for (const FittedLaw& law : ranked.file.laws) {
        if (law.form != "memory" || law.kind != wanted) continue;
        const int cost = ranked.cost + detour;
        if (cost < found.cost) found = {&ranked, &law, cost, error_for_cost(cost), nullptr, nullptr, nullptr};
      }
    }
  }
  return found;
}

GemmLaw gemm_law(const FoundLaw& found, const Gpu& gpu, Recipe recipe) {
  const FittedLaw& law = *found.law;
  // Dies alike in BF16 may differ in one format, as B200 and B300 in FP4.
  const bool same_peak = near_equal(peak_of_law(*found.from, law.recipe), gpu.peak(format_of(recipe)).value());
  const bool scaled = !found.from->same_die || law.recipe != name(recipe) || !same_peak;
  const double scale = (scaled ? tile_scale(*found.from, law.recipe, gpu, format_of(recipe)) : 1) / gpu.tensor_factor;
  GemmLaw out;
  out.k_step_area = value(law, "k_step_area") * scale;
  out.k_step_edge = value(law, "k_step_edge") * scale;
  out.tile_fixed = value(law, "tile_fixed") * scale;
  out.kernel_fixed = value(law, "kernel_fixed");
  out.partial = value(law, "partial");
  out.memory_share = value(law, "memory_share");
  out.power = value(law, "power") * power_scale(*found.from, law, gpu, name(recipe), format_of(recipe));
  if (found.bf16_beside != nullptr) {
    const double here =
        value(*found.bf16_law, "power") * power_scale(*found.bf16_from, *found.bf16_law, gpu, "bf16", Format::bf16);
    const double there =
        value(*found.bf16_beside, "power") * power_scale(*found.from, *found.bf16_beside, gpu, "bf16", Format::bf16);
    out.power *= here / there;
  }
  for (const auto& tile : law.tiles) {
    out.tile_m[out.tiles] = tile[0];
    out.tile_n[out.tiles] = tile[1];
    ++out.tiles;
  }
  return out;
}

AttentionLaw attention_law(const FoundLaw& found, const Gpu& gpu) {
  const FittedLaw& law = *found.law;
  const double scale =
      (found.from->same_die ? 1 : tile_scale(*found.from, law.recipe, gpu, Format::bf16)) / gpu.tensor_factor;
  AttentionLaw out;
  out.step_dim = value(law, "step_dim") * scale;
  out.step_fixed = value(law, "step_fixed") * scale;
  out.block_fixed = value(law, "block_fixed") * scale;
  out.kernel_fixed = value(law, "kernel_fixed");
  out.tail = value(law, "tail");
  out.extra_bytes = value(law, "extra_bytes");
  out.power = value(law, "power") * power_scale(*found.from, law, gpu, law.recipe, Format::bf16);
  return out;
}

}  // namespace gpuhours
