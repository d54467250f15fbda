#include "workload/operator.hpp"

namespace gpuhours {

std::string_view name(OperatorKind kind) {
  switch (kind) {
    case OperatorKind::gemm:
      return "gemm";
    case OperatorKind::grouped_gemm:
      return "grouped gemm";
    case OperatorKind::attention:
      return "attention";
    case OperatorKind::norm:
      return "norm";
    case OperatorKind::activation:
      return "activation";
    case OperatorKind::cast:
      return "cast";
    case OperatorKind::cast_transpose:
      return "cast and transpose";
    case OperatorKind::transpose:
      return "transpose";
    case OperatorKind::elementwise:
      return "elementwise";
    case OperatorKind::copy:
      return "copy";
    case OperatorKind::rope:
      return "rope";
    case OperatorKind::permute:
      return "permute";
    case OperatorKind::router:
      return "router";
    case OperatorKind::cross_entropy:
      return "cross entropy";
    case OperatorKind::embedding:
      return "embedding";
    case OperatorKind::optimizer:
      return "optimizer";
  }
  return "";
}

std::string_view name(CommunicationKind kind) {
  switch (kind) {
    case CommunicationKind::all_reduce:
      return "all-reduce";
    case CommunicationKind::all_gather:
      return "all-gather";
    case CommunicationKind::reduce_scatter:
      return "reduce-scatter";
    case CommunicationKind::all_to_all:
      return "all-to-all";
    case CommunicationKind::dispatch:
      return "dispatch";
    case CommunicationKind::combine:
      return "combine";
    case CommunicationKind::send:
      return "send";
  }
  return "";
}

std::string_view name(GroupKind kind) {
  switch (kind) {
    case GroupKind::tensor:
      return "tensor";
    case GroupKind::context:
      return "context";
    case GroupKind::expert:
      return "expert";
    case GroupKind::expert_tensor:
      return "expert-tensor";
    case GroupKind::data:
      return "data";
    case GroupKind::expert_data:
      return "expert-data";
    case GroupKind::pipeline:
      return "pipeline";
    case GroupKind::shard:
      return "shard";
    case GroupKind::replica:
      return "replica";
  }
  return "";
}

}  // namespace gpuhours
