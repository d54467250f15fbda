// Measurements of gpuhours-profile (tools/profile/README.md): cublasLt GEMMs and cuDNN attention, the kernels that
// frameworks run too, and memory-bound kernels of its own.
// Passed over: rows without a time (their note says why), launch gaps, collectives, rows beside a copier (the
// interference fit has rows of its own), GEMMs outside the tensor cores (FP32), grouped GEMMs of uneven groups.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "calibrate/table_rows.hpp"

namespace gpuhours {

namespace {

struct ProfileName {
  std::string_view op;
  std::string_view forward;
  std::string_view backward;
};

/// Memory-bound operators of the profiler by the laws of the work that they do.
constexpr std::array<ProfileName, 17> kProfileLaws = {{{"rms_norm", "rmsnorm", "rmsnorm_bwd"},
                                                       {"layer_norm", "layernorm", "layernorm_bwd"},
                                                       {"swiglu", "swiglu", "swiglu_bwd"},
                                                       {"gelu", "gelu", "gelu_bwd"},
                                                       {"add", "add", ""},
                                                       {"scale", "scale", ""},
                                                       {"cast_fp8_tensor", "cast_tensor", ""},
                                                       {"cast_fp8_block", "cast_1x128", ""},
                                                       {"cast_transpose_fp8", "cast_transpose_tensor", ""},
                                                       {"transpose_fp8", "transpose_fp8", ""},
                                                       {"copy", "copy_strided", ""},
                                                       {"softmax_cross_entropy", "cross_entropy", "cross_entropy_bwd"},
                                                       {"rope", "rope", "rope"},
                                                       {"permute", "permute", ""},
                                                       {"unpermute", "unpermute", ""},
                                                       {"adamw", "adamw", ""},
                                                       {"grad_norm", "grad_norm", ""}}};

bool is_backward(const TableRow& row) { return row.text("direction") == "bwd"; }

/// Whether "8192|8192|8192" names equal groups (empty does too).
bool even_groups(std::string_view rows) {
  const std::string_view first = rows.substr(0, rows.find('|'));
  while (!rows.empty()) {
    const std::size_t bar = rows.find('|');
    if (rows.substr(0, bar) != first) return false;
    rows = bar == std::string_view::npos ? std::string_view() : rows.substr(bar + 1);
  }
  return true;
}

/// A grouped product is one cublasLt GEMM a group in turn: launches of the dense law.
bool read_gemm(const TableRow& row, Measurement& m) {
  if (m.recipe == "fp32" || !even_groups(row.text("rows"))) return false;
  const std::string_view direction = row.text("direction");
  const bool wgrad = direction == "wgrad";
  const double groups = row.text("op") == "grouped_gemm" ? std::max(1.0, row.number("groups", 1)) : 1;
  m.kind = "dense";
  m.pass = wgrad ? "wgrad_accumulate" : std::string(direction);  // adds into FP32
  m.kernels = groups;
  m.gemm = gemm_case(row.number("m") / (wgrad ? 1 : groups), row.number("n"), row.number("k") / (wgrad ? groups : 1), 1,
                     recipe_bytes(m.recipe), wgrad ? 8 : 2);
  const GemmCase& g = m.gemm;
  if (recipe_bytes(m.recipe) == 1) {
    m.shape_family = fmt::format("{}x{}", g.n, g.k);
  } else {  // outputs and inputs of the weight: its three products are one family
    m.shape_family = direction == "dgrad" ? fmt::format("1x{}x{}", g.k, g.n)
                     : wgrad              ? fmt::format("1x{}x{}", g.m, g.n)
                                          : fmt::format("1x{}x{}", g.n, g.k);
  }
  return true;
}

void read_attention(const TableRow& row, Measurement& m) {
  m.form = LawForm::attention;
  m.recipe = "bf16";  // FP16 runs the same kernels
  m.attention.backward = is_backward(row);
  m.pass = m.attention.backward ? "backward" : "forward";
  m.attention.heads = row.number("batch") * row.number("heads");
  m.attention.seq_q = m.attention.seq_kv = row.number("seq");
  m.attention.qk_dim = row.number("head_dim_qk");
  m.attention.v_dim = row.number("head_dim_v");
  m.attention.causal = row.number("causal") != 0;
  m.shape_family = fmt::format("{}/{}/{}", row.text("heads"), row.text("kv_heads"), row.text("causal"));
}

bool read_memory(const TableRow& row, Measurement& m) {
  const auto found = std::find_if(kProfileLaws.begin(), kProfileLaws.end(),
                                  [&](const ProfileName& name) { return name.op == row.text("op"); });
  if (found == kProfileLaws.end()) return false;
  m.form = LawForm::memory;
  m.recipe.clear();
  m.kind = is_backward(row) ? found->backward : found->forward;
  m.own_kernel = m.kind != "copy_strided";  // a memcpy of the driver
  const bool whole = m.kind == "adamw" || m.kind == "grad_norm";
  m.kernels = whole ? 1 : row.number("kernels", 1);
  m.bytes = row.number("bytes");
  // The law counts a token's row once, the table once for every copy.
  if (m.kind == "permute") m.bytes = 2 * row.number("cols") * row.number("rows") * (1 + row.number("k"));
  m.shape_family = std::string(row.text(whole ? "elements" : "cols"));
  return m.bytes > 0;
}

}  // namespace

void read_profile(const TableRow& row, const Gpu& gpu, MeasurementSet& set) {
  const std::string_view op = row.text("op");
  const bool grouped = op == "grouped_gemm";
  if (op == "launch_gap" || op == "collective" || op == "gemm_under_copier" || row.text("time_us").empty()) return;
  if (!grouped && !row.text("groups").empty()) return;
  Measurement m;
  m.recipe = row.text("dtype");
  if (op == "gemm" || grouped) {
    if (!read_gemm(row, m)) return;
  } else if (op == "attention") {
    read_attention(row, m);
  } else if (!read_memory(row, m)) {
    return row.error("op", fmt::format("no law for '{}'", op));
  }
  m.seconds = row.seconds("time_us", 1e-6);
  m.run_seconds = m.seconds * row.number("calls", 1);
  m.source = fmt::format("gpuhours-profile {}", row.text("date"));
  m.row = fmt::format("{} {}", row.label(), row.text("id"));
  if (plausible(m, gpu, row, "time_us")) set.kernels.push_back(std::move(m));
}

}  // namespace gpuhours
