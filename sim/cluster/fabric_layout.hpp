#pragma once
// A fabric's switches and the links between them, from its kind, ports and endpoints.
//   two-layer fat tree   leaves of k ports, spines; k^2/2 endpoints, 3k/2 switches, k^2/2 links when full
//   multi-plane          one such tree a plane, NIC i of a node on plane i
//   three-layer          pods of leaves and aggregation switches, cores; k^3/4, 5k^2/4, k^3/2 when full
//   dragonfly            groups of a routers, all-to-all inside, h global links a router (Kim et al., ISCA 2008)
//   slim fly             2q^2 routers of network degree (3q - d)/2 (Besta, Hoefler, SC 2014): counted, not laid out
// Costs: unit prices that reproduce the table of arXiv 2505.09343 (ISCA 2025) within 1 %; the switch price is a listing
// of August 2024, the link prices follow from the table. NICs are not in them.

#include <cstdint>
#include <string>
#include <vector>

#include "core/diagnostic.hpp"
#include "scenario/hardware.hpp"

namespace gpuhours {

inline constexpr Dollars kSwitchPrice{36000};
inline constexpr Dollars kSwitchLinkPrice{1950};
inline constexpr Dollars kEndpointLinkPrice{750};

struct FabricCounts {
  std::int64_t endpoints = 0;
  std::int64_t switches = 0;
  std::int64_t links = 0;    ///< between switches
  BytesPerSecond bisection;  ///< one direction, between two halves of the endpoints; 0: not computed (slim fly)
  Dollars cost;              ///< switches, links and endpoint links
  Dollars cost_per_endpoint;
};

enum class SwitchKind : std::uint8_t { leaf, spine, core, router };

struct FabricSwitch {
  SwitchKind kind = SwitchKind::leaf;
  int plane = 0;
  int pod = 0;  ///< dragonfly: group
};

/// `links` parallel cables between two switches.
struct SwitchLink {
  int a = 0;
  int b = 0;
  int links = 1;
};

struct FabricLayout {
  std::vector<FabricSwitch> switches;
  std::vector<SwitchLink> links;
  /// Switches that endpoints hang on: plane by plane, in order; `endpoints_per_leaf` fit on each.
  std::vector<int> leaves;
  int leaves_per_plane = 0;
  int endpoints_per_leaf = 0;
  int leaves_per_pod = 0;
};

/// Switches and links for `fabric.endpoints` endpoints. What does not add up is an error at `place` and leaves the
/// layout empty.
FabricLayout fabric_layout(const Fabric& fabric, const SourcePlace& place, Diagnostics& diagnostics);

/// Counts and cost; slim fly too. Errors as above.
FabricCounts fabric_counts(const Fabric& fabric, const SourcePlace& place, Diagnostics& diagnostics);

}  // namespace gpuhours
