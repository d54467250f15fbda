#include "calibrate/recorded.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "calibrate/intervals.hpp"

namespace gpuhours {

std::vector<std::vector<std::int64_t>> input_sizes(std::string_view text) {
  std::vector<std::vector<std::int64_t>> sizes;
  int depth = 0;
  std::int64_t number = -1;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      if (number > INT64_MAX / 100) return {};
      number = std::max<std::int64_t>(number, 0) * 10 + (c - '0');
      continue;
    }
    if (number >= 0) {
      if (sizes.empty()) return {};
      sizes.back().push_back(number);
      number = -1;
    }
    if (c == '[' && ++depth == 2) sizes.emplace_back();
    if (c == ']') --depth;
    if ((c != '[' && c != ']' && c != ',') || depth < 0) return {};
  }
  return depth == 0 ? sizes : std::vector<std::vector<std::int64_t>>{};
}

namespace {

using Sizes = std::vector<std::vector<std::int64_t>>;

Operator product(std::string_view call, OperatorKind kind, const GemmShape& shape) {
  Operator op;
  op.name = call;
  op.kind = kind;
  op.gemm = shape;
  const bool by_group = kind == OperatorKind::gemm;  // a batched product: every group has the whole shape
  op.flops = Flops(2.0 * static_cast<double>(shape.m) * static_cast<double>(shape.n) * static_cast<double>(shape.k) *
                   (by_group ? shape.groups : 1));
  return op;
}

std::optional<Operator> plain_product(std::string_view call, const Sizes& sizes, std::size_t first) {
  if (sizes.size() < first + 2) return std::nullopt;
  const auto& a = sizes[first];
  const auto& b = sizes[first + 1];
  if (a.size() == 2 && b.size() == 2 && a[1] == b[0]) return product(call, OperatorKind::gemm, {a[0], b[1], a[1], 1});
  if (a.size() == 3 && b.size() == 3 && a[0] == b[0] && a[2] == b[1])
    return product(call, OperatorKind::gemm,
                   {a[1], b[2], a[2], static_cast<int>(std::min<std::int64_t>(a[0], 1 << 30))});
  return std::nullopt;
}

/// rows x k by groups x k x n, or (for weight gradients) m x rows by rows x n with the ends of groups.
std::optional<Operator> grouped_product(std::string_view call, const Sizes& sizes) {
  if (sizes.size() < 3 || sizes[0].size() != 2 || sizes[2].size() != 1) return std::nullopt;
  const auto& a = sizes[0];
  const auto& b = sizes[1];
  const int groups = static_cast<int>(std::min<std::int64_t>(sizes[2][0], 1 << 30));
  if (b.size() == 3 && a[1] == b[1]) return product(call, OperatorKind::grouped_gemm, {a[0], b[2], a[1], groups});
  if (b.size() == 2 && a[1] == b[0]) return product(call, OperatorKind::grouped_gemm, {a[0], b[1], a[1], groups});
  return std::nullopt;
}

std::optional<Operator> attention(std::string_view call, const Sizes& sizes) {
  const bool backward = call.find("backward") != std::string_view::npos;
  const std::size_t q = backward ? 1 : 0;  // the gradient comes first
  if (sizes.size() < q + 3) return std::nullopt;
  for (std::size_t i = q; i < q + 3; ++i)
    if (sizes[i].size() != 4) return std::nullopt;
  Operator op;
  op.name = call;
  op.kind = OperatorKind::attention;
  op.pass = backward ? Pass::backward_input : Pass::forward;
  op.attention = {sizes[q][0],     sizes[q][1], sizes[q + 1][1], sizes[q][3],
                  sizes[q + 2][3], sizes[q][2], sizes[q + 1][2]};
  return op;
}

}  // namespace

std::optional<Operator> recorded_operator(std::string_view call, const Sizes& sizes) {
  if (call == "aten::mm" || call == "aten::bmm") return plain_product(call, sizes, 0);
  if (call == "aten::addmm" || call == "aten::baddbmm") return plain_product(call, sizes, 1);
  if (call == "aten::_grouped_mm") return grouped_product(call, sizes);
  if (call.find("_attention") != std::string_view::npos && call.substr(0, 7) == "aten::_")
    return attention(call, sizes);
  return std::nullopt;
}

