#include "gemm.hpp"

#include <vector>

#include "operations.hpp"

namespace gpuhours::profile {
namespace {

constexpr float kFp8Deviation = 90.0f;
constexpr std::int64_t kScaleBlock = 128;

std::size_t blocks(std::int64_t count) { return static_cast<std::size_t>((count + kScaleBlock - 1) / kScaleBlock); }

template <typename Value>
void set(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute, const Value& value) {
  GPUHOURS_CHECK(cublasLtMatmulDescSetAttribute(operation, attribute, &value, sizeof(value)));
}

/// The layout of a column-major matrix with `rows` contiguous.
cublasLtMatrixLayout_t layout(Element element, std::int64_t rows, std::int64_t columns) {
  cublasLtMatrixLayout_t result = nullptr;
  GPUHOURS_CHECK(cublasLtMatrixLayoutCreate(&result, cuda_type(element), static_cast<std::uint64_t>(rows),
                                            static_cast<std::uint64_t>(columns), rows));
  return result;
}

}  // namespace

cudaDataType_t cuda_type(Element element) {
  switch (element) {
    case Element::kBf16:
      return CUDA_R_16BF;
    case Element::kFp16:
      return CUDA_R_16F;
    case Element::kFp32:
      return CUDA_R_32F;
    case Element::kE4m3:
      return CUDA_R_8F_E4M3;
  }
  return CUDA_R_32F;
}

float operand_deviation(Element element) { return element == Element::kE4m3 ? kFp8Deviation : 1.0f; }

LtGemm::LtGemm(Bench& bench, const std::string& direction, const std::string& dtype, GemmShape shape)
    : shape_(shape),
      element_(element_of(dtype)),
      output_element_(element_ == Element::kE4m3 ? Element::kBf16 : element_),
      lt_(bench.lt),
      workspace_(bench.workspace) {
  const bool wgrad = direction == "wgrad";
  const bool fp8 = element_ == Element::kE4m3;
  if (wgrad) {
    output_element_ = Element::kFp32;
    beta_ = 1.0f;
  }
  const bool weights_k_major = fp8 || direction == "fprop";
  const bool input_k_major = fp8 || !wgrad;
  GPUHOURS_CHECK(cublasLtMatmulDescCreate(&operation_, CUBLAS_COMPUTE_32F, CUDA_R_32F));
  set(operation_, CUBLASLT_MATMUL_DESC_TRANSA, weights_k_major ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(operation_, CUBLASLT_MATMUL_DESC_TRANSB, input_k_major ? CUBLAS_OP_N : CUBLAS_OP_T);
  a_ = weights_k_major ? layout(element_, shape.k, shape.n) : layout(element_, shape.n, shape.k);
  b_ = input_k_major ? layout(element_, shape.k, shape.m) : layout(element_, shape.m, shape.k);
  d_ = layout(output_element_, shape.n, shape.m);
  if (fp8) set_scales(bench, dtype, wgrad);
  choose_algorithm(bench);
}

LtGemm::~LtGemm() {
  if (d_ != nullptr) cublasLtMatrixLayoutDestroy(d_);
  if (b_ != nullptr) cublasLtMatrixLayoutDestroy(b_);
  if (a_ != nullptr) cublasLtMatrixLayoutDestroy(a_);
  if (operation_ != nullptr) cublasLtMatmulDescDestroy(operation_);
}

void LtGemm::set_scales(Bench& bench, const std::string& dtype, bool wgrad) {
  const bool per_block = dtype == "fp8_block";
  const std::size_t pad = 4;  // the library may round the number of blocks up to a multiple of 4
  std::size_t weights_scales = 1, input_scales = 1;
  if (per_block) {
    const auto rows = static_cast<std::size_t>(wgrad ? shape_.n : static_cast<std::int64_t>(blocks(shape_.n)));
    weights_scales = (rows + pad) * (blocks(shape_.k) + pad);
    input_scales = (static_cast<std::size_t>(shape_.m) + pad) * (blocks(shape_.k) + pad);
  }
  const float scale = 1.0f / kFp8Deviation;
  const void* weights = bench.constant(weights_scales, scale);
  const void* input = bench.constant(input_scales, scale);
  set(operation_, CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, weights);
  set(operation_, CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, input);
  if (!per_block) {
    set(operation_, CUBLASLT_MATMUL_DESC_FAST_ACCUM, std::int8_t{1});
    return;
  }
#if CUBLAS_VERSION >= 120900
  const cublasLtMatmulMatrixScale_t weights_mode =
      wgrad ? CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F : CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F;
  set(operation_, CUBLASLT_MATMUL_DESC_A_SCALE_MODE, weights_mode);
  set(operation_, CUBLASLT_MATMUL_DESC_B_SCALE_MODE, CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F);
#else
  throw Unsupported("fp8_block needs cuBLAS 12.9 or later");
#endif
}

void LtGemm::choose_algorithm(Bench& /*bench*/) {
  cublasLtMatmulPreference_t preference = nullptr;
  GPUHOURS_CHECK(cublasLtMatmulPreferenceCreate(&preference));
  const std::size_t workspace = Bench::kWorkspaceBytes;
  GPUHOURS_CHECK(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace,
                                                      sizeof(workspace)));
  cublasLtMatmulHeuristicResult_t result{};
  int found = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(lt_, operation_, a_, b_, d_, d_, preference, 1, &result, &found);
  GPUHOURS_CHECK(cublasLtMatmulPreferenceDestroy(preference));
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || (status == CUBLAS_STATUS_SUCCESS && found == 0)) {
    throw Unsupported("cublasLt offers no algorithm for this shape and dtype");
  }
  check(status, "cublasLtMatmulAlgoGetHeuristic");
  algorithm_ = result.algo;
}

