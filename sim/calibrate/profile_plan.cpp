#include "calibrate/profile_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string_view>

#include "core/checked.hpp"
#include "kernels/recipe.hpp"
#include "workload/laws.hpp"
#include "workload/workload.hpp"

namespace gpuhours {

namespace {

/// A row of the plan without its id and note; 0 is an empty field.
struct Shape {
  std::string op, direction, dtype;
  std::int64_t m = 0, n = 0, k = 0, groups = 0;
  std::int64_t batch = 0, heads = 0, kv_heads = 0, qk = 0, v = 0, seq = 0;
  int causal = -1;  ///< -1: empty
  std::int64_t rows = 0, cols = 0, elements = 0;
  friend auto operator<=>(const Shape&, const Shape&) = default;
};

struct ProfiledLaw {
  std::string_view law, op, direction, dtype;
};

/// Memory-bound laws whose kernel the profiler has: same tensors read and written.
constexpr std::array<ProfiledLaw, 15> kProfiledLaws = {
    {{laws::kRmsnorm, "rms_norm", "fwd", "bf16"},
     {laws::kRmsnormBwd, "rms_norm", "bwd", "bf16"},
     {laws::kLayernorm, "layer_norm", "fwd", "bf16"},
     {laws::kLayernormBwd, "layer_norm", "bwd", "bf16"},
     {laws::kSwiglu, "swiglu", "fwd", "bf16"},
     {laws::kSwigluBwd, "swiglu", "bwd", "bf16"},
     {laws::kGelu, "gelu", "fwd", "bf16"},
     {laws::kGeluBwd, "gelu", "bwd", "bf16"},
     {laws::kAdd, "add", "fwd", "bf16"},
     {laws::kScale, "scale", "fwd", "bf16"},
     {laws::kCast1x128, "cast_fp8_block", "fwd", "bf16"},
     {laws::kCastTensor, "cast_fp8_tensor", "fwd", "bf16"},
     {laws::kCastTransposeTensor, "cast_transpose_fp8", "fwd", "bf16"},
     {laws::kTransposeFp8, "transpose_fp8", "fwd", "fp8_tensor"},
     {laws::kCrossEntropy, "softmax_cross_entropy", "fwd", "bf16"}}};

/// Collects rows and what has none.
class PlanBuilder {
 public:
  explicit PlanBuilder(const Scenario& scenario) : scenario_(scenario) {}

  void add(const LayerWork& work) {
    for (const LayerPass* pass : {&work.forward, &work.backward_input, &work.backward_weight}) {
      for (const Segment& segment : *pass) add(segment);
    }
  }
  void add(const std::vector<Operator>& operators) {
    for (const Operator& op : operators) add(op);
  }
  ProfilePlan take();

 private:
  void add(const Segment& segment) {
    const auto* block = std::get_if<ComputeBlock>(&segment);
    add(block != nullptr ? block->operators : std::get<Communication>(segment).prologue);
  }
  void add(const Operator& op);
  void add_gemm(const Operator& op);
  void add_attention(const Operator& op);
  void add_memory(const Operator& op);
  void add_rope(const Operator& op);
  void add_permute(const Operator& op);
  void add_row(const Operator& op, Shape shape);
  void leave_out(std::string what, const Operator& op) {
    if (seen_out_.insert(what).second) plan_.left_out.push_back(what + ": " + op.name);
  }

