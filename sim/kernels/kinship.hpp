#pragma once
// Which files of calibration/kernels lend their laws to a GPU, and how far each is from it.
//
// The order of lenders hangs on what a part *is* (its id, else its generation), never on its figures: a part with a
// little less of a peak reads the same laws, scaled. The figures say what the laws are worth for it, by the distance.
//
// distance                                cost  best provenance  error added (assumed, in quadrature)
// own GPU, own family                        0  measured
// same chip (SMs, peaks, generation)         2  interpolated      3 %   benches of one chip differ by that
// own GPU at another power limit             2  interpolated      3 %
// own GPU, other family                      3  interpolated      3 %
// same generation and design, scaled        20  guessed          12 %   designs differ in the ratio of formats' peaks
// same generation, another design           24  guessed          12 %   (B300 and GB300 against B200 and GB200)
// the next generation, scaled               40  guessed          20 %   one further 41

#include <string>
#include <vector>

#include "kernels/calibration_file.hpp"
#include "scenario/hardware.hpp"
#include "scenario/software.hpp"

namespace gpuhours {

struct Distance {
  int cost = 0;
  bool same_chip = false;
  bool same_design = false;  ///< the formats' peaks stand to each other as on the GPU that is served
};

struct RankedFile {
  CalibrationFile file;
  Distance rank;    ///< from the part as it was laid out: chooses among laws
  Distance origin;  ///< from the figures of the part: says how sure they are
};

/// The lenders of one GPU, nearest first, ties by name.
struct LawFiles {
  std::vector<RankedFile> files;
  /// SMs of the chip as it was laid out, whatever `sms` of the part says: those of its own file, else of its
  /// generation's first. Waves and tails are counted on them, see borrow.hpp.
  double laid_out_sms = 0;
  /// W: power limit that shares of power are of: that of its own file, else of the part.
  double nominal_tdp = 0;
};

/// Files of `directory`; those of another generation only where its own has no law for some use.
LawFiles law_files(const Gpu& gpu, KernelFamily family, const std::string& directory, Diagnostics& diagnostics);

/// Whether two data-sheet figures are one: within 0.5 %.
bool near_equal(double a, double b);

/// J/FLOP of 16-bit products at the power limit, from data sheets; 0 for Generation::other.
double energy_per_flop(Generation generation);
/// The same by name, 0 for one that is none.
double energy_per_flop(const std::string& generation);

}  // namespace gpuhours