std::vector<Operator> step_operators(const Scenario& scenario) {
  const Workload work_of_step = workload(scenario);
  std::vector<Operator> operators;
  const auto add_pass = [&](const LayerPass& pass) {
    for (const Segment& segment : pass)
      if (const auto* block = std::get_if<ComputeBlock>(&segment))
        operators.insert(operators.end(), block->operators.begin(), block->operators.end());
  };
  const auto add = [&](const LayerWork& work) {
    add_pass(work.forward);
    add_pass(work.backward_input);
    add_pass(work.backward_weight);
  };
  for (const StageWork& stage : work_of_step.stages) {
    if (stage.embedding) add(work_of_step.embedding);
    for (const LayerKind kind : stage.layers) add(layer_work(work_of_step, kind));
    if (stage.head) add(work_of_step.head);
    add_pass({optimizer_work(scenario, stage.parameters)});
  }
  return operators;
}

namespace {

/// Kind and sizes: what makes two products or attentions the same.
using ShapeKey = std::tuple<OperatorKind, std::int64_t, std::int64_t, std::int64_t, std::int64_t>;

bool is_product(const Operator& op) { return op.kind == OperatorKind::gemm || op.kind == OperatorKind::grouped_gemm; }

ShapeKey shape_key(const Operator& op) {
  if (op.kind == OperatorKind::attention)
    return {op.kind, op.attention.batch * op.attention.heads, op.attention.qk_dim, op.attention.seq_q,
            op.pass == Pass::forward ? 0 : 1};
  return {op.kind, op.gemm.m, op.gemm.n, op.gemm.k, op.gemm.groups};
}

/// One framework call and the activities that it launched.
struct Call {
  Operator operation;
  std::vector<std::int32_t> activities;
};

class RecordedMatcher {
 public:
  RecordedMatcher(const Trace& trace, const KernelClasses& classes, const std::vector<Operator>& expected)
      : trace_(trace), rules_(classes.rules_of(trace)), taken_(trace.activities.size(), false) {
    for (const Operator& op : expected) {
      if (is_product(op) || op.kind == OperatorKind::attention) {
        expected_[shape_key(op)].push_back(op);
      } else {
        single_[op.law].push_back(op);
      }
    }
  }

  TraceMatch match() {
    collect_calls();
    match_equal();
    match_cut();
    match_single();
    for (const auto& [key, operators] : expected_)
      for (const Operator& op : operators) result_.missing.push_back({"step", 0, op.name});
    for (std::size_t i = 0; i < trace_.activities.size(); ++i) {
      result_.total_us += time_of(static_cast<std::int32_t>(i));
      if (!taken_[i]) result_.unmatched.push_back({static_cast<std::int32_t>(i), "step"});
    }
    for (const MatchedWork& work : result_.matched) result_.matched_us += work.time_us;
    return std::move(result_);
  }

 private:
  [[nodiscard]] double time_of(std::int32_t index) const {
    return static_cast<double>(trace_.activities[static_cast<std::size_t>(index)].duration_ns) * 1e-3;
  }

  /// The outermost call around an activity's launch that is a product or attention: a grouped product may be made of
  /// plain ones.
  [[nodiscard]] std::int32_t call_around(std::int32_t operation, std::optional<Operator>& found) const {
    std::int32_t outermost = -1;
    for (; operation >= 0; operation = trace_.operations[static_cast<std::size_t>(operation)].parent) {
      const HostSpan& span = trace_.operations[static_cast<std::size_t>(operation)];
      std::optional<Operator> here =
          recorded_operator(trace_.names[span.name], input_sizes(trace_.names[span.input_dims]));
      if (!here) continue;
      found = std::move(here);
      outermost = operation;
    }
    return outermost;
  }

  void collect_calls() {
    std::map<std::int32_t, Call> calls;
    for (std::size_t i = 0; i < trace_.activities.size(); ++i) {
      std::optional<Operator> operation;
      const std::int32_t span = call_around(trace_.activities[i].operation, operation);
      if (span < 0) continue;
      Call& call = calls[span];
      call.operation = *operation;
      call.activities.push_back(static_cast<std::int32_t>(i));
    }
    for (auto& [span, call] : calls) calls_[shape_key(call.operation)].push_back(std::move(call));
    for (auto& [key, list] : calls_)
      std::stable_sort(list.begin(), list.end(),
                       [](const Call& a, const Call& b) { return a.activities.front() < b.activities.front(); });
  }

  void keep(const Operator& op, std::vector<std::int32_t> activities, int occurrence) {
    MatchedWork match;
    match.phase = "step";
    match.occurrence = occurrence;
    match.work = op;
    std::vector<Interval> intervals;
    for (const std::int32_t index : activities) {
      const GpuActivity& activity = trace_.activities[static_cast<std::size_t>(index)];
      match.time_us += time_of(index);
      intervals.push_back({activity.start_ns, activity.end_ns()});
      taken_[static_cast<std::size_t>(index)] = true;
    }
    match.busy_us = static_cast<double>(length(interval_union(std::move(intervals)))) * 1e-3;
    match.activities = std::move(activities);
    result_.matched.push_back(std::move(match));
  }

