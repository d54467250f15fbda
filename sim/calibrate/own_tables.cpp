// Our own H100 tables (h100_cupti).

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "calibrate/table_rows.hpp"

namespace gpuhours {

namespace {

/// Tokens, outputs and inputs of a weight as m, n, k of the pass's product.
GemmCase pass_case(std::string_view pass, double tokens, double n_out, double k_in, double groups, double operand,
                   double result) {
  if (pass == "dgrad") return gemm_case(tokens / groups, k_in, n_out, groups, operand, result);
  if (pass.substr(0, 5) == "wgrad") return gemm_case(n_out, k_in, tokens / groups, groups, operand, result);
  return gemm_case(tokens / groups, n_out, k_in, groups, operand, result);
}

std::string own_recipe(std::string_view dtype) {
  if (dtype == "fp8_block1x1") return "fp8_block";  // the form that wgrad has: 1x128 by 1x128
  return std::string(dtype);
}

struct MemoryName {
  std::string_view op;
  std::string_view direction;
  std::string_view law;
};

/// Operators of memory_bound.csv by the laws that they are. Eager transposes and FP32 accumulation have none.
constexpr std::array<MemoryName, 22> kOwnMemory = {
    {{"rms_norm", "fwd", "rmsnorm"},
     {"rms_norm", "bwd", "rmsnorm_bwd"},
     {"layer_norm", "fwd", "layernorm"},
     {"layer_norm", "bwd", "layernorm_bwd"},
     {"add", "fwd", "add"},
     {"amax", "fwd", "amax"},
     {"silu_mul", "fwd", "swiglu"},
     {"silu_mul", "bwd", "swiglu_bwd"},
     {"gelu", "fwd", "gelu"},
     {"cast_fp8_1x128", "fwd", "cast_1x128"},
     {"cast_fp8_tensor_scale", "fwd", "cast_tensor"},
     {"cast_fp8_transpose", "fwd", "cast_transpose_tensor"},
     {"cast_fp32_bf16", "step", "cast_weights"},
     {"copy", "fwd", "copy_strided"},
     {"rope", "fwd", "rope"},
     {"gather_rows", "fwd", "permute"},
     {"index_add_rows", "fwd", "unpermute"},
     {"cross_entropy_eager(fp32 upcast)", "fwd", "cross_entropy_eager"},
     {"cross_entropy_eager(fp32 upcast)", "bwd", "cross_entropy_eager_bwd"},
     {"adamw_fused", "step", "adamw"},
     {"grad_norm", "step", "grad_norm"},
     {"embedding", "fwd", "embedding"}}};

std::string own_memory_law(std::string_view op, std::string_view direction) {
  for (const MemoryName& name : kOwnMemory) {
    if (name.op == op && name.direction == direction) return std::string(name.law);
  }
  return op.substr(0, 19) == "router_sigmoid_topk" ? "router_topk" : "";
}

/// The first number in `text` after `word`.
double number_after(std::string_view text, std::string_view word) {
  const std::size_t at = text.find(word);
  return at == std::string_view::npos ? 0 : std::strtod(std::string(text.substr(at + word.size())).c_str(), nullptr);
}

/// "8192x4096x14336" at the end of the first part of a detail.
bool product_of(std::string_view text, double& m, double& n, double& k) {
  const std::size_t begin = text.find_last_of(' ');
  const std::string sides(begin == std::string_view::npos ? text : text.substr(begin + 1));
  char* end = nullptr;
  m = std::strtod(sides.c_str(), &end);
  if (*end != 'x') return false;
  n = std::strtod(end + 1, &end);
  if (*end != 'x') return false;
  k = std::strtod(end + 1, &end);
  return m > 0 && n > 0 && k > 0;
}

std::string detail_recipe(std::string_view detail) {
  if (detail.substr(0, 7) == "fp8 row") return "fp8_row";
  if (detail.substr(0, 10) == "fp8 tensor") return "fp8_tensor";
  return detail.substr(0, 4) == "bf16" ? "bf16" : "";
}

void read_copier(const TableRow& row, MeasurementSet& set) {
  const std::string_view detail = row.text("detail");
  const std::size_t bar = detail.find(" | ");
  if (bar == std::string_view::npos) return row.error("detail", "no ' | SMs' in the detail");
  InterferenceMeasurement m;
  const std::string_view what = detail.substr(0, bar);
  m.copier_sms = number_after(detail, " | ");
  const double alone = number_after(row.text("note"), "alone ") * 1e-6;
  const double beside = row.seconds("value", 1e-6);
  if (alone <= 0 || beside <= 0 || m.copier_sms <= 0) return row.error("note", "no time alone in the note");
  m.ratio = beside / alone;
  m.alone.source = row.file();
  m.alone.row = fmt::format("{} {}", row.label(), detail);
  m.alone.seconds = alone;
  double side_m = 0;
  double side_n = 0;
  double side_k = 0;
  if (const std::string recipe = detail_recipe(what); !recipe.empty() && product_of(what, side_m, side_n, side_k)) {
    m.alone.recipe = recipe;
    m.alone.kind = "dense";
    m.alone.pass = "fprop";
    m.alone.gemm = gemm_case(side_m, side_n, side_k, 1, recipe_bytes(recipe), 2);
  } else if (what.substr(0, 4) == "sdpa") {
    m.alone.form = LawForm::attention;
  } else {
    m.alone.form = LawForm::memory;
    m.alone.kind = what.substr(0, 8) == "rms_norm" ? "rmsnorm" : "add";
  }
  set.interference.push_back(std::move(m));
}

void read_sustained(const TableRow& row, MeasurementSet& set) {
  const std::string_view detail = row.text("detail");
  const std::string recipe = detail_recipe(detail);
  double m = 0;
  double n = 0;
  double k = 0;
  if (recipe.empty() || !product_of(detail, m, n, k)) return;
  const double burst = number_after(row.text("note"), "first 50 ms ");
  const double sustained = row.number("value");
  if (burst <= 0 || sustained <= 0) return row.error("note", "no rate of the first 50 ms in the note");
  SustainedMeasurement s;
  s.burst.recipe = recipe;
  s.burst.kind = "dense";
  s.burst.pass = "fprop";
  s.burst.gemm = gemm_case(m, n, k, 1, recipe_bytes(recipe), 2);
  s.burst.seconds = 2 * m * n * k / (burst * 1e12);
  s.burst.row = fmt::format("{} {}", row.label(), detail);
  s.ratio = sustained / burst;
  set.sustained.push_back(std::move(s));
}

}  // namespace

void read_own_gemm(const TableRow& row, const Gpu& gpu, MeasurementSet& set) {
  Measurement m;
  const std::string_view dtype = row.text("dtype");
  const std::string_view kind = row.text("kind");
  const std::string_view op = row.text("op");
  m.recipe = own_recipe(dtype);
  m.kind = kind.empty() || kind == "dense" ? "dense" : "grouped";
  const bool accumulate = row.text("out") == "fp32acc";
  m.pass = accumulate ? "wgrad_accumulate" : std::string(op);
  const double groups = row.number("groups", 1);
  const double result = accumulate ? 8 : 2;  // FP32 read and written
  const double tokens = row.number("tokens");
  const double n_out = row.number("n_out");
  const double k_in = row.number("k_in");
  // The dense FP8 rows name the product's own m, n, k.
  const bool own_sides = m.kind == "dense" && dtype.substr(0, 3) == "fp8";
  m.gemm = pass_case(own_sides ? "fprop" : op, tokens, n_out, k_in, groups, recipe_bytes(m.recipe), result);
  m.seconds = row.seconds("time_us", 1e-6);
  m.run_seconds = m.seconds * row.number("n", 1);
  m.source = "h100_cupti";
  m.row = fmt::format("{} {}x{}x{} {}", row.label(), tokens, n_out, k_in, row.text("kernel").substr(0, 48));
  m.shape_family = own_sides ? fmt::format("{}x{}", m.gemm.n, m.gemm.k) : fmt::format("{}x{}x{}", groups, n_out, k_in);
  if (plausible(m, gpu, row, "time_us")) set.kernels.push_back(std::move(m));
}

void read_own_attention(const TableRow& row, const Gpu& gpu, MeasurementSet& set) {
  Measurement m;
  m.form = LawForm::attention;
  if (row.text("backend") == "flash") m.kind = "flash2";
  m.recipe = row.text("dtype");
  m.attention.backward = row.text("direction") == "bwd";
  m.pass = m.attention.backward ? "backward" : "forward";
  m.attention.heads = row.number("batch") * row.number("heads");
  m.attention.seq_q = m.attention.seq_kv = row.number("seq");
  m.attention.qk_dim = row.number("head_dim_qk");
  m.attention.v_dim = row.number("head_dim_v");
  m.attention.causal = row.number("causal") != 0;
  m.seconds = row.seconds("time_us", 1e-6);
  m.run_seconds = m.seconds * row.number("n", 1);
  m.source = "h100_cupti";
  m.row = fmt::format("{} {}x{}x{} kv {}", row.label(), row.text("batch"), row.text("heads"), row.text("seq"),
                      row.text("kv_heads"));
  m.shape_family = fmt::format("{}/{}/{}", row.text("heads"), row.text("kv_heads"), row.text("causal"));
  if (plausible(m, gpu, row, "time_us")) set.kernels.push_back(std::move(m));
}

void read_own_memory(const TableRow& row, const Gpu& gpu, MeasurementSet& set) {
  Measurement m;
  m.form = LawForm::memory;
  m.kind = own_memory_law(row.text("op"), row.text("direction"));
  if (m.kind.empty()) return;
  m.bytes = row.number("bytes");
  // The optimizer's and the norm's launches grow with the number of tensors, not with the operator.
  const bool many = m.kind == "adamw" || m.kind == "grad_norm";
  m.kernels = many ? 1 : row.number("kernels", 1);
  m.seconds = row.seconds("time_us", 1e-6);
  m.source = "h100_cupti";
  m.row = fmt::format("{} {} {}x{}", row.label(), row.text("op"), row.text("rows"), row.text("cols"));
  m.shape_family = many ? fmt::format("{}", row.text("rows")) : fmt::format("{}", row.text("cols"));
  if (plausible(m, gpu, row, "time_us")) set.kernels.push_back(std::move(m));
}

void read_own_misc(const TableRow& row, const Gpu&, MeasurementSet& set) {
  const std::string_view what = row.text("what");
  if (what == "under resident copier of N SMs") read_copier(row, set);
  if (what == "sustained") read_sustained(row, set);
}

}  // namespace gpuhours
