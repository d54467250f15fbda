#include "workload/operator_list.hpp"

namespace gpuhours {

namespace {

double scale_bytes_per_element(Scaling scaling) {
  switch (scaling) {
    case Scaling::none:
    case Scaling::tensor_delayed:
    case Scaling::tensor_current:
    case Scaling::block_128:
      return 0;
    case Scaling::mx_32:
      return 1.0 / 32;
    case Scaling::nv_16:
      return 1.0 / 16;
  }
  return 0;
}

}  // namespace

Operator& OperatorList::add(std::string name, OperatorKind kind) {
  if (operators_.capacity() == 0) operators_.reserve(72);
  Operator& op = operators_.emplace_back();
  op.name = std::move(name);
  op.kind = kind;
  op.pass = pass_;
  op.recomputed = recomputed_;
  return op;
}

Operator& OperatorList::gemm(std::string name, const GemmShape& shape, bool grouped, const GemmFormats& formats) {
  Operator& op = add(std::move(name), grouped ? OperatorKind::grouped_gemm : OperatorKind::gemm);
  op.format = formats.operands;
  op.scaling = formats.scaling;
  op.gemm = shape;
  const auto m = static_cast<double>(shape.m);
  const auto n = static_cast<double>(shape.n);
  const auto k = static_cast<double>(shape.k);
  const bool wgrad = pass_ == Pass::backward_weight;
  const double weights = wgrad ? 1 : shape.groups;
  const double results = wgrad ? shape.groups : 1;
  const double element = bytes_per_element(formats.operands) + scale_bytes_per_element(formats.scaling);
  op.flops = Flops(2 * m * n * k);
  op.bytes = Bytes((m * k + weights * n * k) * element + results * m * n * formats.result_bytes);
  return op;
}

Operator& OperatorList::memory(std::string_view name, OperatorKind kind, std::string_view law, std::int64_t rows,
                               std::int64_t cols, double bytes_per_element) {
  Operator& op = add(std::string(name), kind);
  op.law = law;
  op.rows = rows;
  op.cols = cols;
  op.bytes = Bytes(static_cast<double>(rows) * static_cast<double>(cols) * bytes_per_element);
  return op;
}

void OperatorList::small(std::string_view name, OperatorKind kind, int kernels, double bytes) {
  Operator& op = add(std::string(name), kind);
  op.law = laws::kSmall;
  op.kernels = kernels;
  op.bytes = Bytes(bytes);
}

Operator& OperatorList::attention(std::string_view name, const AttentionShape& shape, double flops, double bytes,
                                  Format format) {
  Operator& op = add(std::string(name), OperatorKind::attention);
  op.format = format;
  op.attention = shape;
  op.flops = Flops(flops);
  op.bytes = Bytes(bytes);
  return op;
}

}  // namespace gpuhours
