#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "calibrate/match.hpp"

namespace gpuhours {

namespace {

double microseconds(const GpuActivity& activity) { return static_cast<double>(activity.duration_ns) * 1e-3; }

const GpuActivity& activity_of(const Trace& trace, std::int32_t index) {
  return trace.activities[static_cast<std::size_t>(index)];
}

struct Tally {
  std::int64_t matched = 0;
  std::int64_t all = 0;
  double matched_us = 0;
  double all_us = 0;
};

std::string classes_text(const TraceMatch& match, const Trace& trace, const KernelClasses& classes) {
  std::map<std::string, Tally> by_class;
  const std::vector<const KernelRule*> rules = classes.rules_of(trace);
  const auto tally = [&](std::int32_t index) -> Tally& {
    return by_class[rules[static_cast<std::size_t>(activity_of(trace, index).name)]->kernel_class];
  };
  for (std::size_t i = 0; i < trace.activities.size(); ++i) {
    Tally& sum = tally(static_cast<std::int32_t>(i));
    ++sum.all;
    sum.all_us += microseconds(trace.activities[i]);
  }
  for (const MatchedWork& work : match.matched) {
    for (const std::int32_t index : work.activities) {
      Tally& sum = tally(index);
      ++sum.matched;
      sum.matched_us += microseconds(activity_of(trace, index));
    }
  }
  std::string out = "class                  matched     of     matched us          of us\n";
  for (const auto& [name, sum] : by_class)
    out += fmt::format("  {:<20} {:>7} {:>6} {:>14.1f} {:>14.1f}\n", name, sum.matched, sum.all, sum.matched_us,
                       sum.all_us);
  return out;
}

/// Function name without "void " and shortened.
std::string short_name(std::string_view name) {
  std::string_view function = function_name(name);
  if (function.substr(0, 5) == "void ") function.remove_prefix(5);
  return std::string(function.substr(0, 70));
}

std::string unmatched_text(const TraceMatch& match, const Trace& trace) {
  std::map<std::pair<std::string, std::string>, Tally> by_name;
  for (const UnmatchedActivity& item : match.unmatched) {
    const GpuActivity& activity = activity_of(trace, item.activity);
    Tally& sum = by_name[{item.phase.empty() ? "-" : item.phase, short_name(trace.name(activity))}];
    ++sum.all;
    sum.all_us += microseconds(activity);
  }
  if (by_name.empty()) return {};
  std::vector<std::pair<std::pair<std::string, std::string>, Tally>> rows(by_name.begin(), by_name.end());
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.second.all_us > b.second.all_us; });
  std::string out = "unmatched in        count        us  kernel\n";
  for (const auto& [key, sum] : rows)
    out += fmt::format("  {:<14} {:>8} {:>9.1f}  {}\n", key.first, sum.all, sum.all_us, key.second);
  return out;
}

std::string missing_text(const TraceMatch& match) {
  std::map<std::pair<std::string, std::string>, int> by_name;
  for (const MissingWork& item : match.missing) ++by_name[{item.phase, item.name}];
  if (by_name.empty()) return {};
  std::string out = "not in the trace    count  operator\n";
  for (const auto& [key, count] : by_name) out += fmt::format("  {:<14} {:>8}  {}\n", key.first, count, key.second);
  return out;
}

/// A field in quotes where it needs them.
std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\n\r") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

const char* pass_name(Pass pass) {
  switch (pass) {
    case Pass::forward:
      return "fprop";
    case Pass::backward_input:
      return "dgrad";
    case Pass::backward_weight:
      return "wgrad";
  }
  return "";
}

/// 0 is "does not apply" in shapes.
std::string size_field(std::int64_t size) { return size == 0 ? std::string() : std::to_string(size); }

std::string shape_fields(const ExpectedWork& work) {
  const auto* op = std::get_if<Operator>(&work);
  if (op == nullptr) {
    const auto& communication = std::get<Communication>(work);
    return fmt::format("{},,,,,,,,,,,,,,{},,{},", name(communication.kind), size_field(communication.tokens),
                       communication.bytes.value());
  }
  const GemmShape& gemm = op->gemm;
  const AttentionShape& attention = op->attention;
  const bool product = gemm.m > 0;
  const bool attends = attention.heads > 0;
  std::string out = fmt::format("{},{},{},", name(op->kind), op->law, pass_name(op->pass));
  out += fmt::format("{},{},{},{},", size_field(gemm.m), size_field(gemm.n), size_field(gemm.k),
                     product ? std::to_string(gemm.groups) : "");
  out += fmt::format("{},{},{},{},{},{},{},", size_field(attention.batch), size_field(attention.heads),
                     size_field(attention.kv_heads), size_field(attention.qk_dim), size_field(attention.v_dim),
                     size_field(attention.seq_q), attends ? (attention.causal ? "1" : "0") : "");
  out += fmt::format("{},{},{},{}", size_field(op->rows), size_field(op->cols), op->bytes.value(), op->flops.value());
  return out;
}

}  // namespace

std::string match_text(const TraceMatch& match, const Trace& trace, const KernelClasses& classes) {
  return fmt::format("matched {:.2f} % of {:.1f} us on the GPU\n\n", 100 * match.matched_share(), match.total_us) +
         classes_text(match, trace, classes) + unmatched_text(match, trace) + missing_text(match);
}

std::string measurements_csv(const TraceMatch& match, const Trace& trace) {
  std::string out =
      "phase,occurrence,operator,kind,law,pass,m,n,k,groups,batch,heads,kv_heads,qk_dim,v_dim,seq,causal,rows,cols,"
      "bytes,flops,rows_seen,kernels,time_us,busy_us,waiting_us,start_us,stream,grid,kernel\n";
  const std::int64_t origin = trace.activities.empty() ? 0 : trace.activities.front().start_ns;
  for (const MatchedWork& match_of : match.matched) {
    const auto longest =
        *std::max_element(match_of.activities.begin(), match_of.activities.end(), [&](std::int32_t a, std::int32_t b) {
          return activity_of(trace, a).duration_ns < activity_of(trace, b).duration_ns;
        });
    const GpuActivity& kernel = activity_of(trace, longest);
    const std::string name = std::visit([](const auto& piece) { return piece.name; }, match_of.work);
    out += fmt::format("{},{},{},{},{},{},{:.3f},{:.3f},{:.3f},{:.3f},{},{}x{}x{},{}\n", csv_field(match_of.phase),
                       match_of.occurrence, csv_field(name), shape_fields(match_of.work), match_of.rows_seen ? 1 : 0,
                       match_of.activities.size(), match_of.time_us, match_of.busy_us, match_of.waiting_us,
                       static_cast<double>(activity_of(trace, match_of.activities.front()).start_ns - origin) * 1e-3,
                       kernel.stream, kernel.grid[0], kernel.grid[1], kernel.grid[2],
                       csv_field(short_name(trace.name(kernel))));
  }
  return out;
}

}  // namespace gpuhours
