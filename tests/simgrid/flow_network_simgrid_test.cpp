// 200 random networks whose flows start together: ends equal SimGrid's within 1e-6. SimGrid's own model factors
// (TCP window, latency and bandwidth factors, cross traffic) are switched off, so that both solve plain max-min.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <simgrid/s4u.hpp>

#include "core/random.hpp"
#include "engine/flow_network.hpp"
#include "near.hpp"

namespace sg = simgrid::s4u;
using namespace gpuhours;

TEST_CASE("random flows end when SimGrid says") {
  int argc = 1;
  char program[] = "simgrid_tests";
  char* argv[] = {program, nullptr};
  sg::Engine engine(&argc, argv);
  for (const char* setting :
       {"network/model:CM02", "network/TCP-gamma:0", "network/latency-factor:1", "network/bandwidth-factor:1",
        "network/weight-S:0", "network/crosstraffic:0", "maxmin/precision:1e-9", "surf/precision:1e-12"}) {
    sg::Engine::set_config(setting);
  }
  RandomStream stream = random_stream(11, "simgrid");
  const auto pick = [&](int low, int high) { return boost::random::uniform_int_distribution<int>(low, high)(stream); };
  constexpr int kRounds = 200;
  sg::NetZone* zone = sg::create_full_zone("all");
  std::vector<double> simulated, expected;
  for (int round = 0; round < kRounds; ++round) {
    const int links = pick(1, 6);
    std::vector<double> capacities;
    std::vector<const sg::Link*> sg_links;
    for (int i = 0; i < links; ++i) {
      capacities.push_back(1e8 * pick(1, 40));
      const std::string name = "link" + std::to_string(round) + "_" + std::to_string(i);
      sg_links.push_back(zone->create_link(name, capacities.back())->set_latency(0)->seal());
    }
    FlowNetwork network(capacities);
    for (int f = pick(1, 12); f > 0; --f) {
      std::vector<LinkId> route{static_cast<LinkId>(pick(0, links - 1))};
      if (links > 1 && pick(0, 1) == 1) route.push_back((route[0] + 1) % static_cast<LinkId>(links));
      const double bytes = 1e6 * pick(1, 200);
      network.add({route, bytes, 1, {}, {}});
      const std::string name = std::to_string(round) + "_" + std::to_string(f);
      sg::Host* from = zone->create_host("from" + name, 1e9)->seal();
      sg::Host* to = zone->create_host("to" + name, 1e9)->seal();
      std::vector<sg::LinkInRoute> path;
      for (const LinkId link : route) path.emplace_back(sg_links[link]);
      zone->add_route(from->get_netpoint(), to->get_netpoint(), nullptr, nullptr, path, false);
      const std::size_t index = simulated.size();
      simulated.push_back(-1);
      sg::Actor::create("send" + name, from, [from, to, bytes, index, &simulated] {
        sg::Comm::sendto(from, to, static_cast<std::uint64_t>(bytes));
        simulated[index] = sg::Engine::get_clock();
      });
    }
    network.run();
    for (std::size_t f = expected.size(), first = f; f < simulated.size(); ++f) {
      expected.push_back(network.end(static_cast<FlowNetwork::Id>(f - first)).seconds().value());
    }
  }
  zone->seal();
  engine.run();
  REQUIRE(simulated.size() == expected.size());
  for (std::size_t i = 0; i < simulated.size(); ++i) {
    REQUIRE(simulated[i] == test::near(expected[i], 1e-6));
  }
}