  void match_equal() {
    for (auto& [key, operators] : expected_) {
      const auto found = calls_.find(key);
      if (found == calls_.end()) continue;
      std::vector<Call>& calls = found->second;
      const std::size_t count = std::min(calls.size(), operators.size());
      for (std::size_t i = 0; i < count; ++i) keep(operators[i], std::move(calls[i].activities), static_cast<int>(i));
      calls.erase(calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(count));
      operators.erase(operators.begin(), operators.begin() + static_cast<std::ptrdiff_t>(count));
    }
  }

  void match_cut() {
    for (auto& [key, operators] : expected_) {
      if (operators.empty() || !is_product(operators.front())) continue;
      for (int dimension = 0; dimension < 3 && !operators.empty(); ++dimension) match_cut_along(dimension, operators);
    }
  }

  static std::int64_t& size_along(GemmShape& shape, int dimension) {
    return dimension == 0 ? shape.m : dimension == 1 ? shape.n : shape.k;
  }

  /// Calls whose sizes along `dimension` add up to the expected one, two or three of them.
  void match_cut_along(int dimension, std::vector<Operator>& operators) {
    const std::size_t count = operators.size();
    const Operator whole = operators.front();
    GemmShape expected = whole.gemm;
    const std::int64_t size = size_along(expected, dimension);
    std::vector<std::pair<std::int64_t, std::vector<Call>*>> parts;
    for (auto& [key, calls] : calls_) {
      if (calls.size() < count || calls.front().operation.kind != whole.kind) continue;
      GemmShape shape = calls.front().operation.gemm;
      const std::int64_t part = size_along(shape, dimension);
      size_along(shape, dimension) = size;
      const bool shares =
          shape.m == expected.m && shape.n == expected.n && shape.k == expected.k && shape.groups == expected.groups;
      if (shares && part < size) parts.emplace_back(part, &calls);
    }
    const std::vector<std::vector<Call>*> chosen = summing_parts(parts, size, count);
    if (chosen.empty()) return;
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<std::int32_t> activities;
      for (std::vector<Call>* calls : chosen) {
        activities.insert(activities.end(), calls->front().activities.begin(), calls->front().activities.end());
        calls->erase(calls->begin());
      }
      std::sort(activities.begin(), activities.end());
      keep(operators[i], std::move(activities), static_cast<int>(i));
    }
    operators.clear();
  }

  using Parts = std::vector<std::pair<std::int64_t, std::vector<Call>*>>;

  /// Two or three parts, one perhaps several times, that add up to `size` and have `count` calls for each use.
  static std::vector<std::vector<Call>*> summing_parts(const Parts& parts, std::int64_t size, std::size_t count) {
    const auto enough = [&](const std::vector<std::vector<Call>*>& chosen) {
      return std::all_of(chosen.begin(), chosen.end(), [&](std::vector<Call>* calls) {
        const auto uses = static_cast<std::size_t>(std::count(chosen.begin(), chosen.end(), calls));
        return calls->size() >= uses * count;
      });
    };
    for (std::size_t a = 0; a < parts.size(); ++a) {
      for (std::size_t b = a; b < parts.size(); ++b) {
        const std::int64_t two = parts[a].first + parts[b].first;
        if (two == size && enough({parts[a].second, parts[b].second})) return {parts[a].second, parts[b].second};
        for (std::size_t c = b; c < parts.size(); ++c)
          if (two + parts[c].first == size && enough({parts[a].second, parts[b].second, parts[c].second}))
            return {parts[a].second, parts[b].second, parts[c].second};
      }
    }
    return {};
  }

  void match_single() {
    for (const auto& [law, operators] : single_) {
      if (operators.size() != 1 || law.empty() || law == "small") continue;
      std::vector<std::int32_t> activities;
      for (std::size_t i = 0; i < trace_.activities.size(); ++i)
        if (!taken_[i] && rules_[static_cast<std::size_t>(trace_.activities[i].name)]->can_be(law))
          activities.push_back(static_cast<std::int32_t>(i));
      if (!activities.empty()) keep(operators.front(), std::move(activities), 0);
    }
  }

  const Trace& trace_;
  const std::vector<const KernelRule*> rules_;
  std::vector<bool> taken_;
  std::map<ShapeKey, std::vector<Operator>> expected_;
  std::map<std::string, std::vector<Operator>> single_;
  std::map<ShapeKey, std::vector<Call>> calls_;
  TraceMatch result_;
};

}  // namespace

TraceMatch match_recorded(const Trace& trace, const KernelClasses& classes, const std::vector<Operator>& expected) {
  return RecordedMatcher(trace, classes, expected).match();
}

}  // namespace gpuhours
