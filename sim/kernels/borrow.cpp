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

int file_cost(const CalibrationFile& file, const Gpu& gpu, const std::string& family, bool same_die) {
  const int other_family = file.family == family ? 0 : 3;
  if (file.gpu == gpu.id) return other_family;
  if (same_die) return 2 + other_family;
  return (file.generation == gpu.generation ? 20 : 40) + other_family;
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
  if (pass == GemmPass::wgrad_accumulate && has_pass(law, "wgrad")) return 2;
  if (pass == GemmPass::wgrad && has_pass(law, "wgrad_accumulate")) return 2;
  if (pass == GemmPass::wgrad || pass == GemmPass::wgrad_accumulate) return has_pass(law, "dgrad") ? 6 : 7;
  return has_pass(law, "fprop") || has_pass(law, "dgrad") ? 6 : 9;
}

double value(const FittedLaw& law, const char* parameter) {
  const LawParameter* p = law.parameter(parameter);
  return p == nullptr ? 0 : p->value;
}

/// Peak per SM of the law's GPU and format over that of `gpu` in `format`: how much longer the same tile takes.
double tile_scale(const RankedFile& from, const std::string& law_recipe, const Gpu& gpu, Format format) {
  double law_peak = 0;
  for (int r = 0; r < kRecipes; ++r) {
    if (name(static_cast<Recipe>(r)) != law_recipe) continue;
    const auto it = from.file.peak.find(std::string(peak_key(static_cast<Recipe>(r))));
    if (it != from.file.peak.end()) law_peak = it->second;
  }
  double peak = gpu.peak(format).value();
  if (peak <= 0) peak = gpu.peak(Format::bf16).value();
  if (law_peak <= 0 || peak <= 0) return 1;
  return law_peak / from.file.sms / (peak / gpu.sms);
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
      ranked.same_die = file->gpu == gpu.id || is_same_die(*file, gpu);
      ranked.cost = file_cost(*file, gpu, family, ranked.same_die);
      ranked.file = std::move(*file);
      files.push_back(std::move(ranked));
    }
  }
  std::stable_sort(files.begin(), files.end(),
                   [](const RankedFile& a, const RankedFile& b) { return a.cost < b.cost; });
  return files;
}

FoundLaw find_gemm(const std::vector<RankedFile>& files, Recipe recipe, bool grouped, GemmPass pass) {
  FoundLaw found;
  for (const RankedFile& ranked : files) {
    for (const FittedLaw& law : ranked.file.laws) {
      if (law.form != "gemm" || (!grouped && law.kind == "grouped")) continue;
      const int kind = grouped && law.kind == "dense" ? 2 : 0;  // "all" serves both
      const int cost = ranked.cost + kind + recipe_cost(recipe, law.recipe) + pass_cost(pass, law);
      if (cost < found.cost) found = {&ranked, &law, cost, error_for_cost(cost)};
    }
  }
  return found;
}

FoundLaw find_attention(const std::vector<RankedFile>& files, bool backward, int qk_dim, int v_dim,
                        std::string_view kernel) {
  FoundLaw found;
  for (const RankedFile& ranked : files) {
    for (const FittedLaw& law : ranked.file.laws) {
      if (law.form != "attention" || law.kind != kernel || !has_pass(law, backward ? "backward" : "forward")) continue;
      const int apart = std::abs(law.qk_dim - qk_dim) + std::abs(law.v_dim - v_dim);
      const int cost = ranked.cost + (apart == 0 ? 0 : std::min(6 + apart / 32, 15));
      if (cost < found.cost) found = {&ranked, &law, cost, error_for_cost(cost)};
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
        if (cost < found.cost) found = {&ranked, &law, cost, error_for_cost(cost)};
      }
    }
  }
  return found;
}

GemmLaw gemm_law(const FoundLaw& found, const Gpu& gpu, Recipe recipe) {
  const FittedLaw& law = *found.law;
  const bool scaled = !found.from->same_die || law.recipe != name(recipe);
  const double scale = (scaled ? tile_scale(*found.from, law.recipe, gpu, format_of(recipe)) : 1) / gpu.tensor_factor;
  GemmLaw out;
  out.k_step_area = value(law, "k_step_area") * scale;
  out.k_step_edge = value(law, "k_step_edge") * scale;
  out.tile_fixed = value(law, "tile_fixed") * scale;
  out.kernel_fixed = value(law, "kernel_fixed");
  out.partial = value(law, "partial");
  out.memory_share = value(law, "memory_share");
  out.power = value(law, "power");
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
  out.power = value(law, "power");
  return out;
}

}  // namespace gpuhours