  const Scenario& scenario_;
  ProfilePlan plan_;
  std::map<Shape, std::size_t> index_;
  std::vector<Shape> shapes_;
  std::vector<std::vector<std::string>> names_;  ///< operators of each shape
  std::set<std::string> seen_out_;
};

void PlanBuilder::add_row(const Operator& op, Shape shape) {
  const auto [at, fresh] = index_.try_emplace(shape, shapes_.size());
  if (fresh) {
    shapes_.push_back(std::move(shape));
    names_.emplace_back();
  }
  std::vector<std::string>& names = names_[at->second];
  if (std::find(names.begin(), names.end(), op.name) == names.end()) names.push_back(op.name);
}

void PlanBuilder::add(const Operator& op) {
  switch (op.kind) {
    case OperatorKind::gemm:
    case OperatorKind::grouped_gemm:
      return add_gemm(op);
    case OperatorKind::attention:
      return add_attention(op);
    case OperatorKind::rope:
      return add_rope(op);
    case OperatorKind::permute:
      return add_permute(op);
    default:
      return add_memory(op);
  }
}

/// The profiler's word for the operands, empty when it has none.
std::string_view gemm_dtype(const Operator& op) {
  if (op.format == Format::fp32) return op.kind == OperatorKind::gemm ? "fp32" : "";
  const Recipe recipe = recipe_of(op.format, op.scaling);
  const bool known =
      recipe == Recipe::bf16 || recipe == Recipe::fp16 || recipe == Recipe::fp8_tensor || recipe == Recipe::fp8_block;
  return known ? name(recipe) : std::string_view();
}

/// The router's wgrad runs in the backward-input pass: its name tells.
bool is_wgrad(const Operator& op) { return op.pass == Pass::backward_weight || op.name.ends_with(" wgrad"); }

void PlanBuilder::add_gemm(const Operator& op) {
  const std::string_view dtype = gemm_dtype(op);
  if (dtype.empty()) return leave_out(fmt::format("{} GEMM", name(recipe_of(op.format, op.scaling))), op);
  const bool grouped = op.kind == OperatorKind::grouped_gemm;
  const Pass pass = is_wgrad(op) ? Pass::backward_weight : op.pass;
  const std::int64_t split = pass == Pass::backward_weight ? op.gemm.k : op.gemm.m;
  if (grouped && split % op.gemm.groups != 0) return leave_out("grouped GEMM of uneven groups", op);
  add_row(op, {.op = grouped ? "grouped_gemm" : "gemm",
               .direction = std::string(name(gemm_pass(pass, false))),
               .dtype = std::string(dtype),
               .m = op.gemm.m,
               .n = op.gemm.n,
               .k = op.gemm.k,
               .groups = grouped ? op.gemm.groups : 0});
}

void PlanBuilder::add_attention(const Operator& op) {
  const AttentionShape& a = op.attention;
  if (op.format != Format::bf16 && op.format != Format::fp16) return leave_out("attention in 8 bit", op);
  if (a.window > 0) return leave_out("attention with a window", op);
  if (a.seq_q != a.seq_kv) return leave_out("attention of queries to longer keys", op);
  add_row(op, {.op = "attention",
               .direction = op.pass == Pass::forward ? "fwd" : "bwd",
               .dtype = op.format == Format::fp16 ? "fp16" : "bf16",
               .batch = a.batch,
               .heads = a.heads,
               .kv_heads = a.kv_heads,
               .qk = a.qk_dim,
               .v = a.v_dim,
               .seq = a.seq_q,
               .causal = a.causal ? 1 : 0});
}

void PlanBuilder::add_rope(const Operator& op) {
  const Architecture& m = scenario_.model;
  const std::int64_t head = m.attention == AttentionKind::mla ? m.qk_rope : m.qk_head_dim();
  if (head <= 0 || op.cols % head != 0) return leave_out("rope of a part of a head", op);
  add_row(op, {.op = "rope",
               .direction = op.pass == Pass::forward ? "fwd" : "bwd",
               .dtype = "bf16",
               .qk = head,
               .rows = op.rows,
               .cols = op.cols});
}

/// The profiler permutes BF16 rows with a whole number of experts a token; the operator's bytes tell its tokens.
void PlanBuilder::add_permute(const Operator& op) {
  const bool gathers = op.law == laws::kPermute;
  if (!gathers && op.law != laws::kUnpermute) return add_memory(op);
  const double moved = op.bytes.value() / (2.0 * static_cast<double>(op.cols));
  const auto tokens = nearest_whole<std::int64_t>(moved) - op.rows;
  if (tokens <= 0 || std::abs(moved - std::round(moved)) > 1e-6 || op.rows % tokens != 0) {
    return leave_out(fmt::format("{} in FP8 or with uneven copies", op.law), op);
  }
  add_row(op,
          {.op = op.law, .direction = "fwd", .dtype = "bf16", .k = op.rows / tokens, .rows = tokens, .cols = op.cols});
}

void PlanBuilder::add_memory(const Operator& op) {
  if (op.law == laws::kAdamw || op.law == laws::kGradNorm) {
    const PrecisionRecipe& precision = scenario_.precision;
    const Format held = op.law == laws::kAdamw ? precision.master_weights : precision.gradients;
    add_row(op, {.op = op.law,
                 .direction = "fwd",
                 .dtype = held == Format::fp32 ? "fp32" : "bf16",
                 .elements = op.rows * op.cols});
    return;
  }
  const std::string_view law = op.law.empty() ? default_law(op.kind, op.pass) : std::string_view(op.law);
  if (law == laws::kCrossEntropyBwd) {
    return add_row(
        op, {.op = "softmax_cross_entropy", .direction = "bwd", .dtype = "bf16", .rows = op.rows, .cols = op.cols});
  }
  const auto found = std::find_if(kProfiledLaws.begin(), kProfiledLaws.end(),
                                  [&](const ProfiledLaw& profiled) { return profiled.law == law; });
  if (found == kProfiledLaws.end() || op.rows <= 0 || op.cols <= 1) return leave_out(std::string(law), op);
  add_row(op, {.op = std::string(found->op),
               .direction = std::string(found->direction),
               .dtype = std::string(found->dtype),
               .rows = op.rows,
               .cols = op.cols});
}

/// "shared gate_up fprop" -> "shared_gate_up_fprop".
std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (plain) {
      out += c;
    } else if (!out.empty() && out.back() != '_') {
      out += '_';
    }
  }
  return out;
}

