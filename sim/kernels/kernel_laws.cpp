#include "kernels/kernel_laws.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <tuple>

#include "kernels/borrow.hpp"
#include "scenario/enum_names.hpp"

namespace gpuhours {

std::string_view name(Provenance provenance) {
  switch (provenance) {
    case Provenance::measured:
      return "measured";
    case Provenance::interpolated:
      return "interpolated";
    case Provenance::guessed:
      return "guessed";
  }
  return "guessed";
}

namespace {

constexpr int kFormats = static_cast<int>(EnumNames<Format>::kNames.size());

struct Range {
  double low = 0;
  double high = 1e300;
  [[nodiscard]] bool holds(double x) const { return x >= low * 0.999 && x <= high * 1.001; }
};

/// What every resolved law knows of its certainty.
struct Certainty {
  Provenance best = Provenance::guessed;
  double error = 0;
};

/// A format without units on the GPU is refused where the scenario is read; this answers a caller that has not asked.
KernelTime never() {
  KernelTime time;
  time.alone = time.beside = Seconds(std::numeric_limits<double>::infinity());
  return time;
}

/// Outside the fitted range the error grows by half.
Certainty at_shape(const Certainty& law, bool inside) {
  if (inside || law.best == Provenance::guessed) return law;
  return {Provenance::interpolated, law.error * 1.5};
}

struct GemmSlot {
  bool runs = false;  ///< the GPU has products of the format
  GemmLaw law;
  GpuRates rates;
  Range m, n, k;
  Certainty certainty;
};

struct AttentionSlot {
  std::string kernel;  ///< empty: the vendor's
  int qk_dim = 0;
  int v_dim = 0;
  ServedAttention served;
  Range seq;
  Certainty certainty;
};

struct MemorySlot {
  std::string name;
  MemoryLaw law;
  double beside = -1;  ///< loss beside a 20 SM communication kernel, -1: the common law
  Range bytes;
  Certainty certainty;
};

Range fitted_range(const FittedLaw& law, std::string_view variable) {
  for (const FittedRange& range : law.ranges) {
    if (range.variable == variable) return {range.low, range.high};
  }
  return {};
}

Certainty certainty_of(const FoundLaw& found) {
  const double added = error_for_cost(found.cost);
  return {best_provenance(found.cost, found.law->assumed), std::hypot(found.law->relative_error, added)};
}

std::uint32_t hash_of(std::string_view text) {
  std::uint32_t h = 2166136261u;  // FNV-1a
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 16777619u;
  return h;
}

double parameter(const std::vector<LawParameter>& list, std::string_view wanted, double missing) {
  for (const LawParameter& p : list) {
    if (p.name == wanted) return p.value;
  }
  return missing;
}

class FittedKernelLaws final : public KernelLaws {
 public:
  FittedKernelLaws(const Gpu& gpu, const LawFiles& lent);

  [[nodiscard]] KernelTime time(const Operator& op, const KernelContext& context) const override;
  [[nodiscard]] double idle_power_share() const override { return power_.idle_share; }
  [[nodiscard]] std::string source() const override { return source_; }
  /// Uses that no law could be found for.
  [[nodiscard]] const std::vector<std::string>& missing() const { return missing_; }

 private:
  static constexpr std::size_t kTable = 256;

  void add_gemms(const Gpu& gpu, const std::vector<RankedFile>& files);
  void add_gemm(const Gpu& gpu, const std::vector<RankedFile>& files, Recipe recipe, bool grouped, GemmPass pass);
  [[nodiscard]] static std::size_t gemm_index(Recipe recipe, bool grouped, GemmPass pass) {
    return static_cast<std::size_t>((static_cast<int>(recipe) * 2 + (grouped ? 1 : 0)) * kGemmPasses) +
           static_cast<std::size_t>(pass);
  }
  void add_attention(const Gpu& gpu, const std::vector<RankedFile>& files);
  void add_memory(const std::vector<RankedFile>& files);
  void add_memory_slot(const std::vector<RankedFile>& files, std::string_view law);
  void read_common(const LawFiles& lent, Watts tdp);
  void note_source(const std::vector<RankedFile>& files);

