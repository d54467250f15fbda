#include "calibrate/match.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "calibrate/alignment.hpp"
#include "calibrate/intervals.hpp"

namespace gpuhours {

namespace {

/// What the alignment asks of an expected piece of work.
struct Wanted {
  std::string law;  ///< law or kind that a kernel's rule must name
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  double work = 0;  ///< FLOPs, or bytes where there are none
  int kernels = 1;
};

Wanted wanted(const ExpectedWork& work) {
  if (const auto* operation = std::get_if<Operator>(&work)) {
    const double flops = operation->flops.value();
    return {operation->law.empty() ? std::string(name(operation->kind)) : operation->law, operation->rows,
            operation->cols, flops > 0 ? flops : operation->bytes.value(), operation->kernels};
  }
  const auto& communication = std::get<Communication>(work);
  return {std::string(name(communication.kind)), 0, 0, 0, 3};  // layout or notify, wait, transfer
}

std::string name_of(const ExpectedWork& work) {
  return std::visit([](const auto& piece) { return piece.name; }, work);
}

/// How far two sizes are apart, in doublings.
double doublings(double a, double b) { return a > 0 && b > 0 ? std::abs(std::log2(a / b)) : 0; }

/// Points for a size that the grid tells: full when equal, some when near (rows of routed tokens vary); a size that is
/// farther off forbids the pair.
double size_points(double seen, double expected) {
  if (seen <= 0 || expected <= 0) return 0;
  const double apart = doublings(seen, expected);
  if (apart < 0.01) return 1.5;
  return apart < 0.4 ? 1 - apart : kNoPair;
}

double shape_points(const KernelRule& rule, const GpuActivity& kernel, std::string_view name, const Wanted& want) {
  const auto rows = static_cast<double>(want.rows);
  const auto cols = static_cast<double>(want.cols);
  const auto told = [&](const GridSize& size) { return static_cast<double>(size.of(kernel.grid).value_or(0)); };
  double points = size_points(told(rule.rows), rows) + size_points(told(rule.cols), cols) +
                  size_points(told(rule.elements), rows * cols);
  if (rule.cols_in_name && want.cols > 0)
    points += name.find(std::to_string(want.cols) + "u") != std::string_view::npos ? 1.5 : kNoPair;
  return points;
}

/// One occurrence of a phase: its kernels and, once found, the piece of work that each was.
struct Occurrence {
  const ExpectedPhase* phase = nullptr;
  int number = 0;
  std::vector<std::int32_t> activities;  ///< by start
  std::vector<int> partner;              ///< in phase->work; -1: none
};

class PhaseMatcher {
 public:
  PhaseMatcher(const Trace& trace, const KernelClasses& classes, const std::vector<ExpectedPhase>& phases)
      : trace_(trace), rules_(classes.rules_of(trace)), phases_(phases) {}

  TraceMatch match() {
    collect();
    for (Occurrence& occurrence : occurrences_) align(occurrence);
    for (Occurrence& occurrence : occurrences_) adopt_left_over(occurrence);
    for (const Occurrence& occurrence : occurrences_) report(occurrence);
    lend_across_phases();
    for (const std::int32_t stray : strays_) result_.unmatched.push_back({stray, ""});
    for (const GpuActivity& activity : trace_.activities)
      result_.total_us += static_cast<double>(activity.duration_ns) * 1e-3;
    for (const MatchedWork& work : result_.matched) result_.matched_us += work.time_us;
    return std::move(result_);
  }

 private:
  [[nodiscard]] const GpuActivity& activity(std::int32_t index) const {
    return trace_.activities[static_cast<std::size_t>(index)];
  }
  [[nodiscard]] const KernelRule& rule(std::int32_t index) const {
    return *rules_[static_cast<std::size_t>(activity(index).name)];
  }

  /// The innermost annotation around the launch that has an expected name, or -1.
  [[nodiscard]] std::int32_t phase_span(const GpuActivity& activity, const std::map<std::string, int>& by_name) const {
    std::int32_t span = activity.annotation;
    while (span >= 0 && !by_name.contains(trace_.names[trace_.annotations[static_cast<std::size_t>(span)].name]))
      span = trace_.annotations[static_cast<std::size_t>(span)].parent;
    return span;
  }

  void collect() {
    std::map<std::string, int> by_name;
    for (std::size_t i = 0; i < phases_.size(); ++i) by_name.emplace(phases_[i].annotation, static_cast<int>(i));
    std::map<std::int32_t, std::vector<std::int32_t>> by_span;
    for (std::size_t i = 0; i < trace_.activities.size(); ++i) {
      const std::int32_t span = phase_span(trace_.activities[i], by_name);
      if (span < 0) {
        strays_.push_back(static_cast<std::int32_t>(i));
      } else {
        by_span[span].push_back(static_cast<std::int32_t>(i));
      }
    }
    std::vector<std::int32_t> spans;  // by start of the annotation
    for (const auto& [span, activities] : by_span) spans.push_back(span);
    std::stable_sort(spans.begin(), spans.end(), [&](std::int32_t a, std::int32_t b) {
      return trace_.annotations[static_cast<std::size_t>(a)].start_ns <
             trace_.annotations[static_cast<std::size_t>(b)].start_ns;
    });
    std::map<int, int> seen;
    for (const std::int32_t span : spans) {
      const int phase = by_name[trace_.names[trace_.annotations[static_cast<std::size_t>(span)].name]];
      occurrences_.push_back({&phases_[static_cast<std::size_t>(phase)], seen[phase]++, std::move(by_span[span]), {}});
    }
  }

