// A small builder of cuDNN backend graphs: tensors, the few operations that attention is made of, a plan that runs.
#pragma once

#include <cudnn.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "check.hpp"

namespace gpuhours::profile {

/// Owner of a backend descriptor.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);
  cudnnBackendDescriptor_t get() const { return descriptor_.get(); }

  template <typename Value>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const std::vector<Value>& values) {
    GPUHOURS_CHECK(
        cudnnBackendSetAttribute(get(), name, type, static_cast<std::int64_t>(values.size()), values.data()));
  }
  void set(cudnnBackendAttributeName_t name, const Descriptor& other);
  void set_flag(cudnnBackendAttributeName_t name, bool value);
  cudnnStatus_t try_finalize() { return cudnnBackendFinalize(get()); }
  void finalize() { GPUHOURS_CHECK(cudnnBackendFinalize(get())); }

 private:
  std::shared_ptr<void> descriptor_;
};

using Dims = std::array<std::int64_t, 4>;

/// Row-major strides of the dimensions.
Dims packed_strides(const Dims& dims);

/// A tensor of a graph. Virtual ones never reach memory.
struct GraphTensor {
  std::int64_t uid = 0;
  Dims dims{}, strides{};
  std::shared_ptr<Descriptor> descriptor;
};

/// Operations in order, then a plan by heuristic mode A, as frameworks choose it.
class CudnnGraph {
 public:
  explicit CudnnGraph(cudnnHandle_t handle) : handle_(handle) {}

  struct TensorOptions {
    bool is_virtual = true;
    bool by_value = false;
  };
  GraphTensor tensor(cudnnDataType_t type, const Dims& dims, const Dims& strides, TensorOptions options);
  GraphTensor tensor(cudnnDataType_t type, const Dims& dims, const Dims& strides) {
    return tensor(type, dims, strides, TensorOptions());
  }
  /// An FP32 value kept on the host.
  GraphTensor value();

  void matmul(const GraphTensor& a, const GraphTensor& b, const GraphTensor& c);
  void pointwise(cudnnPointwiseMode_t mode, const GraphTensor& x, const GraphTensor& y, const GraphTensor* b = nullptr,
                 const GraphTensor* mask = nullptr, cudnnDataType_t math = CUDNN_DATA_FLOAT);
  /// y holds the index along an axis of x.
  void index(const GraphTensor& x, const GraphTensor& y, std::int64_t axis);
  void reduce(cudnnReduceTensorOp_t mode, const GraphTensor& x, const GraphTensor& y);
  void reshape(const GraphTensor& x, const GraphTensor& y);

  /// Finalizes graph and plan; throws Unsupported where no engine takes the graph.
  void build();
  std::int64_t workspace_bytes() const { return workspace_bytes_; }

  struct Binding {
    std::int64_t uid;
    void* data;
  };
  void run(const std::vector<Binding>& bindings, void* workspace) const;

 private:
  void add_pointwise(Descriptor& description, const GraphTensor& x, const GraphTensor& y, const GraphTensor* b,
                     const GraphTensor* mask);

  cudnnHandle_t handle_;
  std::int64_t last_uid_ = 0;
  std::vector<Descriptor> parts_;  ///< descriptions the operations refer to
  std::vector<Descriptor> operations_;
  std::unique_ptr<Descriptor> graph_, config_, plan_;
  std::int64_t workspace_bytes_ = 0;
};

}  // namespace gpuhours::profile
