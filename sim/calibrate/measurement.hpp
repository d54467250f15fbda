#pragma once
// One measured kernel in the words of the laws, whatever table it came from.

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "kernels/law_forms.hpp"

namespace gpuhours {

enum class LawForm { gemm, attention, memory };

struct Measurement {
  LawForm form = LawForm::gemm;
  std::string kind;    ///< gemm: dense, grouped; memory: name of the law
  std::string recipe;  ///< gemm, attention
  std::string pass;    ///< gemm: fprop, dgrad, wgrad, wgrad_accumulate; attention: forward, backward
  GemmCase gemm;       ///< `groups` of one launch
  AttentionCase attention;
  double bytes = 0;    ///< memory form
  double kernels = 1;  ///< launches in `seconds`
  double seconds = 0;  ///< all launches

  double sms = 0;            ///< SMs that the kernel is sized to, 0: all
  double run_seconds = 0;    ///< how long the GPU ran this kernel without pause: how far power limits
  double transferring = 0;   ///< share of the time that a communication kernel transferred beside
  double beside = 0;         ///< loss while it does, as a fraction
  bool training = false;     ///< of a bench of training kernels: such rows stand before those of inference stacks
  bool few = false;          ///< of a bench with few rows: all passes make one law of two free parameters
  bool own_kernel = false;   ///< a kernel of gpuhours-profile itself: fitted only where no framework's was measured
  std::string source;        ///< table, or the source that the table names
  std::string row;           ///< "file:line" with what the row is, for messages
  std::string shape_family;  ///< rows of one family are left out together
};

/// A kernel beside a resident copier that holds SMs: misc.csv of our own tables.
struct InterferenceMeasurement {
  Measurement alone;
  double copier_sms = 0;
  double ratio = 1;  ///< measured time over the time alone
};

/// Rate of a long run over that of its first 50 ms.
struct SustainedMeasurement {
  Measurement burst;
  double ratio = 1;  ///< rate sustained over rate of the burst
};

struct MeasurementSet {
  std::map<std::string, double> layer_sums;  ///< seconds of a layer's products by what they are, to take one from another
  std::vector<Measurement> kernels;
  std::vector<InterferenceMeasurement> interference;
  std::vector<SustainedMeasurement> sustained;
};

/// Run length after which a power-limited GPU has come down from its burst clock to 63 %: the tables give rates of the
/// first 50 ms against later ones.
inline constexpr double kBurstSeconds = 0.05;

inline double sustained_share(double run_seconds) { return 1 - std::exp(-run_seconds / kBurstSeconds); }

}  // namespace gpuhours
