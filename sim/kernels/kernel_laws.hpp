#pragma once
// Operator -> time on a GPU. Laws are read from calibration/<gpu or generation>.yaml (fitted by `gpuhours calibrate`):
// tiles and waves for GEMMs, FLOP rate by head dimension and length for attention, bytes over achieved bandwidth plus a
// fixed cost for memory-bound kernels, and what communication kernels that hold SMs and bandwidth cost each of them.

#include <memory>
#include <string>
#include <string_view>

#include "core/diagnostic.hpp"
#include "workload/operator.hpp"

namespace gpuhours {

/// Where a kernel's time comes from: its law was fitted to this GPU and its shape lies within the fitted range
/// (measured); within the same law but outside that range (interpolated); or the law is borrowed or assumed (guessed).
enum class Provenance { measured, interpolated, guessed };
inline constexpr int kProvenances = 3;
std::string_view name(Provenance provenance);

/// Kernels whose laws were fitted together, so that their errors are taken as one.
enum class LawClass {
  gemm_fprop,
  gemm_dgrad,
  gemm_wgrad,
  grouped_fprop,
  grouped_dgrad,
  grouped_wgrad,
  attention_forward,
  attention_backward,
  memory_bound
};
inline constexpr int kLawClasses = 9;
std::string_view name(LawClass law);
LawClass law_class(const Operator& op);
/// Of a matrix product, grouped or not.
constexpr bool is_gemm(LawClass law) { return law <= LawClass::grouped_wgrad; }

/// The circumstances that a kernel runs in.
struct KernelContext {
  int gemm_sms = 0;           ///< SMs a persistent GEMM is sized to, 0: all
  int communication_sms = 0;  ///< SMs held by communication kernels while they run beside
  double sustained = 1.0;     ///< 0 burst (clock at its highest) .. 1 long phase (power-limited clock)
};

struct KernelTime {
  Seconds alone;   ///< no communication kernel on the GPU
  Seconds beside;  ///< a communication kernel transfers all the time
  Provenance provenance = Provenance::guessed;
  double relative_error = 0;  ///< standard error of `alone` from the fit, as a fraction
  double energy_share = 0;    ///< mean power over TDP while it runs
  Seconds least;              ///< of a matrix product: its FLOPs at the peak of the format that runs
};

/// The laws of one GPU under one kernel family. Immutable and shared between threads.
class KernelLaws {
 public:
  virtual ~KernelLaws() = default;
  [[nodiscard]] virtual KernelTime time(const Operator& op, const KernelContext& context) const = 0;
  /// Power over TDP of a GPU that runs no kernel.
  [[nodiscard]] virtual double idle_power_share() const = 0;
  /// The file that the laws were read from, and its borrowed part if any, for the report.
  [[nodiscard]] virtual std::string source() const = 0;
};

/// Laws for `gpu` with kernels of `family`, from `calibration_directory`. A GPU without measurements borrows its
/// generation's laws scaled by peak and bandwidth (provenance guessed). Null with errors in `diagnostics` when no file
/// fits or one is malformed.
std::shared_ptr<const KernelLaws> kernel_laws(const Gpu& gpu, KernelFamily family,
                                              const std::string& calibration_directory, Diagnostics& diagnostics);

}  // namespace gpuhours
