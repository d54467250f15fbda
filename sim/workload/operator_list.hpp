#pragma once
// A list of operators under construction: one call a kernel, bytes by the table in laws.hpp.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workload/laws.hpp"
#include "workload/operator.hpp"

namespace gpuhours {

/// A linear layer on one rank: `outputs` x `inputs` weights, `groups` of them for experts (rows of all together).
struct Linear {
  std::string_view name;
  std::int64_t rows = 0;
  std::int64_t outputs = 0;
  std::int64_t inputs = 0;
  int groups = 1;
  bool grouped = false;
  bool bias = false;
  double spread = 0;  ///< relative standard deviation of the groups' rows
};

/// Number formats of one GEMM's operands and result.
struct GemmFormats {
  Format operands = Format::bf16;
  Scaling scaling = Scaling::none;
  double result_bytes = 2;  ///< an element of the result; 8 where it is read and written in FP32
};

class OperatorList {
 public:
  explicit OperatorList(Pass pass) : pass_(pass) {}

  /// Matrix product of `shape` with bytes of both operands and the result.
  Operator& gemm(std::string name, const GemmShape& shape, bool grouped, const GemmFormats& formats);
  /// A kernel of `rows` x `cols` elements that moves `bytes_per_element` for each.
  Operator& memory(std::string_view name, OperatorKind kind, std::string_view law, std::int64_t rows, std::int64_t cols,
                   double bytes_per_element);
  /// `kernels` launches of a few microseconds that together move `bytes`.
  void small(std::string_view name, OperatorKind kind, int kernels, double bytes = 0);
  Operator& attention(std::string_view name, const AttentionShape& shape, double flops, double bytes, Format format);

  /// What follows is a forward operator that runs again in backward, until the scope ends.
  class RecomputeScope {
   public:
    explicit RecomputeScope(OperatorList& list)
        : list_(list),
          pass_(std::exchange(list.pass_, Pass::forward)),
          recomputed_(std::exchange(list.recomputed_, true)) {}
    ~RecomputeScope() {
      list_.pass_ = pass_;
      list_.recomputed_ = recomputed_;
    }
    RecomputeScope(const RecomputeScope&) = delete;
    RecomputeScope& operator=(const RecomputeScope&) = delete;

   private:
    OperatorList& list_;
    Pass pass_;
    bool recomputed_;
  };

  [[nodiscard]] Pass pass() const { return pass_; }
  [[nodiscard]] bool empty() const { return operators_.empty(); }
  std::vector<Operator> take() { return std::exchange(operators_, {}); }

 private:
  Operator& add(std::string name, OperatorKind kind);

  Pass pass_;
  bool recomputed_ = false;
  std::vector<Operator> operators_;
};

}  // namespace gpuhours
