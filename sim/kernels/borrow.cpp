#include "kernels/borrow.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace gpuhours {

namespace {

bool has_pass(const FittedLaw& law, std::string_view pass) {
  return std::find(law.passes.begin(), law.passes.end(), pass) != law.passes.end();
}

/// What it costs to use a law of `law_recipe` for `recipe`; related formats first.
int recipe_cost(Recipe recipe, std::string_view law_recipe) {
  if (name(recipe) == law_recipe) return 0;
  const auto eight_bit = [](std::string_view r) {
    return r.substr(0, 3) == "fp8" || r == "mxfp8" || r == "fp6" || r == "int8";  // one rate, or nearly
  };
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
double peak_of_law(const CalibrationFile& file, const std::string& law_recipe) {
  for (int r = 0; r < kRecipes; ++r) {
    if (name(static_cast<Recipe>(r)) != law_recipe) continue;
    const auto it = file.peak.find(std::string(peak_key(static_cast<Recipe>(r))));
    if (it != file.peak.end()) return it->second;
  }
  return 0;
}

/// How much longer a tile takes: peaks of law over GPU, chip against chip, on an SM each of the chips as laid out.
double tile_scale(const FoundLaw& found, double peak, double laid_out_sms) {
  const double law_peak = peak_of_law(found.from->file, found.law->recipe);
  if (law_peak <= 0 || peak <= 0) return 1;
  return law_peak / peak * (laid_out_sms / found.from->file.sms);
}

/// The rate at a power limit goes with this power of it, since a lower clock also needs a lower voltage: an H100 capped
/// at 500 W (pytorch/FBGEMM PR 2546) does long BF16 and FP8 products at 0.79 to 0.89 of the rate at 700 W, exponents
/// 0.35 to 0.7.
constexpr double kPowerExponent = 0.5;

/// What to multiply a law's need of power by at the same rate: for the power limits, and for the energy of a FLOP where
/// the generation is another. 1 where a limit is not known.
double limit_scale(const CalibrationFile& file, const Gpu& gpu) {
  if (file.tdp <= 0 || gpu.tdp.value() <= 0) return 1;
  const double limits = std::pow(file.tdp / gpu.tdp.value(), kPowerExponent);
  if (file.generation == name(gpu.generation)) return limits;
  const double of_law = energy_per_flop(file.generation);
  const double of_gpu = energy_per_flop(gpu.generation);
  return of_law > 0 && of_gpu > 0 ? limits * (of_gpu / of_law) : limits;
}

/// Rate at which a law's `power` is needed in `format`: the peak of the law's GPU. A format that its file does not name
/// takes power by the bits of its operands; FP32 and FP64 are done by other units, which need at their peak what matrix
/// units do at theirs. So the need goes with the rate reached, and no figure of the GPU but its limit moves it.
double power_peak(const CalibrationFile& file, const Gpu& gpu, Format format) {
  if (format == Format::fp32 || format == Format::fp64) return gpu.peak(format).value();
  const bool eight_bit = format == Format::fp6 || format == Format::int8;
  const auto own = file.peak.find(std::string(name(eight_bit ? Format::fp8 : format)));
  if (own != file.peak.end()) return own->second;
  const auto bf16 = file.peak.find("bf16");
  if (bf16 == file.peak.end()) return gpu.peak(format).value();
  return bf16->second * 2 / bytes_per_element(eight_bit ? Format::fp8 : format);
}

/// Need at `power_peak` of the law's BF16 over that of the law that serves, on this GPU.
double bf16_ratio(const FoundLaw& found, const Gpu& gpu) {
  if (found.bf16_beside == nullptr) return 1;
  const auto need = [&](const RankedFile& from, const FittedLaw& law) {
    return value(law, "power") * limit_scale(from.file, gpu) / from.file.peak.at("bf16");
  };
  return need(*found.bf16_from, *found.bf16_law) / need(*found.from, *found.bf16_beside);
}

/// Whether both tell what a power limit does: fitted above half of the peak, under a limit that their files name.
bool tells_power(const RankedFile& file, const FittedLaw& law) {
  return file.file.tdp > 0 && value(law, "power") > 1 && file.file.peak.contains("bf16");
}

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

/// Laws without a power of their own (whole times of a trace) take that of the nearest law of their form and pass.
void add_power_within(const std::vector<RankedFile>& files, std::string_view pass, FoundLaw& found) {
  if (found.law == nullptr || value(*found.law, "power") > 0) return;
  for (const RankedFile& ranked : files) {
    for (const FittedLaw& law : ranked.file.laws) {
      const bool alike = law.form == found.law->form && law.kind != "flash2" && has_pass(law, pass);
      if (alike && value(law, "power") > 0) {
        found.power_within = value(law, "power");
        return;
      }
    }
  }
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

FoundLaw find_gemm(const std::vector<RankedFile>& files, Recipe recipe, bool grouped, GemmPass pass) {
  FoundLaw found;
  for (const RankedFile& ranked : files) {
    for (const FittedLaw& law : ranked.file.laws) {
      if (law.form != "gemm" || (!grouped && law.kind == "grouped")) continue;
      const int kind = grouped && law.kind == "dense" ? 3 : 0;  // "all" serves both
      const int detour = kind + recipe_cost(recipe, law.recipe) + pass_cost(pass, law);
      if (ranked.rank.cost + detour >= found.rank) continue;
      found.from = &ranked;
      found.law = &law;
      found.rank = ranked.rank.cost + detour;
      found.cost = ranked.origin.cost + detour;
    }
  }
  if (recipe != Recipe::bf16) add_bf16_laws(files, pass, found);
  add_power_within(files, name(pass), found);
  return found;
}

FoundLaw find_attention(const std::vector<RankedFile>& files, bool backward, int qk_dim, int v_dim,
                        std::string_view kernel) {
  FoundLaw found;
  const std::string_view pass = backward ? "backward" : "forward";
  // Blackwell Ultra also has twice the exponentials a clock.
  const auto design = [](const Distance& from) { return from.cost + (from.cost < 20 && !from.same_design ? 20 : 0); };
  for (const RankedFile& ranked : files) {
    for (const FittedLaw& law : ranked.file.laws) {
      if (law.form != "attention" || law.kind != kernel || !has_pass(law, pass)) continue;
      const int apart = std::abs(law.qk_dim - qk_dim) + std::abs(law.v_dim - v_dim);
      const int detour = apart == 0 ? 0 : std::min(6 + apart / 32, 15);
      if (design(ranked.rank) + detour >= found.rank) continue;
      found.from = &ranked;
      found.law = &law;
      found.rank = design(ranked.rank) + detour;
      found.cost = design(ranked.origin) + detour;
    }
  }
  add_power_within(files, pass, found);
  return found;
}

FoundLaw find_memory(const std::vector<RankedFile>& files, std::string_view law_name) {
  FoundLaw found;
  int detour = 0;
  for (std::string_view wanted = law_name; !wanted.empty(); wanted = stand_in(wanted), detour += 8) {
    for (const RankedFile& ranked : files) {
      if (ranked.rank.cost + detour >= found.rank) continue;
      for (const FittedLaw& law : ranked.file.laws) {
        if (law.form != "memory" || law.kind != wanted) continue;
        found.from = &ranked;
        found.law = &law;
        found.rank = ranked.rank.cost + detour;
        found.cost = ranked.origin.cost + detour;
        break;
      }
    }
  }
  return found;
}

ServedGemm gemm_law(const FoundLaw& found, const Gpu& gpu, double laid_out_sms, Recipe recipe) {
  const FittedLaw& law = *found.law;
  const Format runs = *matrix_format(gpu, format_of(recipe));
  const double scale = tile_scale(found, gpu.peak(runs).value(), laid_out_sms) / gpu.tensor_factor;
  ServedGemm out;
  out.law.k_step_area = value(law, "k_step_area") * scale;
  out.law.k_step_edge = value(law, "k_step_edge") * scale;
  out.law.tile_fixed = value(law, "tile_fixed") * scale;
  out.law.kernel_fixed = value(law, "kernel_fixed");
  out.law.partial = value(law, "partial");
  out.law.memory_share = value(law, "memory_share");
  const double limit = limit_scale(found.from->file, gpu);
  out.law.power = value(law, "power") * limit * bf16_ratio(found, gpu);
  out.law.power_within = found.power_within;
  if (found.power_within > 0) out.law.power = found.power_within * limit;
  out.power_peak = power_peak(found.from->file, gpu, runs) * gpu.tensor_factor;
  for (const auto& tile : law.tiles) {
    out.law.tile_m[out.law.tiles] = tile[0];
    out.law.tile_n[out.law.tiles] = tile[1];
    ++out.law.tiles;
  }
  return out;
}

ServedAttention attention_law(const FoundLaw& found, const Gpu& gpu, double laid_out_sms) {
  const FittedLaw& law = *found.law;
  const double scale = tile_scale(found, mfu_peak(gpu).value(), laid_out_sms) / gpu.tensor_factor;
  ServedAttention out;
  out.law.step_dim = value(law, "step_dim") * scale;
  out.law.step_fixed = value(law, "step_fixed") * scale;
  out.law.block_fixed = value(law, "block_fixed") * scale;
  out.law.kernel_fixed = value(law, "kernel_fixed");
  out.law.tail = value(law, "tail");
  out.law.extra_bytes = value(law, "extra_bytes");
  const double limit = limit_scale(found.from->file, gpu);
  out.law.power = (found.power_within > 0 ? found.power_within : value(law, "power")) * limit;
  out.law.power_within = found.power_within;
  out.power_peak = power_peak(found.from->file, gpu, Format::bf16) * gpu.tensor_factor;
  return out;
}

ServedAttention with_format(ServedAttention served, Format format, double ratio) {
  // FP32's own units need at their peak, about a sixteenth of the 16-bit one (A100, H100), what matrix units do at
  // theirs; power of the others goes with the bits.
  constexpr double kFp32 = 1.0 / 16;
  served.law.step_dim /= ratio;
  served.power_peak *= format == Format::fp32 ? kFp32 : 2 / bytes_per_element(format);
  return served;
}

}  // namespace gpuhours
