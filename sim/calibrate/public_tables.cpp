// Tables of public sources: training-like shapes only (each side of a product 512 or more, 1,024 tokens or more).

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "calibrate/table_rows.hpp"

namespace gpuhours {

namespace {

constexpr double kFewestTokens = 1024;
constexpr double kShortestSide = 512;

std::string public_recipe(std::string_view dtype, std::string_view kernel) {
  if (dtype == "bf16" || dtype == "bfloat16") return "bf16";
  if (dtype == "fp16" || dtype == "nvfp4" || dtype == "mxfp8") return std::string(dtype);
  if (dtype == "fp8_block128" || dtype == "fp8_block") return "fp8_block";
  // "fp8": torch._scaled_mm with a scale a tensor.
  if (dtype == "fp8_per_tensor" || dtype == "fp8" || dtype == "fp8_current") return "fp8_tensor";
  // SGLang's fp8_scaled_mm takes a scale per token or per tensor; it is the row-wise kernel.
  if (dtype == "fp8_per_tensor_or_token" || kernel.find("fp8_scaled_mm") != std::string_view::npos) return "fp8_row";
  return {};
}

/// The pass of a kind that the laws can use, empty for sums of passes and whole modules.
std::string public_pass(std::string_view kind) {
  if (kind == "grouped_masked") return "fprop";
  if (kind == "dense_best_found") return "fprop";
  if (kind == "dense" || kind == "dense_train_fwd" || kind == "grouped_train_fwd") return "fprop";
  if (kind == "dense_train_dgrad" || kind == "grouped_train_dgrad") return "dgrad";
  if (kind == "dense_train_wgrad" || kind == "grouped_train_wgrad") return "wgrad_accumulate";
  return {};
}

/// The source's name without the file inside it: rows of one bench are one source.
std::string bench_of(std::string_view source) { return std::string(source.substr(0, source.find(' '))); }

/// The H20 tables hold decode shapes only: 128 tokens are the most that most of them have.
bool training_like(const GemmCase& g, const Gpu& gpu) {
  if (gpu.id == "h20") return g.m >= 128 && g.n >= kShortestSide && g.k >= kShortestSide;
  return std::max(g.m, g.k) >= kFewestTokens && g.m >= kShortestSide && g.n >= kShortestSide && g.k >= kShortestSide;
}

struct MemoryName {
  std::string_view op;
  std::string_view direction;
  std::string_view law;
};

/// Operators of public tables by law; the eager ones with a floor near 0.1 ms and plots read by eye are left out.
constexpr std::array<MemoryName, 9> kPublicMemory = {{{"fp8_static_quant(bf16->fp8)", "fwd", "cast_tensor"},
                                                      {"amax/compute_scale", "fwd", "amax"},
                                                      {"residual_add", "fwd", "add"},
                                                      {"rmsnorm", "fwd", "rmsnorm"},
                                                      {"layernorm", "fwd", "layernorm"},
                                                      {"residual_add+rmsnorm", "fwd", "rmsnorm_add"},
                                                      {"silu_and_mul", "fwd", "swiglu"},
                                                      {"rope", "fwd", "rope"},
                                                      {"embedding", "fwd", "embedding"}}};

/// Bytes an operator moves at least for it to be of interest in training, and to lie beyond the L2.
constexpr double kFewestBytes = 64e6;

}  // namespace

void read_public_gemm(const TableRow& row, const Gpu& gpu, MeasurementSet& set) {
  Measurement m;
  m.recipe = public_recipe(row.text("dtype"), row.text("note"));
  m.pass = public_pass(row.text("kind"));
  if (m.recipe.empty() || m.pass.empty() || row.text("time_us").empty()) return;
  m.kind = row.text("kind").substr(0, 7) == "grouped" ? "grouped" : "dense";
  m.gemm = gemm_case(row.number("m"), row.number("n"), row.number("k"), row.number("groups", 1), recipe_bytes(m.recipe),
                     m.pass == "wgrad_accumulate" ? 8 : 2);
  // torchao's grouped rows name the rows of all groups together.
  if (m.kind == "grouped" && row.text("source").substr(0, 10) == "pytorch/ao") {
    const bool wgrad = m.pass == "wgrad_accumulate";
    const double groups = m.gemm.groups;
    m.gemm = gemm_case(m.gemm.m / (wgrad ? 1 : groups), m.gemm.n, m.gemm.k / (wgrad ? groups : 1), groups,
                       recipe_bytes(m.recipe), wgrad ? 8 : 2);
  } else if (m.kind == "grouped" && m.pass == "wgrad_accumulate") {
    // Other grouped wgrad rows name tokens of a group, outputs and inputs of the weight.
    m.gemm = gemm_case(m.gemm.n, m.gemm.k, m.gemm.m, m.gemm.groups, recipe_bytes(m.recipe), 8);
  } else if (!training_like(m.gemm, gpu)) {
    return;
  }
  m.seconds = row.seconds("time_us", 1e-6);
  m.source = bench_of(row.text("source"));
  // The best shape of a search shows the tile's rate before power limits it; few rows beside it tell the limit.
  m.few = row.text("kind") == "dense_best_found" || m.source.find("gemm_profiling") != std::string::npos;
  m.training = m.few || row.text("kind").find("_train_") != std::string_view::npos;
  m.row = fmt::format("{} {}x{}x{}", row.label(), m.gemm.m, m.gemm.n, m.gemm.k);
  m.shape_family = fmt::format("{}x{}", m.gemm.n, m.gemm.k);
  if (plausible(m, gpu, row, "time_us")) set.kernels.push_back(std::move(m));
}

namespace {

/// Casts as the difference of two sums: with and without them; of current and delayed scaling, which knows the largest
/// value. Operands of a pass are both cast by every call. NVFP4 reads its operands once more for the largest value,
/// which its bytes leave out, as those of the operator do.
void add_cast(const TableRow& row, const Gpu& gpu, const std::string& pass, double elements, MeasurementSet& set) {
  struct Difference {
    const char *more, *less, *law;
    double bytes;
  };
  constexpr Difference kDifferences[] = {{"mxfp8, autocast", "mxfp8, pre-quantised", "cast_mx32", 4 + 2.0 / 32},
                                         {"nvfp4, autocast", "nvfp4, pre-quantised", "cast_nv16", 3 + 2.0 / 16},
                                         {"fp8_current, autocast", "fp8_delayed, autocast", "amax", 2}};
  for (const Difference& d : kDifferences) {
    const auto more = set.layer_sums.find(pass + " " + d.more);
    const auto less = set.layer_sums.find(pass + " " + d.less);
    if (more == set.layer_sums.end() || less == set.layer_sums.end()) continue;
    Measurement m;
    m.form = LawForm::memory;
    m.kind = d.law;
    m.bytes = elements * d.bytes;
    m.kernels = 8;  // two operands of four products
    m.seconds = more->second - less->second;
    m.source = bench_of(row.text("source"));
    m.training = true;
    m.row = fmt::format("{} {} of {}", row.label(), d.law, pass);
    m.shape_family = pass;
    set.layer_sums.erase(less);  // each difference once
    if (plausible(m, gpu, row, "time_us")) set.kernels.push_back(std::move(m));
  }
}

}  // namespace

void read_public_sums(const TableRow& row, const Gpu& gpu, MeasurementSet& set) {
  if (row.text("op") != "te_layer_gemm_sum") return;
  const std::string detail(row.text("detail"));
  char pass[8] = {};
  char recipe[16] = {};
  char mode[16] = {};
  double hidden = 0;
  double ffn = 0;
  double thousands = 0;
  double tokens = 0;
  constexpr const char* kDetail = "%7s sum of 4 GEMMs (h %lf, ffn %lf, %lf,%lf tokens), %15[a-z0-9_], %15s";
  if (std::sscanf(detail.c_str(), kDetail, pass, &hidden, &ffn, &thousands, &tokens, recipe, mode) != 7) {
    row.error("detail", "not 'PASS sum of 4 GEMMs (h H, ffn F, T tokens), RECIPE, MODE'");
    return;
  }
  tokens += 1000 * thousands;
  const double wide = 5 * hidden + ffn;    // outputs of the four products
  const double narrow = 3 * hidden + ffn;  // and inputs
  const double weights_elements = 4 * hidden * hidden + 2 * hidden * ffn;
  const std::string_view which(pass);
  const double elements =
      which == "wgrad" ? tokens * (wide + narrow) : tokens * (which == "fprop" ? narrow : wide) + weights_elements;
  set.layer_sums[fmt::format("{} {}, {}", pass, recipe, mode)] = row.number("time_us") * 1e-6;
  add_cast(row, gpu, pass, elements, set);
  // Delayed scaling casts even where operands are said to be quantised before.
  if (std::string_view(recipe) == "fp8_delayed" || std::string_view(mode) != "pre-quantised") return;
  const double seconds = row.seconds("time_us", 1e-6);
  const std::array<std::pair<double, double>, 4> weights = {
      {{3 * hidden, hidden}, {hidden, hidden}, {ffn, hidden}, {hidden, ffn}}};
  double flops = 0;
  for (const auto& [n, k] : weights) flops += n * k;
  for (const auto& [n, k] : weights) {
    Measurement m;
    m.recipe = public_recipe(recipe, "");
    m.pass = pass;
    m.kind = "dense";
    const double bytes = recipe_bytes(m.recipe);
    m.gemm = m.pass == "fprop"   ? gemm_case(tokens, n, k, 1, bytes, 2)
             : m.pass == "dgrad" ? gemm_case(tokens, k, n, 1, bytes, 2)
                                 : gemm_case(n, k, tokens, 1, bytes, 2);
    m.seconds = seconds * n * k / flops;  // by FLOPs: the sum alone was measured
    m.few = true;
    m.training = true;
    m.source = bench_of(row.text("source"));
    m.row = fmt::format("{} {}x{}x{}", row.label(), m.gemm.m, m.gemm.n, m.gemm.k);
    m.shape_family = fmt::format("{}x{}", n, k);
    if (plausible(m, gpu, row, "time_us")) set.kernels.push_back(std::move(m));
  }
}

void read_whole_gemm(const TableRow& row, const Gpu& gpu, MeasurementSet& set) {
  Measurement m;
  m.recipe = public_recipe(row.text("gemm_dtype"), row.text("kernel_source"));
  m.pass = "fprop";
  m.kind = "dense";
  if (m.recipe.empty()) return;
  m.gemm = gemm_case(row.number("m"), row.number("n"), row.number("k"), 1, recipe_bytes(m.recipe), 2);
  if (!training_like(m.gemm, gpu) || m.gemm.m < kFewestTokens) return;
  m.seconds = row.seconds("latency", 1e-3);
  m.source = fmt::format("{} {}", row.text("framework"), row.text("version"));
  m.row = fmt::format("{} {}x{}x{}", row.label(), m.gemm.m, m.gemm.n, m.gemm.k);
  m.shape_family = fmt::format("{}x{}", m.gemm.n, m.gemm.k);
  if (plausible(m, gpu, row, "latency")) set.kernels.push_back(std::move(m));
}

void read_public_attention(const TableRow& row, const Gpu& gpu, MeasurementSet& set) {
  const std::string_view kind = row.text("kind");
  const bool known = kind == "context_gqa" || kind == "context_mha" || kind == "train_sdpa_gqa" ||
                     kind == "train_sdpa_mla" || kind == "cudnn_train_sdpa" || kind == "cudnn_train_sdpa_mla" ||
                     kind == "context_mla_absorbed_none(192/128)";
  if (!known || row.text("dtype") != "bf16" || row.text("time_us").empty()) return;
  Measurement m;
  m.form = LawForm::attention;
  m.recipe = "bf16";
  m.attention.backward = row.text("direction") == "bwd";
  m.pass = m.attention.backward ? "backward" : "forward";
  m.attention.heads = row.number("batch") * row.number("heads");
  m.attention.seq_q = row.number("seq_q");
  m.attention.seq_kv = row.number("seq_kv");
  m.attention.qk_dim = row.number("head_dim_qk");
  m.attention.v_dim = row.number("head_dim_v");
  m.attention.causal = row.number("causal") != 0;
  // Training-like: 1,024 positions or more, and work for every SM.
  if (m.attention.seq_q < kFewestTokens || m.attention.heads < 8) return;
  m.seconds = row.seconds("time_us", 1e-6);
  m.source = bench_of(row.text("source"));
  m.training = kind.find("train_") != std::string_view::npos;
  m.row = fmt::format("{} {} heads {}", row.label(), m.attention.heads, m.attention.seq_q);
  m.shape_family = std::string(row.text("heads"));
  if (plausible(m, gpu, row, "time_us")) set.kernels.push_back(std::move(m));
}

void read_public_memory(const TableRow& row, const Gpu& gpu, MeasurementSet& set) {
  Measurement m;
  m.form = LawForm::memory;
  for (const MemoryName& name : kPublicMemory) {
    if (name.op == row.text("op") && name.direction == row.text("direction")) m.kind = name.law;
  }
  const std::string_view note = row.text("note");
  // cuDNN's norms, which NVIDIA's recipes choose for Transformer Engine; the source counts no bytes.
  const bool cudnn_norm = row.text("op").substr(0, 7) == "rmsnorm" && note.substr(0, 6) == "cudnn,";
  const bool backward = row.text("direction") == "bwd";
  if (cudnn_norm && row.text("bytes").empty()) {
    m.kind = backward ? "rmsnorm_bwd" : "rmsnorm";
    m.bytes = row.number("rows") * row.number("cols") * (backward ? 6 : 4);
  }
  if (row.text("op").substr(0, 11) == "mxfp8_quant") m.kind = "cast_mx32";
  const bool plot = note.find("plot") != std::string_view::npos || note.find("eager") != std::string_view::npos;
  if (m.kind.empty() || plot || row.text("time_us").empty()) return;
  if (row.text("bytes").empty() && m.bytes == 0) return;
  if (row.text("dtype").substr(0, 4) == "fp32") return;
  if (m.bytes == 0) m.bytes = row.number("bytes");
  if (m.bytes < kFewestBytes) return;
  m.seconds = row.seconds("time_us", 1e-6);
  m.source = bench_of(row.text("source"));
  m.training = m.source.find("Liger") != std::string::npos;
  m.row = fmt::format("{} {} {}x{}", row.label(), row.text("op"), row.text("rows"), row.text("cols"));
  m.shape_family = std::string(row.text("cols"));
  if (plausible(m, gpu, row, "time_us")) set.kernels.push_back(std::move(m));
}

}  // namespace gpuhours
