#include <array>
#include <cstdlib>
#include <fstream>
#include <map>

#include "calibrate/network_fit.hpp"

namespace gpuhours {
namespace {

// Splits a CSV line; fields in double quotes may hold commas.
std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> result(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      result.emplace_back();
    } else if (c != '\r') {
      result.back() += c;
    }
  }
  return result;
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// Nominal NVLink speed a direction and generation by the GPU column's beginning.
struct GpuSpeed {
  const char* prefix;
  const char* generation;
  double nvlink;
};
constexpr std::array kGpus{GpuSpeed{"A100-SXM4", "ampere", 300e9}, GpuSpeed{"H100-SXM5", "hopper", 450e9},
                           GpuSpeed{"H200-SXM5", "hopper", 450e9}, GpuSpeed{"H20-SXM", "hopper", 450e9},
                           GpuSpeed{"H800-SXM5", "hopper", 200e9}, GpuSpeed{"B200-SXM", "blackwell", 900e9},
                           GpuSpeed{"GB200", "blackwell", 900e9}};

// NIC speed a GPU, transport, and NVLink domains of a system, by a part of the interconnect column; 0 domains: one
// domain a node.
struct System {
  const char* part;
  const char* transport;
  double nic;
  int domains;
};
constexpr std::array kSystems{
    System{"single node", "", 0, 1},
    System{"900GB/s NVSwitch", "", 0, 1},
    System{"600GB/s NVSwitch", "", 0, 1},
    System{"1800GB/s NVSwitch", "", 0, 1},
    System{"NVLink3 single node", "", 0, 1},
    System{"1800GB/s NVL72", "", 0, 1},
    System{"one NVLink domain", "", 0, 1},
    System{"NVL72 single rack", "", 0, 1},
    System{"two NVL72 domains", "infiniband", 50e9, 2},
    System{"2 racks NVL72", "infiniband", 50e9, 2},
    System{"20 racks NVL72", "infiniband", 50e9, 20},
    System{"400Gb per GPU in total", "infiniband", 50e9, 0},
    System{"8x400Gb RoCE", "infiniband", 50e9, 0},
    System{"8x400Gb NIC per node", "infiniband", 50e9, 0},
    System{"SHARP", "sharp", 50e9, 0},
    System{"Azure ND A100 v4", "infiniband", 25e9, 0},
    System{"ALCF Sophia", "infiniband", 25e9, 0},
    System{"OCI BM.GPU.B4.8", "infiniband", 25e9, 0},
    System{"AWS p4de", "efa", 6.25e9, 0},
    System{"AWS p5", "efa", 50e9, 0},
    System{"a3-mega", "tcpx", 25e9, 0},
};

const std::map<std::string, CollectiveOp>& ops() {
  static const std::map<std::string, CollectiveOp> table{{"all_reduce", CollectiveOp::all_reduce},
                                                         {"all_gather", CollectiveOp::all_gather},
                                                         {"reduce_scatter", CollectiveOp::reduce_scatter},
                                                         {"alltoall", CollectiveOp::all_to_all},
                                                         {"send_recv", CollectiveOp::send}};
  return table;
}

// Another library, a run its author calls wrong, timing inside a framework, or no size given.
bool left_out(const std::string& note, const std::string& source) {
  for (const char* part : {"not NCCL", "MIS-TUNED", "in-framework", "message size not stated", "custom"}) {
    if (contains(note, part)) return true;
  }
  // nccl issue 2409 reports a cluster whose network was set up wrongly.
  return contains(source, "vidur") || contains(source, "nccl issue 2409");
}

bool describe(CollectiveRow& row, const std::string& gpu, const std::string& interconnect, int ranks, int per_node) {
  const auto* speed = kGpus.begin();
  while (speed != kGpus.end() && gpu.rfind(speed->prefix, 0) != 0) ++speed;
  const auto* system = kSystems.begin();
  while (system != kSystems.end() && !contains(interconnect, system->part)) ++system;
  if (speed == kGpus.end() || system == kSystems.end()) return false;
  GroupShape& group = row.group;
  group.size = ranks;
  group.domains = system->domains > 0 ? system->domains : (ranks + per_node - 1) / per_node;
  group.per_domain = ranks / group.domains;
  group.nvlink = BytesPerSecond(speed->nvlink);
  group.nic = BytesPerSecond(system->nic);
  group.generation = speed->generation;
  group.transport = system->transport;
  group.nvls = group.generation != "ampere";
  return true;
}

}  // namespace

std::vector<CollectiveRow> collective_rows(const std::string& csv_path, Diagnostics& diagnostics) {
  std::vector<CollectiveRow> rows;
  std::ifstream file(csv_path);
  if (!file) {
    diagnostics.error({csv_path, 0, 0, {}}, "cannot be read");
    return rows;
  }
  std::string line;
  std::getline(file, line);  // gpu,interconnect,op,n_gpus,gpus_per_node,bytes,time_us,busbw,algbw,source,note
  while (std::getline(file, line)) {
    const std::vector<std::string> f = fields(line);
    if (f.size() < 11 || left_out(f[10], f[9])) continue;
    const auto op = ops().find(f[2]);
    CollectiveRow row;
    const int ranks = std::atoi(f[3].c_str());
    row.bytes = Bytes(std::strtod(f[5].c_str(), nullptr));
    row.time = Seconds(std::strtod(f[6].c_str(), nullptr) * 1e-6);
    const double bus = std::strtod(f[7].c_str(), nullptr) * 1e9;
    if (op == ops().end() || ranks < 2 || row.bytes <= Bytes{}) continue;
    row.op = op->second;
    if (row.time <= Seconds{} && bus > 0) row.time = bus_factor(row.op, ranks) * row.bytes / BytesPerSecond(bus);
    if (row.time <= Seconds{}) continue;
    if (!describe(row, f[0], f[1], ranks, std::max(1, std::atoi(f[4].c_str())))) continue;
    row.system = f[0] + " | " + f[1].substr(0, 40);
    row.source = f[9];
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace gpuhours
