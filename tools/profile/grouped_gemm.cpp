// Grouped GEMM of experts: one cublasLt GEMM a group, in turn on one stream, as the toolkit has no grouped kernel that
// uses Hopper's matrix instructions (cublasGemmGroupedBatchedEx of CUDA 13.0 runs at half the rate of this loop).
#include <vector>

#include "gemm.hpp"
#include "operations.hpp"

namespace gpuhours::profile {
namespace {

/// Buffers of one copy, all groups: pointers into them by group.
struct GroupBuffers {
  std::vector<void*> weights, input, output;
};

/// The shape of one group: rows share out m, or k in a wgrad.
GemmShape group_shape(const PlanRow& row, std::int64_t rows) {
  if (row.direction() == "wgrad") return {row.at(Column::kM), row.at(Column::kN), rows};
  return {rows, row.at(Column::kN), row.at(Column::kK)};
}

std::vector<GemmShape> shapes_of(const PlanRow& row) {
  std::vector<GemmShape> shapes;
  for (const std::int64_t rows : row.group_rows) {
    if (rows > 0) shapes.push_back(group_shape(row, rows));
  }
  if (shapes.empty()) throw Unsupported("every group is empty");
  return shapes;
}

GroupBuffers make_buffers(Bench& bench, const std::vector<GemmShape>& shapes, Element element, Element output) {
  GroupBuffers set;
  const float deviation = operand_deviation(element);
  for (const GemmShape& shape : shapes) {
    set.weights.push_back(bench.random(element, static_cast<std::size_t>(shape.n * shape.k), deviation));
    set.input.push_back(bench.random(element, static_cast<std::size_t>(shape.m * shape.k), deviation));
    set.output.push_back(bench.random(output, static_cast<std::size_t>(shape.m * shape.n)));
  }
  return set;
}

std::size_t footprint(const std::vector<GemmShape>& shapes, Element element, Element output) {
  std::size_t bytes = 0;
  for (const GemmShape& shape : shapes) {
    bytes += static_cast<std::size_t>((shape.n + shape.m) * shape.k) * bytes_of(element) +
             static_cast<std::size_t>(shape.m * shape.n) * bytes_of(output);
  }
  return bytes;
}

}  // namespace

Operation make_grouped_gemm(Bench& bench, const PlanRow& row) {
  const std::vector<GemmShape> shapes = shapes_of(row);
  std::vector<std::shared_ptr<LtGemm>> gemms;
  for (const GemmShape& shape : shapes) {
    gemms.push_back(std::make_shared<LtGemm>(bench, row.direction(), row.dtype(), shape));
  }
  const Element element = gemms.front()->element(), output = gemms.front()->output_element();
  Operation operation;
  operation.copies = bench.copies(footprint(shapes, element, output));
  operation.note = "one cublasLt GEMM a group, in turn";
  for (const auto& gemm : gemms) operation.bytes += static_cast<double>(gemm->bytes());
  for (const GemmShape& shape : shapes) operation.flops += shape.flops();
  std::vector<GroupBuffers> buffers;
  for (int i = 0; i < operation.copies; ++i) buffers.push_back(make_buffers(bench, shapes, element, output));
  operation.enqueue = [gemms, buffers](int copy, cudaStream_t stream) {
    const GroupBuffers& set = buffers[static_cast<std::size_t>(copy)];
    for (std::size_t i = 0; i < gemms.size(); ++i) {
      gemms[i]->enqueue(set.weights[i], set.input[i], set.output[i], stream);
    }
  };
  return operation;
}

}  // namespace gpuhours::profile
