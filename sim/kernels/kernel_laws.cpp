#include "kernels/kernel_laws.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <tuple>

#include "kernels/borrow.hpp"

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

/// Outside the fitted range the error grows by half.
Certainty at_shape(const Certainty& law, bool inside) {
  if (inside || law.best == Provenance::guessed) return law;
  return {Provenance::interpolated, law.error * 1.5};
}

struct GemmSlot {
  GemmLaw law;
  GpuRates rates;
  Range m, n, k;
  Certainty certainty;
};

struct AttentionSlot {
  std::string kernel;  ///< empty: the vendor's
  int qk_dim = 0;
  int v_dim = 0;
  AttentionLaw law;
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
  return {best_provenance(found.cost, found.law->assumed), std::hypot(found.law->relative_error, found.added_error)};
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
  FittedKernelLaws(const Gpu& gpu, const std::vector<RankedFile>& files);

  [[nodiscard]] KernelTime time(const Operator& op, const KernelContext& context) const override;
  [[nodiscard]] double idle_power_share() const override { return power_.idle_share; }
  [[nodiscard]] std::string source() const override { return source_; }
  /// Uses that no law could be found for.
  [[nodiscard]] const std::vector<std::string>& missing() const { return missing_; }

 private:
  static constexpr std::size_t kTable = 256;

  void add_gemms(const Gpu& gpu, const std::vector<RankedFile>& files);
  void add_attention(const Gpu& gpu, const std::vector<RankedFile>& files);
  void add_memory(const std::vector<RankedFile>& files);
  void add_memory_slot(const std::vector<RankedFile>& files, std::string_view law);
  void read_common(const std::vector<RankedFile>& files);
  void note_source(const std::vector<RankedFile>& files);

  [[nodiscard]] const MemorySlot& memory_slot(const Operator& op) const;
  [[nodiscard]] KernelTime gemm(const Operator& op, const KernelContext& context) const;
  [[nodiscard]] KernelTime attention(const Operator& op, const KernelContext& context) const;
  [[nodiscard]] KernelTime memory(const Operator& op, const KernelContext& context) const;
  [[nodiscard]] double power_share(const LawTime& time) const;

  double sms_ = 0;
  double bandwidth_ = 0;
  double bf16_peak_ = 0;
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

FittedKernelLaws::FittedKernelLaws(const Gpu& gpu, const std::vector<RankedFile>& files)
    : sms_(gpu.sms),
      bandwidth_(gpu.memory_bandwidth.value()),
      bf16_peak_(gpu.peak(Format::bf16).value() * gpu.tensor_factor) {
  memory_index_.fill(-1);
  read_common(files);
  add_gemms(gpu, files);
  add_attention(gpu, files);
  add_memory(files);
  note_source(files);
}

void FittedKernelLaws::read_common(const std::vector<RankedFile>& files) {
  for (const RankedFile& ranked : files) {
    if (ranked.file.power.empty()) continue;
    power_.sustained_budget = parameter(ranked.file.power, "sustained_budget", 1);
    power_.idle_share = parameter(ranked.file.power, "idle_share", 0);
    power_.memory_share = parameter(ranked.file.power, "memory_share", 0);
    break;
  }
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
    for (int grouped = 0; grouped < 2; ++grouped) {
      for (int p = 0; p < kGemmPasses; ++p) {
        const auto recipe = static_cast<Recipe>(r);
        const FoundLaw found = find_gemm(files, recipe, grouped == 1, static_cast<GemmPass>(p));
        if (found.law == nullptr) {
          missing_.emplace_back("gemm");
          return;
        }
        GemmSlot& slot = gemms_[static_cast<std::size_t>((r * 2 + grouped) * kGemmPasses + p)];
        slot.law = gemm_law(found, gpu, recipe);
        const double peak = gpu.peak(format_of(recipe)).value() * gpu.tensor_factor;
        slot.rates = {sms_, bandwidth_, peak > 0 ? peak : bf16_peak_};
        slot.m = fitted_range(*found.law, "m");
        slot.n = fitted_range(*found.law, "n");
        slot.k = fitted_range(*found.law, "k");
        slot.certainty = certainty_of(found);
        if (found.cost < 6 && found.from != &files.front()) borrowed_.insert(found.from->file.path);
      }
    }
  }
}

