// deepseek_trace_ops.csv: operators of one layer pair of the H800 trace, four samples each (one a layer).
// Rows of experts per layer, from the grids: forward 31,104 30,976 36,864 31,104; backward 34,688 32,512 32,896 28,416.
// What a transferring communication kernel costs each class, from pairs of the same operator with and without: FP8 GEMM
// 5 %, grouped 7 %, casts 19 %, cast and transpose 10 %, gated activation 19 %, permutes 14 %, copies and rope 6 %,
// RMSNorm 64 % (a second wave), its backward 85 % as soon as a kernel is resident; attention loses the 20 SMs (16 %, as
// beside the copier on H100), elementwise and attention's helpers 11 % (copier).

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "calibrate/table_rows.hpp"

namespace gpuhours {

namespace {

struct OperatorName {
  std::string_view part;  ///< of the operator's name, first match
  std::string_view law;   ///< empty: not a kernel of the compute stream
};

constexpr std::array<OperatorName, 44> kTraceLaws = {{{"dY before combine", ""},
                                                      {"rmsnorm_fwd_h7168(+residual", "rmsnorm_add"},
                                                      {"rmsnorm_fwd", "rmsnorm"},
                                                      {"rmsnorm_bwd finalize", "small"},
                                                      {"accumulate f32", "small"},
                                                      {"rmsnorm_bwd_h7168", "rmsnorm_bwd_add"},
                                                      {"rmsnorm_bwd", "rmsnorm_bwd"},
                                                      {"cast_back E5M6", "cast_back_e5m6"},
                                                      {"cast E5M6", "cast_e5m6"},
                                                      {"cast_back", "cast_back_1x128"},
                                                      {"cast_fp8", "cast_1x128"},
                                                      {"fp8->fp8", "recast_transpose_128"},
                                                      {"fp8in", "recast_transpose_128"},
                                                      {"swiglu+per", "swiglu_cast_transpose_128"},
                                                      {"per_channel", "cast_transpose_128"},
                                                      {"swiglu bwd", "swiglu_bwd"},
                                                      {"swiglu fwd+bwd", "swiglu_recompute_bwd"},
                                                      {"swiglu weight", "swiglu_prob_bwd"},
                                                      {"swiglu fwd", "swiglu_cast_1x128"},
                                                      {"weight transpose", "transpose_fp8"},
                                                      {"scale transpose copy", "scale_copy"},
                                                      {"scale_transpose", "scale_transpose"},
                                                      {"scale mul", "small"},
                                                      {"unpermute", "unpermute"},
                                                      {"permute expand", "permute"},
                                                      {"count_expert", "permute_index"},
                                                      {"get_fused", "permute_index"},
                                                      {"copy k_nope", "copy_strided"},
                                                      {"copy d", "copy_strided"},
                                                      {"contiguous copy", "copy_strided"},
                                                      {"clone", "copy_strided"},
                                                      {"slice bwd", "copy_strided"},
                                                      {"broadcast", "broadcast_strided"},
                                                      {"rotary", "rope"},
                                                      {"scale (mul)", "scale"},
                                                      {"fill", "fill"},
                                                      {"sum dk", "reduce_heads"},
                                                      {"preprocess", "attention_pre"},
                                                      {"postprocess", "attention_post"},
                                                      {"topk", "router_topk"},
                                                      {"router/top-k", "router_topk"},
                                                      {"router bwd", "router_topk_bwd"},
                                                      {"arange", "small"},
                                                      {"add", "add"}}};

struct ClassLoss {
  std::string_view cls;
  double loss;
};

constexpr std::array<ClassLoss, 15> kLosses = {{{"gemm_fp8", 0.05},
                                                {"gemm_bf16", 0.05},
                                                {"grouped_gemm_fp8", 0.07},
                                                {"grouped_wgrad_fp8", 0.07},
                                                {"attention", 0.16},
                                                {"attention_aux", 0.11},
                                                {"cast", 0.19},
                                                {"cast_transpose", 0.10},
                                                {"weight_transpose", 0.10},
                                                {"scale_transpose", 0.10},
                                                {"swiglu", 0.19},
                                                {"permute", 0.14},
                                                {"copy", 0.06},
                                                {"rope", 0.06},
                                                {"elementwise", 0.11}}};

double class_loss(std::string_view cls, std::string_view law) {
  if (law == "rmsnorm" || law == "rmsnorm_add") return 0.64;
  if (law == "rmsnorm_bwd" || law == "rmsnorm_bwd_add") return 0.85;
  for (const ClassLoss& entry : kLosses) {
    if (entry.cls == cls) return entry.loss;
  }
  return 0;
}

std::string trace_law(std::string_view op) {
  for (const OperatorName& name : kTraceLaws) {
    if (op.find(name.part) != std::string_view::npos) return std::string(name.law);
  }
  return {};
}

double side(std::string_view shape, std::string_view letter) {
  const std::size_t at = shape.find(letter);
  return at == std::string_view::npos ? 0 : std::strtod(std::string(shape.substr(at + letter.size())).c_str(), nullptr);
}

constexpr std::array<double, 4> kForwardRows = {31104, 30976, 36864, 31104};
constexpr std::array<double, 4> kBackwardRows = {34688, 32512, 32896, 28416};
constexpr double kExperts = 4;
constexpr double kGemmSms = 112;  // every FP8 GEMM's grid

/// The product of one sample: shape in words, rows of the layer for experts.
void set_product(Measurement& m, std::string_view cls, std::string_view op, std::string_view shape, bool forward,
                 std::size_t layer) {
  const double rows = forward ? kForwardRows[layer] : kBackwardRows[layer];
  m.recipe = cls == "gemm_bf16" ? "bf16" : "fp8_block";
  const bool wgrad = op.find("wgrad") != std::string_view::npos;
  m.pass = wgrad ? "wgrad_accumulate" : op.find("dgrad") != std::string_view::npos ? "dgrad" : "fprop";
  m.kind = cls.substr(0, 7) == "grouped" ? "grouped" : "dense";
  const double operand = recipe_bytes(m.recipe);
  const double n = side(shape, "N=");
  if (cls == "grouped_wgrad_fp8") {
    m.gemm = gemm_case(side(shape, "M="), n, rows / kExperts, 1, operand, 8);
    m.kernels = kExperts;
  } else if (m.kind == "grouped") {
    m.gemm = gemm_case(rows / kExperts, n, side(shape, "K="), kExperts, operand, 2);
  } else {
    m.gemm = gemm_case(side(shape, "M="), n, side(shape, "K="), 1, operand, wgrad ? 8 : 2);
  }
  if (m.recipe == "fp8_block") m.sms = kGemmSms;
}

}  // namespace

void read_trace_operator(const TableRow& row, const Gpu& gpu, MeasurementSet& set) {
  const std::string_view cls = row.text("cls");
  const std::string_view op = row.text("op");
  if (cls.substr(0, 4) == "comm") return;
  constexpr std::array<std::string_view, 4> kSamples = {"d0", "d1", "d2", "d3"};
  const bool product = cls.find("gemm") != std::string_view::npos || cls == "grouped_wgrad_fp8";
  for (std::size_t layer = 0; layer < kSamples.size(); ++layer) {
    Measurement m;
    m.source = "deepseek_trace";
    m.row = fmt::format("{} {} layer {}", row.label(), op, layer);
    m.transferring = row.number("frac_comm_transferring");
    m.shape_family = fmt::format("{} {}", row.text("shape"), cls);
    if (row.text(kSamples[layer]).empty()) continue;
    m.seconds = std::max(0.5, row.number(kSamples[layer])) * 1e-6;  // 0 stands for less than 1 us
    if (product) {
      set_product(m, cls, op, row.text("shape"), row.text("chunk") == "F", layer);
    } else if (cls == "attention") {
      m.form = LawForm::attention;
      m.recipe = "bf16";
      m.attention = {128, 4096, 4096, 192, 128, 0, true, op.find("bwd") != std::string_view::npos};
      m.pass = m.attention.backward ? "backward" : "forward";
    } else {
      m.form = LawForm::memory;
      m.kind = trace_law(op);
      if (m.kind.empty()) return;
      m.bytes = row.number("mbytes_mean") * 1e6;
      if (m.kind.substr(0, 11) == "rmsnorm_bwd") m.transferring = row.number("frac_comm_resident");
    }
    m.beside = class_loss(cls, m.kind);
    if (plausible(m, gpu, row, kSamples[layer])) set.kernels.push_back(std::move(m));
  }
}

}  // namespace gpuhours
