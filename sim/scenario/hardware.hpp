#pragma once
// GPUs, nodes, fabrics, systems: the files of hardware/. Rates are dense, link speeds are per direction, both nominal;
// what is achieved of them is a fit in calibration/.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/quantity.hpp"
#include "scenario/source.hpp"

namespace gpuhours {

/// Number formats of matrix units and tensors.
enum class Format { fp64, fp32, tf32, bf16, fp16, fp8, fp6, fp4, int8 };

/// Bytes an element takes, scales not counted (fp6 0.75, fp4 0.5).
double bytes_per_element(Format format);
std::string_view name(Format format);

/// GPU architectures, oldest first. `other` is none of these: nothing but their laws can be borrowed for it.
enum class Generation { volta, turing, ampere, ada, hopper, blackwell, other };
std::string_view name(Generation generation);

/// Ceilings of a hypothetical part, 0: none. What lies above one is cut down to it when the entry is read.
struct GpuCaps {
  double tpp = 0;               ///< total processing performance: every peak rate is cut by the same factor
  BytesPerSecond nvlink_total;  ///< both directions together, as export rules count
  BytesPerSecond memory_bandwidth;

  bool operator==(const GpuCaps&) const = default;
};

struct Gpu {
  std::string id;
  std::string name;
  Generation generation = Generation::other;  ///< whose kernel laws may be borrowed
  std::string released;                       ///< YYYY-MM
  std::string default_node;                   ///< node id where the scenario names none
  int sms = 0;
  Hertz peak_clock;                             ///< the clock behind `peak_dense`
  Hertz max_clock;                              ///< highest boost clock
  std::map<Format, FlopsPerSecond> peak_dense;  ///< a format that is absent is not supported, see matrix_format()
  Bytes memory_capacity;                        ///< usable by a program
  BytesPerSecond memory_bandwidth;
  Bytes l2_cache;
  BytesPerSecond nvlink_per_direction;
  int nvlink_links = 0;
  BytesPerSecond pcie_per_direction;
  Watts tdp;
  double die_area_mm2 = 0;  ///< logic dies on a non-planar node, for performance density
  bool data_centre = true;  ///< designed or marketed for data centres, for export rules
  GpuCaps caps;
  double tensor_factor = 1;  ///< what-if: speed of the matrix units over what was measured; no key of a file
  std::vector<Source> sources;

  [[nodiscard]] FlopsPerSecond peak(Format format) const {
    const auto it = peak_dense.find(format);
    return it == peak_dense.end() ? FlopsPerSecond{} : it->second;
  }
  bool operator==(const Gpu&) const = default;
};

/// The format whose units do the matrix products of `format` on `gpu`: its own; FP32's where software computes the
/// products of a narrower format there for want of them; none where no software does. See hardware.cpp.
std::optional<Format> matrix_format(const Gpu& gpu, Format format);
/// Peak of matrix_format(), 0 where there is none.
FlopsPerSecond matrix_peak(const Gpu& gpu, Format format);
/// What MFU is reckoned by: the BF16 peak; FP16's, else FP32's, on a part without BF16 units.
FlopsPerSecond mfu_peak(const Gpu& gpu);

/// Total processing performance: the largest of dense TFLOP/s x bits of the format; 0 without rates.
struct ProcessingPerformance {
  double tpp = 0;
  Format format = Format::fp64;
};
ProcessingPerformance processing_performance(const Gpu& gpu);

struct Node {
  std::string id;
  std::string name;
  int gpus = 8;
  int nvlink_domain = 8;  ///< GPUs that reach each other over NVLink: 8 in an HGX node, 72 in an NVL72 rack
  int nvswitches = 0;     ///< per NVLink domain
  bool nvlink_sharp = false;
  int nics = 8;                      ///< per node, for the training network
  BytesPerSecond nic_per_direction;  ///< each
  Watts max_power;                   ///< nameplate of the whole node
  double training_power_share = 0;   ///< measured power while training over max_power
  Watts gpu_tdp;                     ///< of the GPUs that both figures are of; 0: not said
  std::vector<Source> sources;

  bool operator==(const Node&) const = default;
};

enum class FabricKind { none, fat_tree_two_layer, fat_tree_three_layer, multi_plane_fat_tree, dragonfly, slim_fly };

struct Fabric {
  std::string id;
  std::string name;
  FabricKind kind = FabricKind::fat_tree_two_layer;
  std::string transport = "infiniband";  ///< whose laws in calibration/network.yaml hold: infiniband (RoCE too), efa
  bool rail_optimised = true;            ///< NIC i of every node of a pod hangs on leaf switch i
  int planes = 1;  ///< separate networks, NIC i on plane i; traffic between planes is forwarded inside the node
  int switch_ports = 64;
  BytesPerSecond port_per_direction;
  int endpoints = 0;              ///< NIC ports that the fabric is built for
  int pod_endpoints = 0;          ///< NIC ports below one pod's switches, 0: the fabric is one pod
  double oversubscription = 1.0;  ///< above the pod
  double leaf_oversubscription = 1.0;
  Seconds latency_same_leaf;   ///< end to end, 64 B
  Seconds latency_cross_leaf;  ///< end to end, 64 B
  Seconds latency_nvlink;      ///< end to end, 64 B
  Dollars cost_per_endpoint;
  int dragonfly_routers_per_group = 0;
  int dragonfly_endpoints_per_router = 0;
  int dragonfly_global_links_per_router = 0;
  int slim_fly_q = 0;
  std::vector<Source> sources;

  bool operator==(const Fabric&) const = default;
};

}  // namespace gpuhours
