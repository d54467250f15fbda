#include "engine/flow_network.hpp"

#include <doctest/doctest.h>

#include <boost/random/uniform_int_distribution.hpp>

#include "core/random.hpp"
#include "max_min_oracle.hpp"
#include "near.hpp"

using namespace gpuhours;

namespace {

constexpr SimTime microseconds(std::int64_t n) { return {n * 1'000'000}; }

struct Job {
  test::OracleFlow flow;
  double bytes;
  double start;
  double end = -1;
};

// Every event in turn, every rate anew: start, end, until nothing is left.
void oracle_run(const std::vector<double>& capacities, std::vector<Job>& jobs) {
  double now = 0;
  std::vector<double> left;
  for (const Job& job : jobs) left.push_back(job.bytes);
  for (;;) {
    std::vector<std::size_t> moving;
    std::vector<test::OracleFlow> flows;
    double next = 1e300;
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      if (jobs[j].end >= 0) continue;
      if (jobs[j].start > now) {
        next = std::min(next, jobs[j].start);
      } else {
        moving.push_back(j);
        flows.push_back(jobs[j].flow);
      }
    }
    const auto rates = test::oracle_rates(capacities, flows);
    for (std::size_t i = 0; i < moving.size(); ++i) next = std::min(next, now + left[moving[i]] / rates[i]);
    if (next == 1e300) return;
    for (std::size_t i = 0; i < moving.size(); ++i) {
      left[moving[i]] -= rates[i] * (next - now);
      if (left[moving[i]] <= 1e-9 * jobs[moving[i]].bytes) jobs[moving[i]].end = next;
    }
    now = next;
  }
}

}  // namespace

TEST_CASE("two flows on one link, one of them longer") {
  // 1 GB/s: together until the short one has moved 1 MB at 0.5 GB/s (2 ms), then 1 MB more at full speed (1 ms).
  FlowNetwork network({1e9});
  const LinkId route[] = {0};
  const auto brief = network.add({route, 1e6, 1, {}, {}});
  const auto lengthy = network.add({route, 2e6, 1, {}, {}});
  network.count_bytes();
  network.run();
  CHECK(network.end(brief) == microseconds(2000));
  CHECK(network.end(lengthy) == microseconds(3000));
  CHECK(network.moved_bytes(0) == 3e6);
  CHECK(network.unfinished() == 0);
}

TEST_CASE("latency comes before the first byte and shares nothing") {
  FlowNetwork network({1e9});
  const LinkId route[] = {0};
  const auto late = network.add({route, 1e6, 1, microseconds(10), microseconds(5)});
  const auto nowhere = network.add({{}, 1e6, 1, microseconds(10), microseconds(5)});
  network.run();
  CHECK(network.end(late) == microseconds(1015));
  CHECK(network.end(nowhere) == microseconds(15));
}

TEST_CASE("like flows as one variable end when single ones would") {
  FlowNetwork network({1e9});
  const LinkId route[] = {0};
  const auto four = network.add({route, 1e6, 4, {}, {}});
  network.run();
  CHECK(network.end(four) == microseconds(4000));
}

TEST_CASE("a link slows down, stops and comes back") {
  // 4 MB at 1 GB/s: 1 MB by 1 ms; at half speed 1 MB more by 3 ms; stopped until 10 ms; 2 MB at full speed by 12 ms.
  FlowNetwork network({1e9});
  const LinkId route[] = {0};
  const auto flow = network.add({route, 4e6, 1, {}, {}});
  network.change_link(microseconds(1000), 0, 0.5e9);
  network.change_link(microseconds(3000), 0, 0);
  network.change_link(microseconds(10000), 0, 1e9);
  network.run();
  CHECK(network.end(flow) == microseconds(12000));
}

TEST_CASE("a link that stays down leaves its flows unfinished") {
  FlowNetwork network({1e9});
  const LinkId route[] = {0};
  const auto flow = network.add({route, 1e6, 1, {}, {}});
  network.change_link(microseconds(500), 0, 0);
  network.run();
  CHECK_FALSE(network.has_ended(flow));
  CHECK(network.unfinished() == 1);
}

TEST_CASE("a flow's end may start the next one at the same moment") {
  FlowNetwork network({1e9});
  const LinkId route[] = {0};
  network.add({route, 1e6, 1, {}, {}});
  std::vector<FlowNetwork::Id> ended;
  network.run([&](FlowNetwork::Id id) {
    ended.push_back(id);
    if (ended.size() < 3) network.add({route, 1e6, 1, network.now(), microseconds(1)});
  });
  CHECK(ended == std::vector<FlowNetwork::Id>{0, 1, 2});
  CHECK(network.now() == microseconds(3002));
}

TEST_CASE("1,000 random runs against the brute-force simulation") {
  RandomStream stream = random_stream(9, "flow network oracle");
  const auto pick = [&](int low, int high) { return boost::random::uniform_int_distribution<int>(low, high)(stream); };
  for (int round = 0; round < 1000; ++round) {
    const int links = pick(1, 6);
    std::vector<double> capacities;
    for (int i = 0; i < links; ++i) capacities.push_back(1e9 * pick(1, 9));
    FlowNetwork network(capacities);
    std::vector<Job> jobs;
    for (int i = pick(1, 10); i > 0; --i) {
      Job job{{{}, static_cast<double>(pick(1, 2))}, 1e6 * pick(1, 50), 1e-3 * pick(0, 10)};
      const auto first = static_cast<unsigned>(pick(0, links - 1));
      job.flow.route = {first};
      if (links > 1 && pick(0, 1) == 1) job.flow.route.push_back((first + 1) % static_cast<unsigned>(links));
      network.add({job.flow.route, job.bytes, job.flow.weight, SimTime::from(Seconds(job.start)), {}});
      jobs.push_back(job);
    }
    network.run();
    oracle_run(capacities, jobs);
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      REQUIRE(network.end(static_cast<FlowNetwork::Id>(j)).seconds().value() == test::near(jobs[j].end, 1e-7));
    }
  }
}
