#pragma once
// Which calibration file serves which GPU and kernel family, at what loss of certainty.
//
// rule                                     cost  provenance at best  error added (assumed, quadrature)
// own GPU, own family                         0  measured
// same die (SMs, peaks, generation), family   2  interpolated        3 %   benches of one die differ by that
// own GPU, other family                       3  interpolated        3 %
// grouped from dense, accumulating from plain 3  interpolated        5 %
// another pass of the GEMM                    6  guessed             8 %   dgrad and wgrad lie within 10 % of fprop
// another format, scaled by peak             10  guessed            12 %
// same generation and design, scaled         20  guessed            12 %   designs differ in the ratio of formats'
// peaks same generation, another design            24  guessed            12 %   (B300 and GB300 against B200 and
// GB200) the next generation, scaled                40  guessed            20 % one further 41  guessed            20 %

#include <string>
#include <vector>

#include "kernels/calibration_file.hpp"
#include "kernels/kernel_laws.hpp"
#include "kernels/law_forms.hpp"
#include "kernels/recipe.hpp"

namespace gpuhours {

/// A calibration file with what it costs to use it for one GPU under one family.
struct RankedFile {
  CalibrationFile file;
  int cost = 0;
  bool same_die = false;     ///< GEMM and attention laws hold unscaled
  bool same_design = false;  ///< the formats' peaks stand to each other as on the GPU that is served
};

/// A law found for one use, or none (`law` null).
struct FoundLaw {
  const RankedFile* from = nullptr;
  const FittedLaw* law = nullptr;
  int cost = 1 << 20;
  double added_error = 0;
  /// Which BF16 law serves the GPU in this pass, and the BF16 law of the file that this law is from, where they are not
  /// the same: how far power limits this GPU is told by the one, how FP8 stands to BF16 by the other.
  const RankedFile* bf16_from = nullptr;
  const FittedLaw* bf16_law = nullptr;
  const FittedLaw* bf16_beside = nullptr;
};

FoundLaw find_gemm(const std::vector<RankedFile>& files, Recipe recipe, bool grouped, GemmPass pass);
/// `kernel`: whose attention, a law's kind: empty for the vendor's, "flash2".
FoundLaw find_attention(const std::vector<RankedFile>& files, bool backward, int qk_dim, int v_dim,
                        std::string_view kernel = {});
FoundLaw find_memory(const std::vector<RankedFile>& files, std::string_view law);

/// The best that a law found at `cost` may call itself.
Provenance best_provenance(int cost, bool assumed);
double error_for_cost(int cost);

/// The files of `directory` that may serve, least cost first, ties by name.
std::vector<RankedFile> ranked_files(const Gpu& gpu, const std::string& family, const std::string& directory,
                                     Diagnostics& diagnostics);

/// Parameters of `found` for `gpu`: times by peak per SM where the die or the format's peak is another; power by the
/// power limits, see power_scale() in borrow.cpp.
GemmLaw gemm_law(const FoundLaw& found, const Gpu& gpu, Recipe recipe);
AttentionLaw attention_law(const FoundLaw& found, const Gpu& gpu);

}  // namespace gpuhours