  /// Time a unit of work of each law takes in this occurrence, from all kernels that could be of that law: no outside
  /// constant decides a match.
  [[nodiscard]] std::map<std::string, double> paces(const Occurrence& occurrence,
                                                    const std::vector<Wanted>& wants) const {
    std::map<std::string, double> work;
    for (const Wanted& want : wants)
      if (want.kernels == 1) work[want.law] += want.work;
    std::map<std::string, double> pace;
    for (const auto& [law, sum] : work) {
      double time = 0;
      for (const std::int32_t index : occurrence.activities)
        if (rule(index).can_be(law)) time += static_cast<double>(activity(index).duration_ns);
      if (sum > 0 && time > 0) pace[law] = time / sum;
    }
    return pace;
  }

  void align(Occurrence& occurrence) {
    std::vector<Wanted> wants;
    std::vector<int> capacity;
    for (const ExpectedWork& work : occurrence.phase->work) {
      wants.push_back(wanted(work));
      capacity.push_back(wants.back().kernels);
    }
    const std::map<std::string, double> pace = paces(occurrence, wants);
    const auto score = [&](int item, int partner) {
      return points(occurrence.activities[static_cast<std::size_t>(item)], wants[static_cast<std::size_t>(partner)],
                    pace);
    };
    occurrence.partner = aligned_partners(static_cast<int>(occurrence.activities.size()), capacity, score);
  }

  [[nodiscard]] double points(std::int32_t index, const Wanted& want, const std::map<std::string, double>& pace) const {
    const KernelRule& told = rule(index);
    if (!told.can_be(want.law)) return kNoPair;
    const GpuActivity& kernel = activity(index);
    double points = 4 + shape_points(told, kernel, trace_.name(kernel), want);
    if (points <= kNoPair / 2) return kNoPair;
    const auto found = pace.find(want.law);
    if (want.kernels == 1 && found != pace.end() && want.work > 0 && kernel.duration_ns > 0)
      points -= 0.7 * std::min(3.0, doublings(static_cast<double>(kernel.duration_ns), found->second * want.work));
    return points;
  }

  /// Kernels that the order left without partner go to work that found none or takes several.
  void adopt_left_over(Occurrence& occurrence) {
    for (std::size_t i = 0; i < occurrence.activities.size(); ++i) {
      if (occurrence.partner[i] >= 0) continue;
      double best = 0;
      for (std::size_t j = 0; j < occurrence.phase->work.size(); ++j) {
        const Wanted want = wanted(occurrence.phase->work[j]);
        const auto taken = std::count(occurrence.partner.begin(), occurrence.partner.end(), static_cast<int>(j));
        if (taken > 0 && want.kernels <= 1) continue;
        const double value = points(occurrence.activities[i], want, {}) - (taken > 0 ? 2 : 0);
        if (value > best) {
          best = value;
          occurrence.partner[i] = static_cast<int>(j);
        }
      }
    }
  }

  void report(const Occurrence& occurrence) {
    std::vector<MatchedWork> found(occurrence.phase->work.size());
    for (std::size_t i = 0; i < occurrence.activities.size(); ++i) {
      if (occurrence.partner[i] < 0) {
        result_.unmatched.push_back({occurrence.activities[i], occurrence.phase->annotation});
      } else {
        found[static_cast<std::size_t>(occurrence.partner[i])].activities.push_back(occurrence.activities[i]);
      }
    }
    const std::size_t first = result_.matched.size();
    for (std::size_t j = 0; j < found.size(); ++j) {
      if (found[j].activities.empty()) {
        result_.missing.push_back(
            {occurrence.phase->annotation, occurrence.number, name_of(occurrence.phase->work[j])});
        missing_work_.push_back(occurrence.phase->work[j]);
        continue;
      }
      keep(std::move(found[j]), occurrence.phase->annotation, occurrence.number, occurrence.phase->work[j]);
    }
    set_rows_seen(first);
  }

  void keep(MatchedWork match, const std::string& phase, int occurrence, const ExpectedWork& work) {
    match.phase = phase;
    match.occurrence = occurrence;
    match.work = work;
    std::vector<Interval> intervals;
    for (const std::int32_t index : match.activities) {
      const double time = static_cast<double>(activity(index).duration_ns) * 1e-3;
      match.time_us += time;
      if (rule(index).waits) match.waiting_us += time;
      intervals.push_back({activity(index).start_ns, activity(index).end_ns()});
    }
    match.busy_us = static_cast<double>(length(interval_union(std::move(intervals)))) * 1e-3;
    result_.matched.push_back(std::move(match));
  }

