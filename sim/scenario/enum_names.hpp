#pragma once
// The names of enum values as scenario files write them, one table an enum.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "scenario/scenario.hpp"

namespace gpuhours {

/// Names in the order of the enum's values, which count from 0.
template <class Enum>
struct EnumNames;

template <>
struct EnumNames<Format> {
  static constexpr auto kNames =
      std::to_array<std::string_view>({"fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "fp6", "fp4", "int8"});
};
template <>
struct EnumNames<Generation> {
  static constexpr auto kNames =
      std::to_array<std::string_view>({"volta", "turing", "ampere", "ada", "hopper", "blackwell", "other"});
};
template <>
struct EnumNames<KernelFamily> {
  static constexpr auto kNames = std::to_array<std::string_view>({"cublas", "deepgemm"});
};
template <>
struct EnumNames<AttentionKind> {
  static constexpr auto kNames = std::to_array<std::string_view>({"mha", "gqa", "mla"});
};
template <>
struct EnumNames<MlpKind> {
  static constexpr auto kNames = std::to_array<std::string_view>({"gelu", "swiglu", "geglu", "squared_relu"});
};
template <>
struct EnumNames<FabricKind> {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"none", "fat_tree_two_layer", "fat_tree_three_layer", "multi_plane_fat_tree", "dragonfly", "slim_fly"});
};
template <>
struct EnumNames<Scaling> {
  static constexpr auto kNames =
      std::to_array<std::string_view>({"none", "tensor_delayed", "tensor_current", "block_128", "mx_32", "nv_16"});
};
template <>
struct EnumNames<Dispatcher> {
  static constexpr auto kNames = std::to_array<std::string_view>({"deepep", "alltoall", "allgather", "hybridep"});
};
template <>
struct EnumNames<GraphScope> {
  static constexpr auto kNames = std::to_array<std::string_view>({"all", "attention", "router"});
};
template <>
struct EnumNames<AttentionKernel> {
  static constexpr auto kNames = std::to_array<std::string_view>({"cudnn", "flash2"});
};
template <>
struct EnumNames<Schedule> {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"one_f_one_b", "interleaved", "zero_bubble_h1", "zero_bubble_v", "dualpipe", "dualpipe_v"});
};
template <>
struct EnumNames<Fsdp> {
  static constexpr auto kNames = std::to_array<std::string_view>({"none", "full", "hybrid"});
};
template <>
struct EnumNames<CpExchange> {
  static constexpr auto kNames = std::to_array<std::string_view>({"ring", "all_to_all"});
};
template <>
struct EnumNames<RouterBalance> {
  static constexpr auto kNames = std::to_array<std::string_view>({"forced", "natural"});
};
template <>
struct EnumNames<PhaseBasis> {
  static constexpr auto kNames = std::to_array<std::string_view>({"automatic", "simulated", "given"});
};
template <>
struct EnumNames<Recompute> {
  static constexpr auto kNames = std::to_array<std::string_view>({"none", "selective", "full"});
};
template <>
struct EnumNames<RecomputeOp> {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"norm", "mla_up_projection", "activation", "attention", "moe_experts", "shared_experts", "moe", "mlp", "layer"});
};
template <>
struct EnumNames<EngineMode> {
  static constexpr auto kNames = std::to_array<std::string_view>({"folded", "expanded"});
};
template <>
struct EnumNames<NetworkModel> {
  static constexpr auto kNames = std::to_array<std::string_view>({"analytic", "flow"});
};

template <>
struct EnumNames<PricingMethod> {
  static constexpr auto kNames = std::to_array<std::string_view>({"rent", "owned", "epoch"});
};
template <>
struct EnumNames<Depreciation> {
  static constexpr auto kNames = std::to_array<std::string_view>({"linear", "declining"});
};

template <class Enum>
std::string_view enum_name(Enum value) {
  return EnumNames<Enum>::kNames[static_cast<std::size_t>(value)];
}

template <class Enum>
std::vector<std::string> enum_names() {
  return {EnumNames<Enum>::kNames.begin(), EnumNames<Enum>::kNames.end()};
}

/// The value called `name`, which is one of the names.
template <class Enum>
Enum enum_value(std::string_view name) {
  std::size_t i = 0;
  while (EnumNames<Enum>::kNames.at(i) != name) ++i;
  return static_cast<Enum>(i);
}

}  // namespace gpuhours
