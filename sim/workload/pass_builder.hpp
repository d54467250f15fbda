#pragma once
// One pass of one layer under construction: compute blocks cut by communications.

#include "workload/linear.hpp"

namespace gpuhours {

class PassBuilder {
 public:
  PassBuilder(const Dimensions& dimensions, Pass pass) : list(pass), linear(dimensions, list), d_(dimensions) {}
  PassBuilder(const PassBuilder&) = delete;
  PassBuilder& operator=(const PassBuilder&) = delete;

  OperatorList list;     ///< operators of the block that is open
  LinearKernels linear;  ///< adds to `list`

  /// Ends the open block and names it; nothing when it is empty.
  void close(std::string_view name);
  void communicate(Communication communication) { segments_.emplace_back(std::move(communication)); }
  LayerPass take() { return std::exchange(segments_, {}); }

  /// Forward: sequence shards to whole tokens before a column-parallel layer (`width` elements a token). Backward: the
  /// layer's input again, for wgrad, beside dgrad. Closes the open block as `block`.
  /// `operand`: of a matrix product, and cast before where the framework does so.
  void gather_tokens(std::string_view block, std::string_view name, std::int64_t width, bool beside_next = false,
                     bool operand = true);
  /// Partial sums to sequence shards, or to whole sums without sequence parallelism.
  void reduce_tokens(std::string_view block, std::string_view name, std::int64_t width);

  /// RMSNorm or LayerNorm over `cols`; with `residual` its input is the sum of two.
  void norm(std::string_view name, std::int64_t rows, std::int64_t cols, bool residual);
  void norm_backward(std::string_view name, std::int64_t rows, std::int64_t cols, bool residual);
  void add(std::string_view name, std::int64_t rows, std::int64_t cols);
  /// Residual scaling of single-kernel frameworks.
  void scale(std::string_view name, std::int64_t rows, std::int64_t cols);

 private:
  const Dimensions& d_;
  LayerPass segments_;
};

}  // namespace gpuhours
