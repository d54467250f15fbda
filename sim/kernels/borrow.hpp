#pragma once
// Which law serves which use of a GPU, and what its parameters are there.
//
// A law is chosen by the lender's rank (kinship.hpp) and by what it was fitted to; what that adds to its error:
// grouped from dense, accumulating from plain   3  interpolated   5 %
// another pass of the GEMM                      6  guessed        8 %   dgrad and wgrad lie within 10 % of fprop
// another format, scaled by peak               10  guessed       12 %
//
// Its parameters are continuous in the figures of the GPU and its own where those are the lender's:
// * what matrix units do takes the lender's peak over the peak of the format that runs (matrix_format()), chip against
//   chip. Waves and tails are counted on the SMs of the chip as it was laid out: how many tiles a last wave leaves over
//   is luck of one chip's SM count, and a part that exists on paper alone has no such luck. So a count of SMs changed
//   at the same peak moves what communication leaves to compute and nothing else, and more SMs are never slower.
// * power by the energy of a FLOP and the power limit, see power_at().

#include <string_view>
#include <vector>

#include "kernels/kernel_laws.hpp"
#include "kernels/kinship.hpp"
#include "kernels/law_forms.hpp"
#include "kernels/recipe.hpp"

namespace gpuhours {

/// A law found for one use, or none (`law` null).
struct FoundLaw {
  const RankedFile* from = nullptr;
  const FittedLaw* law = nullptr;
  int rank = 1 << 20;  ///< least of all laws
  int cost = 0;        ///< what is lost of its certainty
  /// Which BF16 law serves the GPU in this pass, and the BF16 law of the file that this law is from, where they are not
  /// the same: how far power limits this GPU is told by the one, how FP8 stands to BF16 by the other.
  const RankedFile* bf16_from = nullptr;
  const FittedLaw* bf16_law = nullptr;
  const FittedLaw* bf16_beside = nullptr;
  /// Power at peak of a like law, where this one's fit does not tell the power limit from the rest; 0 where it does.
  double power_within = 0;
};

FoundLaw find_gemm(const std::vector<RankedFile>& files, Recipe recipe, bool grouped, GemmPass pass);
/// `kernel`: whose attention, a law's kind: empty for the vendor's, "flash2".
FoundLaw find_attention(const std::vector<RankedFile>& files, bool backward, int qk_dim, int v_dim,
                        std::string_view kernel = {});
FoundLaw find_memory(const std::vector<RankedFile>& files, std::string_view law);

/// The best that a law found at `cost` may call itself.
Provenance best_provenance(int cost, bool assumed);
double error_for_cost(int cost);

/// A law as it holds on a GPU, and the peak that its power is counted at.
struct ServedGemm {
  GemmLaw law;
  double power_peak = 0;  ///< FLOP/s
};
struct ServedAttention {
  AttentionLaw law;
  double power_peak = 0;
};

/// `recipe` in a format that the GPU has products of.
ServedGemm gemm_law(const FoundLaw& found, const Gpu& gpu, double laid_out_sms, Recipe recipe);
/// At the 16-bit peak; with_format() turns it to another format.
ServedAttention attention_law(const FoundLaw& found, const Gpu& gpu, double laid_out_sms);
/// The same kernel with products that run in `format`, `ratio` times as fast: softmax and the rest stay as they are.
ServedAttention with_format(ServedAttention served, Format format, double ratio);

}  // namespace gpuhours