  /// Work that no kernel of its own phase was, against kernels left over in other phases of the same occurrence number
  /// (programs put a cast before or after the annotation's edge).
  void lend_across_phases() {
    std::vector<MissingWork> still_missing;
    for (std::size_t i = 0; i < result_.missing.size(); ++i) {
      const Wanted want = wanted(missing_work_[i]);
      auto best = result_.unmatched.end();
      double most = 4;  // shapes must speak for it
      for (auto at = result_.unmatched.begin(); at != result_.unmatched.end(); ++at) {
        const double value = points(at->activity, want, {});
        if (value > most && occurrence_of(at->activity) == result_.missing[i].occurrence) {
          most = value;
          best = at;
        }
      }
      if (best == result_.unmatched.end()) {
        still_missing.push_back(result_.missing[i]);
        continue;
      }
      MatchedWork match;
      match.activities.push_back(best->activity);
      keep(std::move(match), best->phase, result_.missing[i].occurrence, missing_work_[i]);
      result_.unmatched.erase(best);
    }
    result_.missing = std::move(still_missing);
  }

  [[nodiscard]] int occurrence_of(std::int32_t index) const {
    for (const Occurrence& occurrence : occurrences_)
      if (std::binary_search(occurrence.activities.begin(), occurrence.activities.end(), index))
        return occurrence.number;
    return -1;
  }

  /// Rows of routed tokens differ from layer to layer: where a grid shows them, all work of the occurrence with the
  /// same expected count takes the shown one.
  void set_rows_seen(std::size_t first) {
    std::map<std::int64_t, std::vector<std::int64_t>> shown;
    for (std::size_t i = first; i < result_.matched.size(); ++i) {
      const MatchedWork& match = result_.matched[i];
      const Wanted want = wanted(match.work);
      const std::int32_t kernel = match.activities.front();
      const auto rows = rule(kernel).rows.of(activity(kernel).grid);
      if (rows && want.rows > 0 && doublings(static_cast<double>(*rows), static_cast<double>(want.rows)) < 0.4)
        shown[want.rows].push_back(*rows);
    }
    for (auto& [expected, counts] : shown) std::sort(counts.begin(), counts.end());
    for (std::size_t i = first; i < result_.matched.size(); ++i) {
      auto* operation = std::get_if<Operator>(&result_.matched[i].work);
      if (operation == nullptr) continue;
      const auto put = [&](std::int64_t& size) {
        const auto found = shown.find(size);
        if (size <= 0 || found == shown.end()) return;
        const std::int64_t median = found->second[found->second.size() / 2];
        result_.matched[i].rows_seen = true;
        const double ratio = static_cast<double>(median) / static_cast<double>(size);
        size = median;
        operation->flops *= ratio;
        operation->bytes *= ratio;
      };
      if (operation->kind == OperatorKind::grouped_gemm) {
        put(operation->pass == Pass::backward_weight ? operation->gemm.k : operation->gemm.m);
      } else {
        put(operation->rows);
      }
    }
  }

  const Trace& trace_;
  const std::vector<const KernelRule*> rules_;
  const std::vector<ExpectedPhase>& phases_;
  std::vector<Occurrence> occurrences_;
  std::vector<std::int32_t> strays_;
  std::vector<ExpectedWork> missing_work_;  ///< beside result_.missing
  TraceMatch result_;
};

}  // namespace

std::vector<ExpectedPhase> layer_phases(const LayerWork& layer) {
  std::vector<ExpectedPhase> phases;
  const auto add = [&](const LayerPass& pass, char direction) {
    for (const Segment& segment : pass) {
      std::string label;
      std::vector<ExpectedWork> work;
      if (const auto* block = std::get_if<ComputeBlock>(&segment)) {
        label = block->name == "shared" ? "mlp" : block->name;  // the trace encloses both in one annotation
        work.assign(block->operators.begin(), block->operators.end());
      } else {
        const auto& communication = std::get<Communication>(segment);
        const bool turned = direction == 'B';
        const bool dispatches = communication.kind == CommunicationKind::dispatch;
        label = dispatches != turned ? "dispatch" : "combine";
        if (!dispatches && communication.kind != CommunicationKind::combine) label = name(communication.kind);
        work.assign(communication.prologue.begin(), communication.prologue.end());
        work.emplace_back(communication);
      }
      const std::string annotation = label + "(" + direction + ")";
      const auto same = std::find_if(phases.begin(), phases.end(),
                                     [&](const ExpectedPhase& phase) { return phase.annotation == annotation; });
      if (same == phases.end()) {
        phases.push_back({annotation, std::move(work)});
      } else {
        same->work.insert(same->work.end(), work.begin(), work.end());
      }
    }
  };
  add(layer.forward, 'F');
  add(layer.backward_input, 'B');
  add(layer.backward_weight, 'W');
  return phases;
}

TraceMatch match_phases(const Trace& trace, const KernelClasses& classes, const std::vector<ExpectedPhase>& phases) {
  return PhaseMatcher(trace, classes, phases).match();
}

}  // namespace gpuhours
