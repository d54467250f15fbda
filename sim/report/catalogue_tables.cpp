#include "report/catalogue_tables.hpp"

#include "cluster/fabric_layout.hpp"
#include "scenario/enum_names.hpp"
#include "workload/workload.hpp"

namespace gpuhours {
namespace {

using V = MetricValue;

V count(std::int64_t value) { return value; }
V words(std::string_view value) { return std::string(value); }

/// Null for a figure that an entry does not have.
V positive(double value) { return value > 0 ? V(value) : V{}; }
V positive_count(std::int64_t value) { return value > 0 ? V(value) : V{}; }

template <Format format>
V peak(const Gpu& gpu) {
  return positive(gpu.peak(format).value());
}

V flops_per_token(const Architecture& model) {
  return model_flops_per_sequence(model, kListedSequenceLength).value() / kListedSequenceLength;
}

using A = const Architecture&;
constexpr Metric<Architecture> kArchitecture[] = {
    {"id", "model", "", "catalogue id", [](A a) { return words(a.id); }},
    {"parameters", "parameters", "parameters", "total, MTP excluded", [](A a) { return V(parameter_counts(a).total); }},
    {"active_parameters", "active", "parameters", "used by one token, embeddings included",
     [](A a) { return V(parameter_counts(a).active); }},
    {"model_flops_per_token", "FLOPs a token", "FLOP", "forward and backward at 4,096 tokens a sequence",
     flops_per_token},
    {"bf16_weight_bytes", "BF16 weights", "bytes", "two bytes a parameter",
     [](A a) { return V(2 * parameter_counts(a).total); }},
    {"layers", "layers", "", "MTP not counted", [](A a) { return count(a.layers); }},
    {"hidden", "hidden", "", "width", [](A a) { return count(a.hidden); }},
    {"experts", "experts", "", "routed, null for a dense model", [](A a) { return positive_count(a.experts); }},
    {"top_k", "top-k", "", "experts a token", [](A a) { return positive_count(a.top_k); }},
    {"name", "name", "", "", [](A a) { return words(a.name); }},
    {"published_parameters", "published parameters", "parameters", "by its makers",
     [](A a) { return positive(a.published_parameters); }},
    {"published_active_parameters", "published active", "parameters", "by its makers",
     [](A a) { return positive(a.published_active_parameters); }},
    {"dense_layers", "dense layers", "", "first layers of an MoE model", [](A a) { return count(a.dense_layers); }},
    {"ffn_hidden", "dense MLP width", "", "", [](A a) { return positive_count(a.ffn_hidden); }},
    {"moe_ffn_hidden", "expert width", "", "", [](A a) { return positive_count(a.moe_ffn_hidden); }},
    {"shared_experts", "shared experts", "", "", [](A a) { return positive_count(a.shared_experts); }},
    {"mlp", "MLP", "", "", [](A a) { return words(enum_name(a.mlp)); }},
    {"attention", "attention", "", "", [](A a) { return words(enum_name(a.attention)); }},
    {"heads", "heads", "", "", [](A a) { return count(a.heads); }},
    {"kv_heads", "KV heads", "", "", [](A a) { return count(a.kv_heads); }},
    {"head_dim", "head dimension", "", "of queries and keys", [](A a) { return count(a.qk_head_dim()); }},
    {"vocab", "vocabulary", "", "", [](A a) { return count(a.vocab); }},
    {"tied_embeddings", "tied embeddings", "", "", [](A a) { return V(a.tied_embeddings); }},
    {"mtp_layers", "MTP modules", "", "", [](A a) { return count(a.mtp_layers); }},
};

using Y = const SystemEntry&;
constexpr Metric<SystemEntry> kSystem[] = {
    {"id", "system", "", "catalogue id", [](Y y) { return words(y.id); }},
    {"gpu", "GPU", "", "catalogue id", [](Y y) { return words(y.gpu); }},
    {"node", "node", "", "catalogue id", [](Y y) { return words(y.node); }},
    {"fabric", "fabric", "", "catalogue id", [](Y y) { return words(y.fabric); }},
    {"name", "name", "", "", [](Y y) { return words(y.name); }},
};

using G = const Gpu&;
constexpr Metric<Gpu> kGpu[] = {
    {"id", "GPU", "", "catalogue id", [](G g) { return words(g.id); }},
    {"peak_dense_flops_per_s.bf16", "BF16 peak", "FLOP/s", "dense", peak<Format::bf16>},
    {"peak_dense_flops_per_s.fp8", "FP8 peak", "FLOP/s", "dense, null where not supported", peak<Format::fp8>},
    {"peak_dense_flops_per_s.fp4", "FP4 peak", "FLOP/s", "dense, null where not supported", peak<Format::fp4>},
    {"memory_capacity_bytes", "memory", "bytes", "usable by a program",
     [](G g) { return V(g.memory_capacity.value()); }},
    {"memory_bandwidth_bytes_per_s", "HBM", "B/s", "nominal", [](G g) { return V(g.memory_bandwidth.value()); }},
    {"nvlink_per_direction_bytes_per_s", "NVLink", "B/s", "per direction, nominal",
     [](G g) { return positive(g.nvlink_per_direction.value()); }},
    {"tdp_w", "TDP", "W", "", [](G g) { return V(g.tdp.value()); }},
    {"name", "name", "", "", [](G g) { return words(g.name); }},
    {"generation", "generation", "", "", [](G g) { return words(std::string(name(g.generation))); }},
    {"released", "released", "", "YYYY-MM", [](G g) { return words(g.released); }},
    {"default_node", "default node", "", "", [](G g) { return words(g.default_node); }},
    {"sms", "SMs", "", "", [](G g) { return count(g.sms); }},
    {"peak_dense_flops_per_s.fp16", "FP16 peak", "FLOP/s", "dense", peak<Format::fp16>},
    {"peak_dense_flops_per_s.tf32", "TF32 peak", "FLOP/s", "dense", peak<Format::tf32>},
    {"peak_dense_flops_per_s.fp32", "FP32 peak", "FLOP/s", "dense", peak<Format::fp32>},
    {"peak_dense_flops_per_s.fp64", "FP64 peak", "FLOP/s", "dense", peak<Format::fp64>},
    {"peak_dense_flops_per_s.int8", "INT8 peak", "FLOP/s", "dense", peak<Format::int8>},
    {"l2_cache_bytes", "L2 cache", "bytes", "", [](G g) { return positive(g.l2_cache.value()); }},
    {"nvlink_links", "NVLink links", "", "", [](G g) { return positive_count(g.nvlink_links); }},
    {"pcie_per_direction_bytes_per_s", "PCIe", "B/s", "per direction, nominal",
     [](G g) { return positive(g.pcie_per_direction.value()); }},
    {"die_area_mm2", "die area", "mm2", "logic dies", [](G g) { return positive(g.die_area_mm2); }},
};

using N = const Node&;
constexpr Metric<Node> kNode[] = {
    {"id", "node", "", "catalogue id", [](N n) { return words(n.id); }},
    {"gpus", "GPUs", "", "", [](N n) { return count(n.gpus); }},
    {"nvlink_domain", "NVLink domain", "", "GPUs that reach each other over NVLink",
     [](N n) { return count(n.nvlink_domain); }},
    {"nics", "NICs", "", "for the training network", [](N n) { return count(n.nics); }},
    {"nic_per_direction_bytes_per_s", "each NIC", "B/s", "per direction, nominal",
     [](N n) { return positive(n.nic_per_direction.value()); }},
    {"max_power_w", "nameplate power", "W", "", [](N n) { return positive(n.max_power.value()); }},
    {"training_power_share", "while training", "share", "of the nameplate power",
     [](N n) { return positive(n.training_power_share); }},
    {"name", "name", "", "", [](N n) { return words(n.name); }},
    {"nvswitches", "NVSwitches", "", "per NVLink domain", [](N n) { return count(n.nvswitches); }},
    {"nvlink_sharp", "NVLink SHARP", "", "", [](N n) { return V(n.nvlink_sharp); }},
};

using F = const Fabric&;
/// Counts of a fabric that can be built; zeros otherwise.
FabricCounts counted(F fabric) {
  Diagnostics unused;
  return fabric_counts(fabric, {}, unused);
}
constexpr Metric<Fabric> kFabric[] = {
    {"id", "fabric", "", "catalogue id", [](F f) { return words(f.id); }},
    {"kind", "kind", "", "", [](F f) { return words(enum_name(f.kind)); }},
    {"planes", "planes", "", "", [](F f) { return count(f.planes); }},
    {"port_per_direction_bytes_per_s", "port", "B/s", "per direction, nominal",
     [](F f) { return positive(f.port_per_direction.value()); }},
    {"endpoints", "endpoints", "", "NIC ports", [](F f) { return positive_count(f.endpoints); }},
    {"oversubscription", "oversubscription", "", "above the pod", [](F f) { return V(f.oversubscription); }},
    {"latency_cross_leaf_s", "latency", "s", "64 B, across leaves",
     [](F f) { return positive(f.latency_cross_leaf.value()); }},
    {"name", "name", "", "", [](F f) { return words(f.name); }},
    {"rail_optimised", "rail-optimised", "", "", [](F f) { return V(f.rail_optimised); }},
    {"switch_ports", "switch ports", "", "", [](F f) { return count(f.switch_ports); }},
    {"pod_endpoints", "endpoints of a pod", "", "", [](F f) { return positive_count(f.pod_endpoints); }},
    {"latency_same_leaf_s", "latency below one leaf", "s", "64 B",
     [](F f) { return positive(f.latency_same_leaf.value()); }},
    {"latency_nvlink_s", "latency over NVLink", "s", "64 B", [](F f) { return positive(f.latency_nvlink.value()); }},
    {"cost_per_endpoint_usd", "cost of an endpoint", "USD", "as published; NICs not in it",
     [](F f) { return positive(f.cost_per_endpoint.value()); }},
    {"switches", "switches", "", "counted", [](F f) { return positive_count(counted(f).switches); }},
    {"switch_links", "links between switches", "", "counted", [](F f) { return positive_count(counted(f).links); }},
    {"bisection_bytes_per_s", "bisection", "B/s", "per direction, between two halves of the endpoints",
     [](F f) { return positive(counted(f).bisection.value()); }},
    {"counted_cost_usd", "cost, counted", "USD", "switches, links and endpoint links at list prices; NICs not in it",
     [](F f) { return positive(counted(f).cost.value()); }},
    {"counted_cost_per_endpoint_usd", "of an endpoint, counted", "USD", "the same by endpoint",
     [](F f) { return positive(counted(f).cost_per_endpoint.value()); }},
};

using R = const PrecisionRecipe&;
constexpr Metric<PrecisionRecipe> kPrecision[] = {
    {"id", "precision", "", "catalogue id", [](R r) { return words(r.id); }},
    {"gemm", "GEMM", "", "linear layers and experts", [](R r) { return words(enum_name(r.gemm)); }},
    {"scaling", "scaling", "", "", [](R r) { return words(enum_name(r.scaling)); }},
    {"dispatch", "dispatch", "", "", [](R r) { return words(enum_name(r.dispatch)); }},
    {"combine", "combine", "", "", [](R r) { return words(enum_name(r.combine)); }},
    {"gradients", "gradients", "", "", [](R r) { return words(enum_name(r.gradients)); }},
    {"master_weights", "master weights", "", "", [](R r) { return words(enum_name(r.master_weights)); }},
    {"moments", "moments", "", "", [](R r) { return words(enum_name(r.moments)); }},
    {"attention", "attention", "", "", [](R r) { return words(enum_name(r.attention)); }},
    {"activations", "activations", "", "", [](R r) { return words(enum_name(r.activations)); }},
    {"router", "router", "", "", [](R r) { return words(enum_name(r.router)); }},
    {"head", "head", "", "", [](R r) { return words(enum_name(r.head)); }},
    {"weights", "weights", "", "", [](R r) { return words(enum_name(r.weights)); }},
    {"gradient_sync", "gradient sync", "", "", [](R r) { return words(enum_name(r.gradient_sync)); }},
};

using S = const Stack&;
constexpr Metric<Stack> kStack[] = {
    {"id", "stack", "", "catalogue id", [](S s) { return words(s.id); }},
    {"kernels", "kernels", "", "family of kernel laws", [](S s) { return words(std::string(name(s.kernels))); }},
    {"dispatcher", "dispatcher", "", "", [](S s) { return words(enum_name(s.dispatcher)); }},
    {"communication_sms", "expert SMs", "", "held by dispatch and combine",
     [](S s) { return count(s.communication_sms); }},
    {"collective_sms", "collective SMs", "", "held by collectives", [](S s) { return count(s.collective_sms); }},
    {"overlap_expert", "overlaps experts", "", "", [](S s) { return V(s.overlap_expert); }},
    {"overlap_tensor", "overlaps tensor", "", "", [](S s) { return V(s.overlap_tensor); }},
    {"overlap_gradients", "overlaps gradients", "", "", [](S s) { return V(s.overlap_gradients); }},
    {"name", "name", "", "", [](S s) { return words(s.name); }},
    {"overlap_parameters", "overlaps parameters", "", "", [](S s) { return V(s.overlap_parameters); }},
    {"overlap_pipeline", "overlaps pipeline sends", "", "", [](S s) { return V(s.overlap_pipeline); }},
    {"scatter_gather_sends", "scatter-gather sends", "", "", [](S s) { return V(s.scatter_gather_sends); }},
    {"cuda_graphs", "CUDA graphs", "", "", [](S s) { return V(s.cuda_graphs); }},
    {"launch_gap_s", "launch gap", "s", "", [](S s) { return V(s.launch_gap.value()); }},
    {"launch_interval_s", "launch interval", "s", "", [](S s) { return V(s.launch_interval.value()); }},
    {"sm_aware_gemm", "SM-aware GEMM", "", "", [](S s) { return V(s.sm_aware_gemm); }},
    {"fused_norm", "fused norm", "", "", [](S s) { return V(s.fused_norm); }},
    {"fused_activation", "fused activation", "", "", [](S s) { return V(s.fused_activation); }},
    {"fused_rope", "fused RoPE", "", "", [](S s) { return V(s.fused_rope); }},
    {"fused_cross_entropy", "fused cross-entropy", "", "", [](S s) { return V(s.fused_cross_entropy); }},
    {"fused_gradient_accumulation", "fused accumulation", "", "", [](S s) { return V(s.fused_gradient_accumulation); }},
    {"memory_overhead_bytes", "memory overhead", "bytes", "per GPU", [](S s) { return V(s.memory_overhead.value()); }},
};

using L = const Reliability&;
constexpr Metric<Reliability> kReliability[] = {
    {"id", "reliability", "", "catalogue id", [](L l) { return words(l.id); }},
    {"interruptions_per_1000_node_days", "per 1,000 node-days", "", "unplanned interruptions",
     [](L l) { return V(l.interruptions_per_1000_node_days); }},
    {"detection_time_s", "detection", "s", "", [](L l) { return V(l.detection_time.value()); }},
    {"restart_time_s", "restart", "s", "", [](L l) { return V(l.restart_time.value()); }},
    {"checkpoint_stall_s", "checkpoint stall", "s", "", [](L l) { return V(l.checkpoint_stall.value()); }},
    {"name", "name", "", "", [](L l) { return words(l.name); }},
    {"gpu_hours_per_interruption", "GPU hours per interruption", "GPU h", "",
     [](L l) { return positive(l.gpu_hours_per_interruption); }},
    {"checkpoint_interval_s", "checkpoint interval", "s", "null: Young-Daly",
     [](L l) { return positive(l.checkpoint_interval.value()); }},
    {"planned_per_1000_node_days", "planned per 1,000 node-days", "", "",
     [](L l) { return V(l.planned_per_1000_node_days); }},
    {"planned_time_s", "planned stop", "s", "", [](L l) { return V(l.planned_time.value()); }},
    {"replaced_share", "nodes replaced", "share", "of the unplanned interruptions",
     [](L l) { return V(l.replaced_share); }},
    {"spares", "spare nodes", "", "", [](L l) { return count(l.spares); }},
    {"repair_time_s", "repair", "s", "null: spares never run out", [](L l) { return positive(l.repair_time.value()); }},
};

}  // namespace

CatalogueTable<Architecture> table_of(const Architecture&) { return {kArchitecture, 9}; }
CatalogueTable<SystemEntry> table_of(const SystemEntry&) { return {kSystem, 4}; }
CatalogueTable<Gpu> table_of(const Gpu&) { return {kGpu, 8}; }
CatalogueTable<Node> table_of(const Node&) { return {kNode, 7}; }
CatalogueTable<Fabric> table_of(const Fabric&) { return {kFabric, 7}; }
CatalogueTable<PrecisionRecipe> table_of(const PrecisionRecipe&) { return {kPrecision, 8}; }
CatalogueTable<Stack> table_of(const Stack&) { return {kStack, 8}; }
CatalogueTable<Reliability> table_of(const Reliability&) { return {kReliability, 6}; }

}  // namespace gpuhours
