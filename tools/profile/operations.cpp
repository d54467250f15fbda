#include "operations.hpp"

#include <string_view>
#include <utility>

namespace gpuhours::profile {

Operation make_operation(Bench& bench, const PlanRow& row) {
  using Maker = Operation (*)(Bench&, const PlanRow&);
  static constexpr std::pair<std::string_view, Maker> kMakers[] = {
      {"gemm", make_gemm},
      {"gemm_under_copier", make_gemm},
      {"grouped_gemm", make_grouped_gemm},
      {"attention", make_attention},
      {"rms_norm", make_norm},
      {"layer_norm", make_norm},
      {"swiglu", make_activation},
      {"gelu", make_activation},
      {"add", make_activation},
      {"scale", make_activation},
      {"copy", make_activation},
      {"rope", make_activation},
      {"cast_fp8_tensor", make_cast},
      {"cast_fp8_block", make_cast},
      {"cast_transpose_fp8", make_cast},
      {"transpose_fp8", make_cast},
      {"permute", make_rows_op},
      {"unpermute", make_rows_op},
      {"softmax_cross_entropy", make_rows_op},
      {"adamw", make_optimizer},
      {"grad_norm", make_optimizer},
      {"launch_gap", make_launch_gap},
      {"collective", make_collective},
  };
  for (const auto& [name, maker] : kMakers) {
    if (row.op() == name) return maker(bench, row);
  }
  throw Unsupported("no such operator here: " + row.op());
}

}  // namespace gpuhours::profile
