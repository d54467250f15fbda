#include "engine/max_min.hpp"

#include <doctest/doctest.h>

#include <boost/random/uniform_int_distribution.hpp>

#include "core/random.hpp"
#include "max_min_oracle.hpp"
#include "near.hpp"

using namespace gpuhours;
using test::oracle_rates;
using test::OracleFlow;

namespace {

int pick(RandomStream& stream, int low, int high) {
  return boost::random::uniform_int_distribution<int>(low, high)(stream);
}

OracleFlow random_flow(RandomStream& stream, int links) {
  OracleFlow flow;
  const int length = pick(stream, 1, std::min(4, links));
  while (static_cast<int>(flow.route.size()) < length) {
    const auto link = static_cast<unsigned>(pick(stream, 0, links - 1));
    if (std::find(flow.route.begin(), flow.route.end(), link) == flow.route.end()) flow.route.push_back(link);
  }
  flow.weight = pick(stream, 1, 3);
  return flow;
}

}  // namespace

TEST_CASE("two links, three flows") {
  // a on link 0 (10), b on both, c on link 1 (4): b and c get 4 / 2 = 2, a the rest, 8.
  MaxMin solver({10, 4});
  const LinkId first[] = {0}, both[] = {0, 1}, second[] = {1};
  const FlowId a = solver.add(first), b = solver.add(both), c = solver.add(second);
  CHECK(solver.solve().size() == 3);
  CHECK(solver.rate(a) == 8.0);
  CHECK(solver.rate(b) == 2.0);
  CHECK(solver.rate(c) == 2.0);
  CHECK(solver.load(0) == 10.0);
  // b goes: a gets 10, c gets 4.
  solver.remove(b);
  CHECK(solver.solve().size() == 2);
  CHECK(solver.rate(a) == 10.0);
  CHECK(solver.rate(c) == 4.0);
  // Link 0 fails, then comes back at half speed.
  solver.set_capacity(0, 0);
  CHECK(solver.solve().size() == 1);
  CHECK(solver.rate(a) == 0.0);
  CHECK(solver.rate(c) == 4.0);
  solver.set_capacity(0, 5);
  solver.solve();
  CHECK(solver.rate(a) == 5.0);
}

TEST_CASE("a weight stands for that many like flows") {
  // Three like flows and one other on a link of 8: each gets 2.
  MaxMin solver({8});
  const LinkId link[] = {0};
  const FlowId three = solver.add(link, 3), one = solver.add(link);
  solver.solve();
  CHECK(solver.rate(three) == 2.0);
  CHECK(solver.rate(one) == 2.0);
}

TEST_CASE("a change that cannot reach a flow does not visit it") {
  MaxMin solver({10, 10});
  const LinkId left[] = {0}, right[] = {1};
  solver.add(left);
  solver.add(left);
  const FlowId alone = solver.add(right);
  solver.solve();
  const auto before = solver.visited_elements();
  solver.remove(alone);
  CHECK(solver.solve().empty());
  CHECK(solver.visited_elements() == before);
}

TEST_CASE("5,000 random networks against the brute-force oracle") {
  RandomStream stream = random_stream(7, "max_min oracle");
  for (int round = 0; round < 5000; ++round) {
    const int links = pick(stream, 1, 8);
    std::vector<double> capacities;
    for (int i = 0; i < links; ++i) capacities.push_back(pick(stream, 0, 20));
    MaxMin solver(capacities);
    std::vector<OracleFlow> flows;
    for (int i = pick(stream, 1, 12); i > 0; --i) {
      flows.push_back(random_flow(stream, links));
      CHECK(solver.add(flows.back().route, flows.back().weight) == flows.size() - 1);
    }
    solver.solve();
    const auto expected = oracle_rates(capacities, flows);
    for (std::size_t f = 0; f < flows.size(); ++f) {
      REQUIRE(solver.rate(static_cast<FlowId>(f)) == test::near(expected[f], 1e-9));
    }
  }
}

TEST_CASE("1,000 random histories of adding, removing and changing links") {
  RandomStream stream = random_stream(8, "max_min history");
  for (int round = 0; round < 1000; ++round) {
    const int links = pick(stream, 2, 7);
    std::vector<double> capacities;
    for (int i = 0; i < links; ++i) capacities.push_back(pick(stream, 1, 20));
    MaxMin solver(capacities);
    std::vector<OracleFlow> flows;
    std::vector<FlowId> ids;
    for (int change = 0; change < 30; ++change) {
      for (int several = pick(stream, 1, 3); several > 0; --several) {
        const int what = pick(stream, 0, 9);
        if (what < 5 || flows.empty()) {
          flows.push_back(random_flow(stream, links));
          ids.push_back(solver.add(flows.back().route, flows.back().weight));
        } else if (what < 8) {
          const auto at = pick(stream, 0, static_cast<int>(flows.size()) - 1);
          solver.remove(ids[at]);
          flows.erase(flows.begin() + at);
          ids.erase(ids.begin() + at);
        } else {
          const auto link = static_cast<LinkId>(pick(stream, 0, links - 1));
          capacities[link] = pick(stream, 0, 20);
          solver.set_capacity(link, capacities[link]);
        }
      }
      solver.solve();
      const auto expected = oracle_rates(capacities, flows);
      for (std::size_t f = 0; f < flows.size(); ++f) {
        REQUIRE(solver.rate(ids[f]) == test::near(expected[f], 1e-9));
      }
    }
  }
}