void FittedKernelLaws::add_attention(const Gpu& gpu, const std::vector<RankedFile>& files) {
  std::set<std::tuple<std::string, int, int>> uses;
  for (const RankedFile& ranked : files) {
    for (const FittedLaw& law : ranked.file.laws) {
      // Another kernel's law holds on its own GPU and die only: elsewhere the vendor's serves for all.
      if (law.form == "attention" && (law.kind.empty() || ranked.same_die)) {
        uses.insert({law.kind, law.qk_dim, law.v_dim});
      }
    }
  }
  for (int backward = 0; backward < 2; ++backward) {
    for (const auto& [kernel, qk, v] : uses) {
      const FoundLaw found = find_attention(files, backward == 1, qk, v, kernel);
      if (found.law == nullptr) continue;
      attention_[static_cast<std::size_t>(backward)].push_back(
          {kernel, qk, v, attention_law(found, gpu), fitted_range(*found.law, "seq"), certainty_of(found)});
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
  if (files.front().cost > 0) source_ += fmt::format(" (of {}, borrowed)", files.front().file.gpu);
  if (borrowed_.empty()) return;
  source_ += "; borrowed from";
  for (const std::string& path : borrowed_) source_ += " " + path;
}

/// Matrix kernels whose law knows no power are taken to be at the limit, as long GEMM phases are (690 of 700 W on
/// H100).
double FittedKernelLaws::power_share(const LawTime& time) const {
  if (time.need <= 0) return 1.0;
  const double share = time.need / power_.sustained_budget;
  return power_.idle_share + (1 - power_.idle_share) * std::min(1.0, share);
}

KernelTime FittedKernelLaws::gemm(const Operator& op, const KernelContext& context) const {
  const int grouped = op.kind == OperatorKind::grouped_gemm || op.gemm.groups > 1 ? 1 : 0;
  const GemmPass pass = gemm_pass(op.pass, op.accumulate);
  const auto recipe = static_cast<int>(recipe_of(op.format, op.scaling));
  const GemmSlot& slot =
      gemms_[static_cast<std::size_t>((recipe * 2 + grouped) * kGemmPasses) + static_cast<std::size_t>(pass)];
  const double groups = std::max(1, op.gemm.groups);
  const bool reduction_split = grouped == 1 && op.pass == Pass::backward_weight;
  const auto m = static_cast<double>(op.gemm.m) / (reduction_split ? 1 : groups);
  const auto k = static_cast<double>(op.gemm.k) / (reduction_split ? groups : 1);
  const auto n = static_cast<double>(op.gemm.n);
  // A grouped product that runs as one launch per group fills its waves group by group.
  const double launches = grouped == 1 && op.kernels == op.gemm.groups ? groups : 1;
  const double spread = reduction_split ? 0.0 : op.gemm.spread;  // wgrad's tiles do not depend on a group's rows
  const GemmCase shape{m, n, k, groups / launches, op.bytes.value() / launches, spread};
  GpuRates rates = slot.rates;
  if (context.gemm_sms > 0) rates.sms = std::min<double>(context.gemm_sms, sms_);
  const LawTime alone = gemm_time(slot.law, shape, rates, context.sustained, power_);
  KernelTime time;
  time.alone = Seconds(alone.seconds * launches);
  time.beside = time.alone;
  if (context.communication_sms > 0) {
    if (context.gemm_sms > 0 && context.gemm_sms + context.communication_sms <= sms_) {
      time.beside = time.alone * (1 + interference_.sized_gemm);
    } else {
      const double left = std::max(1.0, sms_ - interference_.sms_lost * context.communication_sms);
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
  const GpuRates rates{sms_, bandwidth_, bf16_peak_};
  const LawTime alone = attention_time(slot->law, shape, rates, context.sustained, power_);
  KernelTime time;
  time.alone = Seconds(alone.seconds);
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

std::shared_ptr<const KernelLaws> kernel_laws(const Gpu& gpu, const Stack& stack,
                                              const std::string& calibration_directory, Diagnostics& diagnostics) {
  const int errors = diagnostics.errors();
  const std::vector<RankedFile> files = ranked_files(gpu, stack.kernels, calibration_directory, diagnostics);
  if (diagnostics.errors() > errors) return nullptr;
  if (files.empty()) {
    diagnostics.error({calibration_directory, 0, 0, {}}, "no calibration file in this directory");
    return nullptr;
  }
  auto laws = std::make_shared<FittedKernelLaws>(gpu, files);
  for (const std::string& use : laws->missing()) {
    diagnostics.error({calibration_directory, 0, 0, {}}, fmt::format("no law for '{}' in any calibration file", use));
  }
  return laws->missing().empty() ? laws : nullptr;
}

}  // namespace gpuhours
