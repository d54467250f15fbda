// What must hold of every sharing of links, whatever the network.
#include "engine/flow_network.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>

using namespace gpuhours;

namespace {

struct Network {
  std::vector<double> capacities;
  std::vector<std::vector<LinkId>> routes;
  std::vector<double> bytes;
  std::vector<double> weights;
};

Network any_network() {
  Network network;
  const int links = *rc::gen::inRange(1, 10);
  for (int i = 0; i < links; ++i) network.capacities.push_back(1e8 * *rc::gen::inRange(1, 50));
  const int flows = *rc::gen::inRange(1, 25);
  for (int i = 0; i < flows; ++i) {
    auto route = *rc::gen::container<std::vector<LinkId>>(rc::gen::inRange<LinkId>(0, static_cast<LinkId>(links)));
    route.push_back(*rc::gen::inRange<LinkId>(0, static_cast<LinkId>(links)));
    std::sort(route.begin(), route.end());
    route.erase(std::unique(route.begin(), route.end()), route.end());
    network.routes.push_back(route);
    network.bytes.push_back(1e5 * *rc::gen::inRange(1, 100));
    network.weights.push_back(*rc::gen::inRange(1, 4));
  }
  return network;
}

std::vector<double> end_times(const Network& network, const std::vector<std::size_t>& order, double faster = 1) {
  std::vector<double> capacities = network.capacities;
  for (double& capacity : capacities) capacity *= faster;
  FlowNetwork flows(capacities);
  std::vector<double> ends(order.size());
  for (const std::size_t i : order) flows.add({network.routes[i], network.bytes[i], network.weights[i], {}, {}});
  flows.run();
  for (std::size_t at = 0; at < order.size(); ++at) {
    ends[order[at]] = flows.end(static_cast<FlowNetwork::Id>(at)).seconds().value();
  }
  return ends;
}

std::vector<std::size_t> ascending(std::size_t size) {
  std::vector<std::size_t> order(size);
  for (std::size_t i = 0; i < size; ++i) order[i] = i;
  return order;
}

bool near(double a, double b, double tolerance) { return std::abs(a - b) <= tolerance * std::max(a, b); }

}  // namespace

TEST_CASE("no link is over its capacity and every flow has a full link where none is faster") {
  CHECK(rc::check([] {
    const Network network = any_network();
    MaxMin solver(network.capacities);
    for (std::size_t i = 0; i < network.routes.size(); ++i) solver.add(network.routes[i], network.weights[i]);
    solver.solve();
    for (LinkId link = 0; link < network.capacities.size(); ++link) {
      RC_ASSERT(solver.load(link) <= network.capacities[link] * (1 + 1e-9));
    }
    for (std::size_t i = 0; i < network.routes.size(); ++i) {
      const double rate = solver.rate(static_cast<FlowId>(i));
      const bool bound = std::any_of(network.routes[i].begin(), network.routes[i].end(), [&](LinkId link) {
        if (solver.load(link) < network.capacities[link] * (1 - 1e-9)) return false;
        for (std::size_t j = 0; j < network.routes.size(); ++j) {
          const bool shares = std::binary_search(network.routes[j].begin(), network.routes[j].end(), link);
          if (shares && solver.rate(static_cast<FlowId>(j)) > rate * (1 + 1e-9)) return false;
        }
        return true;
      });
      RC_ASSERT(bound);
    }
  }));
}

TEST_CASE("what is sent arrives") {
  CHECK(rc::check([] {
    const Network network = any_network();
    FlowNetwork flows(network.capacities);
    flows.count_bytes();
    std::vector<double> sent(network.capacities.size(), 0.0);
    for (std::size_t i = 0; i < network.routes.size(); ++i) {
      flows.add({network.routes[i], network.bytes[i], network.weights[i], {}, {}});
      for (const LinkId link : network.routes[i]) sent[link] += network.bytes[i] * network.weights[i];
    }
    flows.run();
    RC_ASSERT(flows.unfinished() == 0U);
    for (LinkId link = 0; link < sent.size(); ++link) {
      RC_ASSERT(near(flows.moved_bytes(link), sent[link], 1e-9));
      // No link moved its bytes faster than it can.
      RC_ASSERT(flows.now().seconds().value() >= sent[link] / network.capacities[link] * (1 - 1e-8));
    }
  }));
}

TEST_CASE("doubling every capacity halves every transfer") {
  CHECK(rc::check([] {
    const Network network = any_network();
    const auto order = ascending(network.routes.size());
    const auto slow = end_times(network, order);
    const auto fast = end_times(network, order, 2);
    for (std::size_t i = 0; i < slow.size(); ++i) RC_ASSERT(near(slow[i], 2 * fast[i], 1e-7));
  }));
}

TEST_CASE("the order of equal events does not matter") {
  CHECK(rc::check([] {
    const Network network = any_network();
    auto order = ascending(network.routes.size());
    const auto ends = end_times(network, order);
    std::reverse(order.begin(), order.end());
    const auto other = end_times(network, order);
    for (std::size_t i = 0; i < ends.size(); ++i) RC_ASSERT(near(ends[i], other[i], 1e-8));
  }));
}