void LtGemm::enqueue(const void* weights, const void* input, void* output, cudaStream_t stream) const {
  GPUHOURS_CHECK(cublasLtMatmul(lt_, operation_, &alpha_, weights, a_, input, b_, &beta_, output, d_, output, d_,
                                &algorithm_, workspace_, Bench::kWorkspaceBytes, stream));
}

std::size_t LtGemm::bytes() const {
  const std::size_t writes = beta_ != 0.0f ? 2 : 1;
  return (weights_count() + input_count()) * bytes_of(element_) + writes * output_count() * bytes_of(output_element_);
}

Operation make_gemm(Bench& bench, const PlanRow& row) {
  const GemmShape shape{row.at(Column::kM), row.at(Column::kN), row.at(Column::kK)};
  auto gemm = std::make_shared<LtGemm>(bench, row.direction(), row.dtype(), shape);
  struct Buffers {
    void *weights, *input, *output;
  };
  const std::size_t footprint = (gemm->weights_count() + gemm->input_count()) * bytes_of(gemm->element()) +
                                gemm->output_count() * bytes_of(gemm->output_element());
  std::vector<Buffers> buffers(static_cast<std::size_t>(bench.copies(footprint)));
  const float deviation = operand_deviation(gemm->element());
  for (Buffers& set : buffers) {
    set.weights = bench.random(gemm->element(), gemm->weights_count(), deviation);
    set.input = bench.random(gemm->element(), gemm->input_count(), deviation);
    set.output = bench.random(gemm->output_element(), gemm->output_count());
  }
  Operation operation;
  operation.copies = static_cast<int>(buffers.size());
  operation.flops = shape.flops();
  operation.bytes = static_cast<double>(gemm->bytes());
  operation.enqueue = [gemm, buffers](int copy, cudaStream_t stream) {
    const Buffers& set = buffers[static_cast<std::size_t>(copy)];
    gemm->enqueue(set.weights, set.input, set.output, stream);
  };
  return operation;
}

}  // namespace gpuhours::profile