std::string field(std::int64_t value) { return value > 0 ? std::to_string(value) : std::string(); }

std::string row_text(const Shape& s) {
  std::string text = fmt::format("{},{},{}", s.op, s.direction, s.dtype);
  for (const std::int64_t value : {s.m, s.n, s.k, s.groups, s.batch, s.heads, s.kv_heads, s.qk, s.v, s.seq}) {
    text += "," + field(value);
  }
  text += s.causal < 0 ? "," : fmt::format(",{}", s.causal);
  for (const std::int64_t value : {s.rows, s.cols, s.elements}) text += "," + field(value);
  return text;
}

ProfilePlan PlanBuilder::take() {
  plan_.csv =
      "id,op,direction,dtype,m,n,k,groups,batch,heads,kv_heads,head_dim_qk,head_dim_v,seq,causal,rows,cols,elements,"
      "note\n";
  std::map<std::string, int> uses;
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    std::string id = slug(names_[i].front()) + "." + shapes_[i].dtype;
    if (const int use = ++uses[id]; use > 1) id += fmt::format(".{}", use);
    const std::vector<std::string> others(names_[i].begin() + 1, names_[i].end());
    const std::string note = others.empty() ? "" : fmt::format("also {}", fmt::join(others, "; "));
    plan_.csv += fmt::format("{},{},{}\n", id, row_text(shapes_[i]), note);
  }
  plan_.rows = static_cast<int>(shapes_.size());
  for (const std::string& what : plan_.left_out) plan_.csv += "# not measured: " + what + "\n";
  return std::move(plan_);
}

}  // namespace

ProfilePlan profile_plan(const Scenario& scenario) {
  const Workload work = workload(scenario);
  PlanBuilder plan(scenario);
  for (const LayerWork* layer : {&work.embedding, &work.dense, &work.moe, &work.mtp, &work.head}) plan.add(*layer);
  for (int rank = 0; rank < scenario.parallelism.pp; ++rank) {
    RankParameters held;
    for (const int stage : stages_of_rank(scenario.parallelism, rank)) {
      const RankParameters& part = work.stages[static_cast<std::size_t>(stage)].parameters;
      held.dense += part.dense;
      held.expert += part.expert;
    }
    plan.add(optimizer_work(scenario, held).operators);
  }
  return plan.take();
}

}  // namespace gpuhours
