// One GEMM through cublasLt, in the layouts that training uses.
//
// The plan's M, N, K are row major: D[M,N] = A[M,K] B[K,N]. cublasLt is column major, so it computes D^T = B^T A^T: its
// A is the plan's B (weights; in wgrad the layer's input), its B is the plan's A, its m is N.
//   fprop  both operands K-major (TN)         dgrad  weights as stored (NN)         wgrad  both as stored (NT)
// FP8 is TN in every direction; wgrad accumulates into FP32 (beta 1).
#pragma once

#include "bench.hpp"

namespace gpuhours::profile {

struct GemmShape {
  std::int64_t m = 0, n = 0, k = 0;
  double flops() const { return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k); }
};

/// Descriptors and the algorithm that the heuristic puts first, as frameworks take it.
class LtGemm {
 public:
  LtGemm(Bench& bench, const std::string& direction, const std::string& dtype, GemmShape shape);
  ~LtGemm();
  LtGemm(const LtGemm&) = delete;
  LtGemm& operator=(const LtGemm&) = delete;

  void enqueue(const void* weights, const void* input, void* output, cudaStream_t stream) const;

  std::size_t weights_count() const { return static_cast<std::size_t>(shape_.n * shape_.k); }
  std::size_t input_count() const { return static_cast<std::size_t>(shape_.m * shape_.k); }
  std::size_t output_count() const { return static_cast<std::size_t>(shape_.m * shape_.n); }
  Element element() const { return element_; }
  Element output_element() const { return output_element_; }
  std::size_t bytes() const;  ///< both operands, the output, and the output again where it is accumulated into

 private:
  void set_scales(Bench& bench, const std::string& dtype, bool wgrad);
  void choose_algorithm(Bench& bench);

  GemmShape shape_;
  Element element_;
  Element output_element_;
  float alpha_ = 1.0f;
  float beta_ = 0.0f;
  cublasLtHandle_t lt_ = nullptr;
  void* workspace_ = nullptr;
  cublasLtMatmulDesc_t operation_ = nullptr;
  cublasLtMatrixLayout_t a_ = nullptr, b_ = nullptr, d_ = nullptr;
  cublasLtMatmulAlgo_t algorithm_{};
};

cudaDataType_t cuda_type(Element element);
/// Standard deviation of random operands: FP8 values are scaled to fill e4m3's range, as casts do.
float operand_deviation(Element element);

}  // namespace gpuhours::profile
