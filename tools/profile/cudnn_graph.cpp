#include "cudnn_graph.hpp"

#include <string>

namespace gpuhours::profile {
namespace {

constexpr std::int64_t kTensorAlignment = 16;

Descriptor tensor_descriptor(std::int64_t uid, cudnnDataType_t type, const Dims& dims, const Dims& strides,
                             const CudnnGraph::TensorOptions& options) {
  Descriptor descriptor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  descriptor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{type});
  descriptor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, std::vector<std::int64_t>(dims.begin(), dims.end()));
  descriptor.set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64,
                 std::vector<std::int64_t>(strides.begin(), strides.end()));
  descriptor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, std::vector{uid});
  descriptor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, std::vector{kTensorAlignment});
  descriptor.set_flag(CUDNN_ATTR_TENSOR_IS_VIRTUAL, options.is_virtual);
  descriptor.set_flag(CUDNN_ATTR_TENSOR_IS_BY_VALUE, options.by_value);
  descriptor.finalize();
  return descriptor;
}

Descriptor pointwise_description(cudnnPointwiseMode_t mode, cudnnDataType_t math) {
  Descriptor description(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  description.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, std::vector{mode});
  description.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, std::vector{math});
  return description;
}

}  // namespace

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  cudnnBackendDescriptor_t raw = nullptr;
  GPUHOURS_CHECK(cudnnBackendCreateDescriptor(type, &raw));
  descriptor_ = std::shared_ptr<void>(raw, [](void* owned) { cudnnBackendDestroyDescriptor(owned); });
}

void Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& other) {
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, std::vector<cudnnBackendDescriptor_t>{other.get()});
}

void Descriptor::set_flag(cudnnBackendAttributeName_t name, bool value) {
  GPUHOURS_CHECK(cudnnBackendSetAttribute(get(), name, CUDNN_TYPE_BOOLEAN, 1, &value));
}

Dims packed_strides(const Dims& dims) { return {dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1}; }

GraphTensor CudnnGraph::tensor(cudnnDataType_t type, const Dims& dims, const Dims& strides, TensorOptions options) {
  GraphTensor result;
  result.uid = ++last_uid_;
  result.dims = dims;
  result.strides = strides;
  result.descriptor = std::make_shared<Descriptor>(tensor_descriptor(result.uid, type, dims, strides, options));
  return result;
}

GraphTensor CudnnGraph::value() {
  return tensor(CUDNN_DATA_FLOAT, {1, 1, 1, 1}, {1, 1, 1, 1}, {.is_virtual = false, .by_value = true});
}

void CudnnGraph::matmul(const GraphTensor& a, const GraphTensor& b, const GraphTensor& c) {
  Descriptor description(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
  description.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_FLOAT});
  description.finalize();
  Descriptor operation(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_ADESC, *a.descriptor);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_BDESC, *b.descriptor);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_CDESC, *c.descriptor);
  operation.set(CUDNN_ATTR_OPERATION_MATMUL_DESC, description);
  operation.finalize();
  parts_.push_back(description);
  operations_.push_back(operation);
}

void CudnnGraph::add_pointwise(Descriptor& description, const GraphTensor& x, const GraphTensor& y,
                               const GraphTensor* b, const GraphTensor* mask) {
  description.finalize();
  Descriptor operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, description);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, *x.descriptor);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, *y.descriptor);
  if (b != nullptr) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b->descriptor);
  if (mask != nullptr) operation.set(CUDNN_ATTR_OPERATION_POINTWISE_TDESC, *mask->descriptor);
  operation.finalize();
  parts_.push_back(description);
  operations_.push_back(operation);
}

void CudnnGraph::pointwise(cudnnPointwiseMode_t mode, const GraphTensor& x, const GraphTensor& y, const GraphTensor* b,
                           const GraphTensor* mask, cudnnDataType_t math) {
  Descriptor description = pointwise_description(mode, math);
  add_pointwise(description, x, y, b, mask);
}

void CudnnGraph::index(const GraphTensor& x, const GraphTensor& y, std::int64_t axis) {
  Descriptor description = pointwise_description(CUDNN_POINTWISE_GEN_INDEX, CUDNN_DATA_INT32);
  description.set(CUDNN_ATTR_POINTWISE_AXIS, CUDNN_TYPE_INT64, std::vector{axis});
  add_pointwise(description, x, y, nullptr, nullptr);
}

void CudnnGraph::reduce(cudnnReduceTensorOp_t mode, const GraphTensor& x, const GraphTensor& y) {
  Descriptor description(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  description.set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, std::vector{mode});
  description.set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_FLOAT});
  description.finalize();
  Descriptor operation(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, description);
  operation.set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, *x.descriptor);
  operation.set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, *y.descriptor);
  operation.finalize();
  parts_.push_back(description);
  operations_.push_back(operation);
}

void CudnnGraph::reshape(const GraphTensor& x, const GraphTensor& y) {
  Descriptor operation(CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_RESHAPE_XDESC, *x.descriptor);
  operation.set(CUDNN_ATTR_OPERATION_RESHAPE_YDESC, *y.descriptor);
  operation.finalize();
  operations_.push_back(operation);
}

void CudnnGraph::build() {
  graph_ = std::make_unique<Descriptor>(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const Descriptor& operation : operations_) raw.push_back(operation.get());
  graph_->set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, raw);
  graph_->set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, std::vector{handle_});
  graph_->finalize();

  Descriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, *graph_);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, std::vector{CUDNN_HEUR_MODE_A});
  heuristic.finalize();
  constexpr std::int64_t kMostConfigs = 8;
  std::vector<Descriptor> configs;
  std::vector<cudnnBackendDescriptor_t> slots;
  for (std::int64_t i = 0; i < kMostConfigs; ++i) {
    configs.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    slots.push_back(configs.back().get());
  }
  std::int64_t found = 0;
  GPUHOURS_CHECK(cudnnBackendGetAttribute(heuristic.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                          kMostConfigs, &found, slots.data()));
  std::string reason = "no engine for this graph";
  for (std::int64_t i = 0; i < found; ++i) {
    auto plan = std::make_unique<Descriptor>(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    plan->set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, std::vector{handle_});
    plan->set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configs[static_cast<std::size_t>(i)]);
    const cudnnStatus_t status = plan->try_finalize();
    if (status != CUDNN_STATUS_SUCCESS) {
      reason = cudnnGetErrorString(status);
      continue;
    }
    config_ = std::make_unique<Descriptor>(configs[static_cast<std::size_t>(i)]);
    plan_ = std::move(plan);
    std::int64_t count = 0;
    GPUHOURS_CHECK(cudnnBackendGetAttribute(plan_->get(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1,
                                            &count, &workspace_bytes_));
    return;
  }
  throw Unsupported("cuDNN: " + reason);
}

void CudnnGraph::run(const std::vector<Binding>& bindings, void* workspace) const {
  std::vector<std::int64_t> uids;
  std::vector<void*> pointers;
  for (const Binding& binding : bindings) {
    uids.push_back(binding.uid);
    pointers.push_back(binding.data);
  }
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, uids);
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers);
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, std::vector{workspace});
  pack.finalize();
  GPUHOURS_CHECK(cudnnBackendExecute(handle_, plan_->get(), pack.get()));
}

}  // namespace gpuhours::profile
