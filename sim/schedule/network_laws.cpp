#include "schedule/network_laws.hpp"

#include <yaml-cpp/yaml.h>

namespace gpuhours {
namespace {

/// Walks the file and reports what is missing with the place of the map that lacks it.
class LawReader {
 public:
  LawReader(std::string file, Diagnostics& diagnostics) : file_(std::move(file)), diagnostics_(diagnostics) {}

  YAML::Node child(const YAML::Node& map, const std::string& key, bool required = true) {
    if (map.IsDefined() && map.IsMap() && map[key]) return map[key];
    if (required) report(map, "'" + key + "' is missing");
    return YAML::Node(YAML::NodeType::Undefined);
  }

  /// A number of `key` in [low, high], or 0 after an error.
  double number(const YAML::Node& map, const std::string& key, double low, double high) {
    const YAML::Node node = child(map, key);
    if (!node.IsDefined()) return 0;
    double value = 0;
    if (!YAML::convert<double>::decode(node, value)) {
      report(node, "'" + key + "' is not a number");
    } else if (!(value >= low && value <= high)) {
      report(node, "'" + key + "' is out of its range");
    }
    return value;
  }

  Seconds microseconds(const YAML::Node& map, const std::string& key) {
    return Seconds(number(map, key, 0, 1e7) * 1e-6);
  }

  AlgorithmLaw algorithm(const YAML::Node& parent, const std::string& key, bool required = true) {
    AlgorithmLaw law;
    const YAML::Node node = child(parent, key, required);
    if (!node.IsDefined()) return law;
    const YAML::Node protocols = child(node, "protocols");
    if (!protocols.IsDefined()) return law;
    for (const YAML::Node& entry : protocols) {
      law.protocols.push_back({entry["name"] ? entry["name"].as<std::string>("") : "", microseconds(entry, "base_us"),
                               microseconds(entry, "step_us"), number(entry, "share", 1e-4, 1)});
    }
    if (law.protocols.empty()) report(node, "'" + key + "' has no protocol");
    law.own_copy = number(node, "own_copy", 0, 10);
    law.error = number(node, "error", 0, 10);
    return law;
  }

  ExpertPhaseLaw expert_phase(const YAML::Node& parent, const std::string& key) {
    const YAML::Node node = child(parent, key);
    if (!node.IsDefined()) return {};
    return {number(node, "nic_share", 1e-4, 1),
            number(node, "nic_share_beside", 1e-4, 1),
            number(node, "nvlink_share", 1e-4, 1),
            number(node, "forward_share", 1e-4, 1),
            BytesPerSecond(number(node, "sm_gbps", 1e-3, 1e4) * 1e9),
            BytesPerSecond(number(node, "sm_forward_gbps", 1e-3, 1e4) * 1e9),
            microseconds(node, "base_us"),
            number(node, "error", 0, 10),
            number(node, "error_beside", 0, 10)};
  }

  ExpertLaws expert(const YAML::Node& node) {
    return {expert_phase(node, "dispatch"), expert_phase(node, "combine"), microseconds(node, "layout_on_host_us")};
  }

 private:
  void report(const YAML::Node& at, const std::string& what) {
    SourcePlace place{file_, 0, 0, {}};
    if (at.IsDefined() && at.Mark().line >= 0) {
      place.line = at.Mark().line + 1;
      place.column = at.Mark().column + 1;
    }
    diagnostics_.error(place, what);
  }

  std::string file_;
  Diagnostics& diagnostics_;
};

NetworkLaws laws_of(const YAML::Node& root, LawReader& reader) {
  NetworkLaws laws;
  const YAML::Node nvlink = reader.child(root, "nvlink");
  if (nvlink.IsDefined()) {
    for (const auto& entry : nvlink) {
      laws.nvlink[entry.first.as<std::string>()] = {reader.algorithm(entry.second, "ring"),
                                                    reader.algorithm(entry.second, "nvls", false),
                                                    reader.algorithm(entry.second, "point_to_point")};
    }
    if (laws.nvlink.count("hopper") == 0) reader.child(nvlink, "hopper");
  }
  const YAML::Node nic = reader.child(root, "nic");
  if (nic.IsDefined()) {
    for (const auto& entry : nic) {
      const YAML::Node& at = entry.second;
      laws.nic[entry.first.as<std::string>()] = {reader.algorithm(at, "ring"),
                                                 reader.algorithm(at, "tree"),
                                                 reader.algorithm(at, "nvls_tree", false),
                                                 reader.algorithm(at, "all_to_all"),
                                                 reader.algorithm(at, "send"),
                                                 reader.microseconds(at, "reference_latency_us")};
    }
    if (laws.nic.count("infiniband") == 0) reader.child(nic, "infiniband");
  }
  laws.nvls_min_ranks = static_cast<int>(reader.number(root, "nvls_min_ranks", 2, 1e6));
  const YAML::Node expert = reader.child(root, "expert");
  if (expert.IsDefined()) {
    laws.expert = reader.expert(expert);
    const YAML::Node hybrid = reader.child(root, "expert_hybrid", false);
    laws.expert_hybrid = hybrid.IsDefined() ? reader.expert(hybrid) : laws.expert;
  }
  return laws;
}

}  // namespace

const NvlinkLaws& NetworkLaws::nvlink_of(const std::string& generation, bool* known) const {
  const auto it = nvlink.find(generation);
  if (known != nullptr) *known = it != nvlink.end();
  return it != nvlink.end() ? it->second : nvlink.at("hopper");
}

const NicLaws& NetworkLaws::nic_of(const std::string& transport, bool* known) const {
  const auto it = nic.find(transport);
  if (known != nullptr) *known = it != nic.end();
  return it != nic.end() ? it->second : nic.at("infiniband");
}

NetworkLaws read_network_laws(const std::string& calibration_directory, Diagnostics& diagnostics) {
  const std::string file = calibration_directory + "/network.yaml";
  LawReader reader(file, diagnostics);
  try {
    return laws_of(YAML::LoadFile(file), reader);
  } catch (const YAML::BadFile&) {
    diagnostics.error({file, 0, 0, {}}, "cannot be read");
  } catch (const YAML::Exception& exception) {
    diagnostics.error({file, exception.mark.line + 1, exception.mark.column + 1, {}}, exception.msg);
  }
  return {};
}

void scale_latencies(NetworkLaws& laws, double factor) {
  const auto scale = [&](AlgorithmLaw& law) {
    for (ProtocolLaw& protocol : law.protocols) {
      protocol.base *= factor;
      protocol.per_step *= factor;
    }
  };
  for (auto& [generation, nvlink] : laws.nvlink) {
    for (AlgorithmLaw* law : {&nvlink.ring, &nvlink.nvls, &nvlink.point_to_point}) scale(*law);
  }
  for (auto& [transport, nic] : laws.nic) {
    for (AlgorithmLaw* law : {&nic.ring, &nic.tree, &nic.nvls_tree, &nic.all_to_all, &nic.send}) scale(*law);
    nic.reference_latency *= factor;
  }
  for (ExpertLaws* expert : {&laws.expert, &laws.expert_hybrid}) {
    for (ExpertPhaseLaw* law : {&expert->dispatch, &expert->combine}) law->base *= factor;
    expert->layout_on_host *= factor;
  }
}

}  // namespace gpuhours