  [[nodiscard]] const MemorySlot& memory_slot(const Operator& op) const;
  [[nodiscard]] KernelTime gemm(const Operator& op, const KernelContext& context) const;
  [[nodiscard]] KernelTime attention(const Operator& op, const KernelContext& context) const;
  [[nodiscard]] KernelTime memory(const Operator& op, const KernelContext& context) const;
  [[nodiscard]] double power_share(const LawTime& time) const;

  double sms_ = 0;
  double laid_out_sms_ = 0;  ///< waves and tails are counted on these
  double bandwidth_ = 0;
  /// Of attention, by format: its products' rate over the 16-bit peak, 0 where it does not run; its peak.
  struct AttentionFormat {
    Format runs = Format::bf16;
    double ratio = 0;
    double peak = 0;
  };
  std::array<AttentionFormat, kFormats> attention_formats_{};
  PowerLaw power_;
  InterferenceLaw interference_;
  std::array<GemmSlot, kRecipes * 2 * kGemmPasses> gemms_;
  std::array<std::vector<AttentionSlot>, 2> attention_;
  std::vector<MemorySlot> memory_;
  int plain_slot_ = 0;  ///< "add": for a name that no law has
  std::array<std::int16_t, kTable> memory_index_{};
  std::set<std::string> borrowed_;
  std::vector<std::string> missing_;
  std::string source_;
};

FittedKernelLaws::FittedKernelLaws(const Gpu& gpu, const LawFiles& lent)
    : sms_(gpu.sms), laid_out_sms_(lent.laid_out_sms), bandwidth_(gpu.memory_bandwidth.value()) {
  memory_index_.fill(-1);
  for (int i = 0; i < kFormats; ++i) {
    const auto format = static_cast<Format>(i);
    const double peak = matrix_peak(gpu, format).value();
    attention_formats_[static_cast<std::size_t>(i)] = {matrix_format(gpu, format).value_or(format),
                                                       peak / mfu_peak(gpu).value(), peak * gpu.tensor_factor};
  }
  read_common(lent, gpu.tdp);
  add_gemms(gpu, lent.files);
  add_attention(gpu, lent.files);
  add_memory(lent.files);
  note_source(lent.files);
}

/// Where no file of a generation tells its power: the H100's shares, as in its own file.
constexpr PowerLaw kPowerElsewhere{.sustained_budget = 1, .idle_share = 0.17, .memory_share = 0.4381};

void FittedKernelLaws::read_common(const LawFiles& lent, Watts tdp) {
  const std::vector<RankedFile>& files = lent.files;
  power_ = kPowerElsewhere;
  for (const RankedFile& ranked : files) {
    if (ranked.file.power.empty()) continue;
    power_.sustained_budget = parameter(ranked.file.power, "sustained_budget", 1);
    power_.idle_share = parameter(ranked.file.power, "idle_share", 0);
    power_.memory_share = parameter(ranked.file.power, "memory_share", 0);
    break;
  }
  // What idles and what memory draws are watts of the part as it is sold: another limit does not change them.
  const double limit = tdp.value() > 0 ? lent.nominal_tdp / tdp.value() : 1;
  power_.idle_share = std::min(1.0, power_.idle_share * limit);
  power_.memory_share *= limit;
  // Each parameter from the nearest file that has it.
  const auto nearest_value = [&](std::string_view wanted, double missing) {
    for (const RankedFile& ranked : files) {
      const double value = parameter(ranked.file.interference, wanted, -1);
      if (value >= 0) return value;
    }
    return missing;
  };
  interference_.sized_gemm = nearest_value("sized_gemm", 0);
  interference_.unsized_gemm = nearest_value("unsized_gemm", 0);
  interference_.attention = nearest_value("attention", 1);
  interference_.memory_per_sm = nearest_value("memory_per_sm", 0);
  interference_.sms_lost = nearest_value("sms_lost", 1);
}

void FittedKernelLaws::add_gemms(const Gpu& gpu, const std::vector<RankedFile>& files) {
  for (int r = 0; r < kRecipes; ++r) {
    const auto recipe = static_cast<Recipe>(r);
    if (!matrix_format(gpu, format_of(recipe))) continue;
    for (const bool grouped : {false, true}) {
      for (int p = 0; p < kGemmPasses; ++p) add_gemm(gpu, files, recipe, grouped, static_cast<GemmPass>(p));
    }
  }
}

void FittedKernelLaws::add_gemm(const Gpu& gpu, const std::vector<RankedFile>& files, Recipe recipe, bool grouped,
                                GemmPass pass) {
  const FoundLaw found = find_gemm(files, recipe, grouped, pass);
  if (found.law == nullptr) {
    if (missing_.empty()) missing_.emplace_back("gemm");
    return;
  }
  const ServedGemm served = gemm_law(found, gpu, laid_out_sms_, recipe);
  GemmSlot& slot = gemms_[gemm_index(recipe, grouped, pass)];
  slot.runs = true;
  slot.law = served.law;
  const double peak = matrix_peak(gpu, format_of(recipe)).value() * gpu.tensor_factor;
  slot.rates = {laid_out_sms_, bandwidth_, served.power_peak, peak};
  slot.m = fitted_range(*found.law, "m");
  slot.n = fitted_range(*found.law, "n");
  slot.k = fitted_range(*found.law, "k");
  slot.certainty = certainty_of(found);
  if (found.cost < 6 && found.from != &files.front()) borrowed_.insert(found.from->file.path);
}

void FittedKernelLaws::add_attention(const Gpu& gpu, const std::vector<RankedFile>& files) {
  std::set<std::tuple<std::string, int, int>> uses;
  for (const RankedFile& ranked : files) {
    for (const FittedLaw& law : ranked.file.laws) {
      // Another kernel's law holds on its own GPU and chip only: elsewhere the vendor's serves for all.
      if (law.form == "attention" && (law.kind.empty() || ranked.rank.same_chip)) {
        uses.insert({law.kind, law.qk_dim, law.v_dim});
      }
    }
  }
  for (int backward = 0; backward < 2; ++backward) {
    for (const auto& [kernel, qk, v] : uses) {
      const FoundLaw found = find_attention(files, backward == 1, qk, v, kernel);
      if (found.law == nullptr) continue;
      attention_[static_cast<std::size_t>(backward)].push_back({kernel, qk, v, attention_law(found, gpu, laid_out_sms_),
                                                                fitted_range(*found.law, "seq"), certainty_of(found)});
      if (found.cost < 6 && found.from != &files.front()) borrowed_.insert(found.from->file.path);
    }
    if (attention_[static_cast<std::size_t>(backward)].empty()) missing_.emplace_back("attention");
  }
}

void FittedKernelLaws::add_memory_slot(const std::vector<RankedFile>& files, std::string_view law) {
  const FoundLaw found = find_memory(files, law);
  if (found.law == nullptr) {
    missing_.emplace_back(law);
    return;
  }
  MemorySlot slot;
  slot.name = law;
  const LawParameter* share = found.law->parameter("memory_share");
  const LawParameter* fixed = found.law->parameter("kernel_fixed");
  const LawParameter* beside = found.law->parameter("beside");
  slot.law = {fixed == nullptr ? 0 : fixed->value, share->value};
  slot.beside = beside == nullptr ? -1 : beside->value;
  slot.bytes = fitted_range(*found.law, "bytes");
  slot.certainty = certainty_of(found);
  const bool other_bandwidth = std::abs(found.from->file.memory_bandwidth - bandwidth_) > 0.005 * bandwidth_;
  if (other_bandwidth && slot.certainty.best == Provenance::measured) slot.certainty.best = Provenance::interpolated;
  if (other_bandwidth) slot.certainty.error = std::hypot(slot.certainty.error, 0.05);
  std::size_t at = hash_of(law) % kTable;
  while (memory_index_[at] >= 0) at = (at + 1) % kTable;
  memory_index_[at] = static_cast<std::int16_t>(memory_.size());
  if (law == "add") plain_slot_ = static_cast<int>(memory_.size());
  memory_.push_back(std::move(slot));
}

void FittedKernelLaws::add_memory(const std::vector<RankedFile>& files) {
  for (const std::string_view law : memory_law_names()) add_memory_slot(files, law);
}

void FittedKernelLaws::note_source(const std::vector<RankedFile>& files) {
  source_ = files.front().file.path;
  borrowed_.erase(source_);
  if (files.front().origin.cost > 0) source_ += fmt::format(" (of {}, borrowed)", files.front().file.gpu);
  if (borrowed_.empty()) return;
  source_ += "; borrowed from";
  for (const std::string& path : borrowed_) source_ += " " + path;
}

/// Matrix kernels whose law knows no power are taken to be at the limit, as long GEMM phases are (690 of 700 W on
/// H100).
double FittedKernelLaws::power_share(const LawTime& time) const {
  if (time.need <= 0 || time.need == time.within) return 1.0;
  const double share = time.within > 0 ? time.need / time.within : time.need / power_.sustained_budget;
  return power_.idle_share + (1 - power_.idle_share) * std::min(1.0, share);
}

KernelTime FittedKernelLaws::gemm(const Operator& op, const KernelContext& context) const {
  const bool grouped = op.kind == OperatorKind::grouped_gemm || op.gemm.groups > 1;
  const GemmSlot& slot =
      gemms_[gemm_index(recipe_of(op.format, op.scaling), grouped, gemm_pass(op.pass, op.accumulate))];
  if (!slot.runs) return never();
  const double groups = std::max(1, op.gemm.groups);
  const bool reduction_split = grouped && op.pass == Pass::backward_weight;
  const auto m = static_cast<double>(op.gemm.m) / (reduction_split ? 1 : groups);
  const auto k = static_cast<double>(op.gemm.k) / (reduction_split ? groups : 1);
  const auto n = static_cast<double>(op.gemm.n);
  // A grouped product that runs as one launch per group fills its waves group by group.
  const double launches = grouped && op.kernels == op.gemm.groups ? groups : 1;
  const double spread = reduction_split ? 0.0 : op.gemm.spread;  // wgrad's tiles do not depend on a group's rows
  const GemmCase shape{m, n, k, groups / launches, op.bytes.value() / launches, spread};
  GpuRates rates = slot.rates;
  const double laid_out = laid_out_sms_ / sms_;  // exactly 1 on the part as it was laid out
  if (context.gemm_sms > 0) rates.sms = std::min<double>(context.gemm_sms, sms_) * laid_out;
  const LawTime alone = gemm_time(slot.law, shape, rates, context.sustained, power_);
  KernelTime time;
  time.alone = Seconds(alone.seconds * launches);
  time.least = op.flops / FlopsPerSecond(rates.fastest);
  time.beside = time.alone;
  if (context.communication_sms > 0) {
    if (context.gemm_sms > 0 && context.gemm_sms + context.communication_sms <= sms_) {
      time.beside = time.alone * (1 + interference_.sized_gemm);
    } else {
      const double left = std::max(1.0, sms_ - interference_.sms_lost * context.communication_sms) * laid_out;
      const double waves = wave_ratio(alone.filled, rates.sms, std::min(left, rates.sms));
      time.beside = time.alone * (waves * (1 + interference_.unsized_gemm));
    }
  }
  const Certainty certainty = at_shape(slot.certainty, slot.m.holds(m) && slot.n.holds(n) && slot.k.holds(k));
  time.provenance = certainty.best;
  time.relative_error = certainty.error;
  time.energy_share = power_share(alone);
  return time;
}

KernelTime FittedKernelLaws::attention(const Operator& op, const KernelContext& context) const {
  const bool backward = op.pass != Pass::forward;
  const auto& slots = attention_[backward ? 1 : 0];
  const AttentionShape& a = op.attention;
  const auto distance = [&](const AttentionSlot& s) {
    return std::abs(s.qk_dim - a.qk_dim) + std::abs(s.v_dim - a.v_dim);
  };
  const bool own = std::any_of(slots.begin(), slots.end(), [&](const AttentionSlot& s) { return s.kernel == op.law; });
  const std::string_view kernel = own ? std::string_view(op.law) : std::string_view();
  const AttentionSlot* slot = nullptr;
  for (const AttentionSlot& s : slots) {
    if (s.kernel == kernel && (slot == nullptr || distance(s) < distance(*slot))) slot = &s;
  }
  AttentionCase shape{static_cast<double>(a.batch * a.heads),
                      static_cast<double>(a.seq_q),
                      static_cast<double>(a.seq_kv),
                      static_cast<double>(a.qk_dim),
                      static_cast<double>(a.v_dim),
                      static_cast<double>(a.window),
                      a.causal,
                      backward};
  const AttentionFormat& format = attention_formats_[static_cast<std::size_t>(op.format)];
  if (format.ratio <= 0) return never();
  const bool as_fitted = format.ratio == 1 && bytes_per_element(format.runs) == 2;
  const ServedAttention served = as_fitted ? slot->served : with_format(slot->served, format.runs, format.ratio);
  const GpuRates rates{laid_out_sms_, bandwidth_, served.power_peak, format.peak};
  const LawTime alone = attention_time(served.law, shape, rates, context.sustained, power_);
  KernelTime time;
  time.alone = Seconds(alone.seconds);
  time.least = op.flops / FlopsPerSecond(format.peak);
  time.beside = time.alone;
  if (context.communication_sms > 0) {
    const double left = std::max(1.0, sms_ - context.communication_sms);
    time.beside = time.alone * (1 + interference_.attention * (sms_ / left - 1));
  }
  Certainty certainty = at_shape(slot->certainty, slot->seq.holds(static_cast<double>(a.seq_q)));
  if (distance(*slot) > 0) certainty = {Provenance::guessed, std::hypot(certainty.error, 0.08)};
  time.provenance = certainty.best;
  time.relative_error = certainty.error;
  time.energy_share = power_share(alone);
  return time;
}

const MemorySlot& FittedKernelLaws::memory_slot(const Operator& op) const {
  const std::string_view wanted = op.law.empty() ? default_law(op.kind, op.pass) : std::string_view(op.law);
  for (std::size_t at = hash_of(wanted) % kTable; memory_index_[at] >= 0; at = (at + 1) % kTable) {
    const MemorySlot& slot = memory_[static_cast<std::size_t>(memory_index_[at])];
    if (slot.name == wanted) return slot;
  }
  return memory_[static_cast<std::size_t>(plain_slot_)];
}

KernelTime FittedKernelLaws::memory(const Operator& op, const KernelContext& context) const {
  const MemorySlot& slot = memory_slot(op);
  const double bytes = op.bytes.value();
  const double alone = memory_time(slot.law, bytes, op.kernels, bandwidth_);
  const double loss = slot.beside >= 0 ? slot.beside / 20 : interference_.memory_per_sm;
  KernelTime time;
  time.alone = Seconds(alone);
  time.beside = Seconds(alone * (1 + loss * context.communication_sms));
  const Certainty certainty = at_shape(slot.certainty, slot.bytes.holds(bytes));
  time.provenance = certainty.best;
  time.relative_error = certainty.error;
  const double used = alone > 0 ? bytes / (alone * bandwidth_) : 0;
  time.energy_share = std::min(1.0, power_.idle_share + power_.memory_share * used);
  return time;
}

KernelTime FittedKernelLaws::time(const Operator& op, const KernelContext& context) const {
  if (op.kind == OperatorKind::gemm || op.kind == OperatorKind::grouped_gemm) return gemm(op, context);
  if (op.kind == OperatorKind::attention) return attention(op, context);
  return memory(op, context);
}

}  // namespace

std::shared_ptr<const KernelLaws> kernel_laws(const Gpu& gpu, KernelFamily family,
                                              const std::string& calibration_directory, Diagnostics& diagnostics) {
  const int errors = diagnostics.errors();
  const LawFiles lent = law_files(gpu, family, calibration_directory, diagnostics);
  if (diagnostics.errors() > errors) return nullptr;
  if (lent.files.empty()) {
    diagnostics.error({calibration_directory, 0, 0, {}}, "no calibration file in this directory");
    return nullptr;
  }
  auto laws = std::make_shared<FittedKernelLaws>(gpu, lent);
  for (const std::string& use : laws->missing()) {
    diagnostics.error({calibration_directory, 0, 0, {}}, fmt::format("no law for '{}' in any calibration file", use));
  }
  return laws->missing().empty() ? laws : nullptr;
}

}  // namespace gpuhours
