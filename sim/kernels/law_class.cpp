#include "kernels/kernel_laws.hpp"

namespace gpuhours {

std::string_view name(LawClass law) {
  static constexpr std::string_view kNames[kLawClasses] = {"matrix product fprop",
                                                           "matrix product dgrad",
                                                           "matrix product wgrad",
                                                           "grouped matrix product fprop",
                                                           "grouped matrix product dgrad",
                                                           "grouped matrix product wgrad",
                                                           "attention forward",
                                                           "attention backward",
                                                           "memory-bound"};
  return kNames[static_cast<std::size_t>(law)];
}

LawClass law_class(const Operator& op) {
  const auto of_pass = [&](LawClass first) {
    return static_cast<LawClass>(static_cast<int>(first) + static_cast<int>(op.pass));
  };
  if (op.kind == OperatorKind::grouped_gemm || (op.kind == OperatorKind::gemm && op.gemm.groups > 1)) {
    return of_pass(LawClass::grouped_fprop);
  }
  if (op.kind == OperatorKind::gemm) return of_pass(LawClass::gemm_fprop);
  if (op.kind != OperatorKind::attention) return LawClass::memory_bound;
  return op.pass == Pass::forward ? LawClass::attention_forward : LawClass::attention_backward;
}

}  // namespace gpuhours
